"""The process that trains: `python -m seqpipe.parts.embedders.fasttext._worker`, in the job's folder."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqpipe.parts.embedders.fasttext import _settings as job
from seqpipe.parts.fasttext import begin, train


def main() -> None:
    """Train by the job's files in the current folder."""
    settings = json.loads(Path(job.SETTINGS).read_text(encoding="utf-8"))
    begin(Path(job.CORPUS) if settings["thread"] == 1 else None)
    model = train(settings)
    save(model, buckets=settings["bucket"])


def save(model: Any, *, buckets: int) -> None:
    """Write the rows that are asked for: the whole matrix has mostly others, if there are many buckets."""
    ids = _ids(model)
    matrix = np.asarray(model.getInputMatrix())
    np.save(job.IDS, ids)
    # A word that the library has no room for has the id -1, which the reader of this file reports.
    np.save(job.OWN, matrix[ids])
    # The rows of words come first, the buckets behind them.
    np.save(job.SHARED, matrix[len(matrix) - buckets :][np.load(job.USED, allow_pickle=False)])


def _ids(model: Any) -> NDArray[np.int64]:
    words = Path(job.WORDS).read_bytes().split(b"\n")[:-1]
    return np.array([model.getWordId(word) for word in words], dtype=np.int64)


if __name__ == "__main__":
    main()

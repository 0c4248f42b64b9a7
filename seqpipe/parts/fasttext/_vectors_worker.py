"""The process that trains vectors: `python -m seqpipe.parts.fasttext._vectors_worker`, in the job's folder.

It lies here, and doesn't import NumPy, as it's started for each training: what the packages of
embedders import takes ten times as long as the library does.
"""

import json
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from seqpipe.parts.fasttext import begin, train

# The files that pass a job to this process, and the result back; all in one folder. Numbers are in the machine's
# order of bytes: row numbers as int64, rows of the matrix as float32.
CORPUS: Final = "corpus.txt"
SETTINGS: Final = "settings.json"
WORDS: Final = "words.txt"
#: Which of the rows that n-grams share are asked for: those of known words.
USED: Final = "used.int64"
IDS: Final = "ids.int64"
OWN: Final = "own.float32"
SHARED: Final = "shared.float32"


def main() -> None:
    """Train by the job's files in the current folder."""
    settings = json.loads(Path(SETTINGS).read_text(encoding="utf-8"))
    begin(Path(CORPUS) if settings["thread"] == 1 else None)
    model = train(settings)
    save(model, buckets=settings["bucket"])


def save(model: Any, *, buckets: int) -> None:
    """Write the rows that are asked for: the whole matrix has mostly others, if there are many buckets."""
    words = Path(WORDS).read_bytes().split(b"\n")[:-1]
    ids = array("q", map(model.getWordId, words))
    Path(IDS).write_bytes(ids)
    matrix = memoryview(model.getInputMatrix())
    rows = len(matrix)
    # A word that the library has no room for has the id -1, which the reader of this file reports.
    _write_rows(Path(OWN), matrix, (number % rows for number in ids))
    # The rows of words come first, the buckets behind them.
    used = array("q", Path(USED).read_bytes())
    _write_rows(Path(SHARED), matrix, (rows - buckets + number for number in used))


def _write_rows(path: Path, matrix: memoryview, numbers: Iterable[int]) -> None:
    length, flat = matrix.nbytes // len(matrix), matrix.cast("B")
    with path.open("wb") as file:
        for number in numbers:
            file.write(flat[number * length : (number + 1) * length])


if __name__ == "__main__":
    main()

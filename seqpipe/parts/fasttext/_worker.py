"""The process that trains vectors or a classifier: `python -m seqpipe.parts.fasttext._worker`, in the job's folder.

It lies here, and doesn't import NumPy, as it's started for each training: what the packages of embedders and classifiers
import takes ten times as long as the library does.
"""

import json
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from seqpipe.parts.fasttext import begin, explained, train

# The files that pass a job to this process, and the result back; all in one folder.
CORPUS: Final = "corpus.txt"

# For vectors. Numbers are in the machine's order of bytes: row numbers as int64, rows of the matrix as float32.
SETTINGS: Final = "settings.json"
WORDS: Final = "words.txt"
#: Which of the rows that n-grams share are asked for: those of known words.
USED: Final = "used.int64"
IDS: Final = "ids.int64"
OWN: Final = "own.float32"
SHARED: Final = "shared.float32"

# For a classifier.
CLASSIFIER: Final = "classifier.json"
DEV: Final = "dev.txt"
VECTORS: Final = "vectors.vec"
MODEL: Final = "model.bin"
ARGUMENTS: Final = "arguments.json"

_REPORTED_OPTIONS: Final = (
    *("lr", "dim", "epoch", "minCount", "minCountLabel", "minn", "maxn", "neg", "wordNgrams"),
    *("bucket", "thread", "cutoff", "dsub", "qnorm", "qout", "retrain", "seed"),
)


def main() -> None:
    """Train by the job's files in the current folder."""
    if Path(CLASSIFIER).exists():
        _train_classifier()
    else:
        _train_vectors()


def _train_vectors() -> None:
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


def _train_classifier() -> None:
    options = json.loads(Path(CLASSIFIER).read_text(encoding="utf-8"))
    settings = options["settings"]
    is_silent = settings["thread"] == 1 and "autotuneValidationFile" not in settings
    begin(Path(CORPUS) if is_silent else None)
    model = train(settings, fixed=options["fixed"])
    if options["quantize"]:
        with explained():
            _quantize(model, **options["quantize"])
    with explained():
        model.saveModel(MODEL)
    Path(ARGUMENTS).write_text(json.dumps(_arguments(model)), encoding="utf-8")


def _quantize(
    model: Any, *, cutoff: int, retrain: bool, norm: bool, output: bool, subvector: int
) -> None:
    trained = model.getArgs()
    model.quantize(
        CORPUS if retrain else "",
        output,
        cutoff,
        retrain,
        trained.epoch,
        trained.lr,
        trained.thread,
        trained.verbose,
        subvector,
        norm,
    )


def _arguments(model: Any) -> dict[str, Any]:
    trained = model.getArgs()
    options = {name: getattr(trained, name) for name in _REPORTED_OPTIONS}
    return {**options, "loss": trained.loss.name, "quantized": model.isQuant()}


if __name__ == "__main__":
    main()

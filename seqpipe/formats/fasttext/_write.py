"""Writes files that the fastText library and gensim read."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import numpy as np

from seqpipe.errors import SavedModelError
from seqpipe.formats.fasttext._args import FIELDS, KINDS, LOSSES, MAGIC
from seqpipe.formats.fasttext._matrix import Dense, Matrix, Quantized
from seqpipe.formats.fasttext._model import FastTextModel

_VERSION: Final = 12
_ROWS_AT_ONCE: Final = 10_000


def write_fasttext(model: FastTextModel, path: str | Path) -> None:
    """Write a model into a file of the library's version 12.

    The file is there once it's whole: one that was there before stays until then, for those too who have
    mapped it.

    Args:
        model: What to write.
        path: Where to; by custom it ends in `.bin`, or in `.ftz` if the model is quantised.

    Raises:
        SavedModelError: The file can't be written, or the model's tables don't fit each other.
    """
    if problem := _problem(model):
        raise SavedModelError(f"the model can't be written to {path}: {problem}")
    try:
        with _replacing(Path(path)) as file:
            _write(model, file)
    except OSError as error:
        raise SavedModelError(f"the model can't be written to {path}: {error}") from error


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        # Those of a file that's opened in the usual way.
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _problem(model: FastTextModel) -> str | None:
    words, labels, args = len(model.words), len(model.labels), model.args
    shared = args.buckets if model.pruned is None else len(model.pruned)
    rows = labels if model.is_supervised else words
    for name, matrix, expected in (
        ("input", model.input, (words + shared, args.width)),
        ("output", model.output, (rows, args.width)),
    ):
        if matrix.shape != expected:
            return f"the {name} matrix is {list(matrix.shape)}, and must be {list(expected)}"
    if (len(model.word_counts), len(model.label_counts)) != (words, labels):
        return "there are other counts than words and labels"
    if not labels and model.is_supervised:
        return "a supervised model has no labels"
    if args.version == 0:
        return "its words have other sub-words than the library gives them now"
    if args.hashes and not args.buckets:
        return "it has sub-words or n-grams of words, and no buckets for them"
    if model.pruned is not None and isinstance(model.input, Dense):
        return "it's pruned and not quantised, which the library refuses"
    if isinstance(model.input, Dense) and not isinstance(model.output, Dense):
        return "only its output is quantised, which the library can't read"
    entries = [model.encoded(entry) for entry in (*model.words, *model.labels)]
    if any(b"\0" in entry for entry in entries) or len(set(entries)) < len(entries):
        return "a word or label holds NUL, or is there twice"
    return None


def _write(model: FastTextModel, file: IO[bytes]) -> None:
    args = model.args
    numbers = {
        "kind": KINDS.index(args.kind) + 1,
        "loss": LOSSES.index(args.loss) + 1,
    }
    header = [numbers.get(name, getattr(args, name)) for name, _ in FIELDS]
    file.write(np.array([MAGIC, _VERSION, *header], dtype="<i4").tobytes())
    file.write(np.array([args.subsample], dtype="<f8").tobytes())
    _write_dictionary(model, file)
    for matrix in (model.input, model.output):
        file.write(b"\1" if isinstance(matrix, Quantized) else b"\0")
        _write_matrix(matrix, file)


def _write_dictionary(model: FastTextModel, file: IO[bytes]) -> None:
    words, labels, pruned = len(model.words), len(model.labels), model.pruned
    file.write(np.array([words + labels, words, labels], dtype="<i4").tobytes())
    pairs = -1 if pruned is None else len(pruned)
    file.write(np.array([model.tokens, pairs], dtype="<i8").tobytes())
    for kind, entries, counts in (
        (b"\0", model.words, model.word_counts),
        (b"\1", model.labels, model.label_counts),
    ):
        for entry, count in zip(entries, counts.astype("<i8"), strict=True):
            file.write(model.encoded(entry) + b"\0" + count.tobytes() + kind)
    if pruned is not None:
        file.write(pruned.astype("<i4").tobytes())


def _write_matrix(matrix: Matrix, file: IO[bytes]) -> None:
    shape = np.array(matrix.shape, dtype="<i8").tobytes()
    if isinstance(matrix, Quantized):
        has_norms = matrix.norms is not None
        file.write(bytes([has_norms]) + shape)
        _write_codes(matrix, file)
        return
    file.write(shape)
    for start in range(0, matrix.shape[0], _ROWS_AT_ONCE):
        ids = np.arange(start, min(start + _ROWS_AT_ONCE, matrix.shape[0]))
        file.write(matrix.rows(ids).astype("<f4").tobytes())


def _write_codes(matrix: Quantized, file: IO[bytes]) -> None:
    parts, width = matrix.codes.shape[1], matrix.part_width
    last = matrix.width - (parts - 1) * width
    file.write(np.array([matrix.codes.size], dtype="<i4").tobytes())
    file.write(matrix.codes.tobytes())
    file.write(np.array([matrix.width, parts, width, last], dtype="<i4").tobytes())
    file.write(matrix.centroids.astype("<f4").tobytes())
    if matrix.norms is not None and matrix.norm_codes is not None:
        file.write(matrix.norm_codes.tobytes())
        file.write(np.array([1, 1, 1, 1], dtype="<i4").tobytes())
        file.write(matrix.norms.astype("<f4").tobytes())

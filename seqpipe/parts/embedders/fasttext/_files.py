"""Trained vectors as files: two of JSON, one of safetensors, no code."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError
from seqpipe.parts._saved import (
    read_arrays,
    read_settings,
    read_words,
    write_arrays,
    write_settings,
    write_words,
)
from seqpipe.parts.embedders.fasttext._vectors import Shape, Tables, WordVectors

_SETTINGS = "embedder.json"
_WORDS = "words.json"
_TABLES = "vectors.safetensors"
_TYPES: dict[str, type] = {
    "width": int,
    "min_n": int,
    "max_n": int,
    "buckets": int,
    "lower": bool,
    "library": str,
}


def write_vectors(vectors: WordVectors, folder: Path, *, kind: str) -> None:
    """Write vectors into an existing folder.

    Args:
        vectors: What to write.
        folder: Where to.
        kind: The name of the embedder's class.

    Raises:
        SavedModelError: A file can't be written.
    """
    tables = vectors.tables
    arrays = {
        "known": tables.known,
        "rows": tables.rows,
        "hashes": tables.hashes,
        "row_of_hash": tables.row_of_hash,
    }
    write_settings(folder / _SETTINGS, asdict(vectors.shape), kind=kind)
    write_words(folder / _WORDS, vectors.words)
    write_arrays(folder / _TABLES, arrays)


def read_vectors(folder: Path, *, kind: str, width: int) -> WordVectors:
    """Read what `write_vectors` wrote.

    Args:
        folder: Where from.
        kind: The name of the embedder's class.
        width: The width that the vectors must have.

    Raises:
        SavedModelError: A file is missing, damaged, or doesn't fit the others or the embedder.
    """
    shape = _read_shape(folder / _SETTINGS, kind=kind, width=width)
    words = read_words(folder / _WORDS)
    tables = _read_tables(folder / _TABLES, known=len(words), width=width)
    return WordVectors(shape, words, tables)


def _read_shape(path: Path, *, kind: str, width: int) -> Shape:
    settings = read_settings(path, _TYPES, kind=kind)
    if settings["width"] != width:
        raise SavedModelError(
            f"{path} is of vectors of the width {settings['width']}, and the embedder's is {width}"
        )
    return Shape(**settings)


def _read_tables(path: Path, *, known: int, width: int) -> Tables:
    arrays = read_arrays(path)
    try:
        tables = Tables(**arrays)
    except TypeError as error:
        raise SavedModelError(f"{path} has other tables than an embedder's") from error
    problem = _problem(tables, known=known, width=width)
    if problem:
        raise SavedModelError(f"{path} is damaged, or is of another embedder: {problem}")
    return tables


def _problem(tables: Tables, *, known: int, width: int) -> str | None:
    rows, ngrams = tables.rows.shape[:1], tables.hashes.shape[:1]
    expected: dict[str, tuple[tuple[int, ...], type]] = {
        "known": ((known, width), np.float32),
        "rows": ((*rows, width), np.float32),
        "hashes": (ngrams, np.uint32),
        "row_of_hash": (ngrams, np.int32),
    }
    for name, (shape, kind) in expected.items():
        array: NDArray[Any] = getattr(tables, name)
        if array.shape != shape or array.dtype != kind:
            return (
                f"`{name}` is {array.dtype} {list(array.shape)}, not {kind.__name__} {list(shape)}"
            )
    return _wrong_values(tables)


def _wrong_values(tables: Tables) -> str | None:
    if not (np.isfinite(tables.known).all() and np.isfinite(tables.rows).all()):
        return "not every number is finite"
    if (tables.hashes[1:] <= tables.hashes[:-1]).any():
        return "`hashes` isn't in ascending order"
    if ((tables.row_of_hash < 0) | (tables.row_of_hash >= len(tables.rows))).any():
        return "`row_of_hash` names rows that don't exist"
    return None

"""Moved vectors as files: one of JSON, one of safetensors, no code."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError
from seqpipe.parts._saved import read_arrays, read_settings, write_arrays, write_settings
from seqpipe.parts.embedders.retrofit._moved import Moved

_SETTINGS: Final = "moved.json"
_TABLES: Final = "moved.safetensors"


def write_moved(moved: Moved, folder: Path, *, kind: str) -> None:
    """Write moved vectors into an existing folder.

    Args:
        moved: What to write.
        folder: Where to.
        kind: The name of the embedder's class.

    Raises:
        SavedModelError: A file can't be written.
    """
    write_settings(folder / _SETTINGS, {"known_words": moved.known_words}, kind=kind)
    write_arrays(folder / _TABLES, {"rows": moved.rows, "vectors": moved.vectors})


def read_moved(folder: Path, *, kind: str, width: int) -> Moved:
    """Read what `write_moved` wrote.

    Args:
        folder: Where from.
        kind: The name of the embedder's class.
        width: The width that the vectors must have.

    Raises:
        SavedModelError: A file is missing, damaged, or of another embedder.
    """
    settings = read_settings(folder / _SETTINGS, {"known_words": int}, kind=kind)
    known_words, path = settings["known_words"], folder / _TABLES
    tables = read_arrays(path)
    if problem := _problem(tables, known_words=known_words, width=width):
        raise SavedModelError(f"{path} is damaged, or is of another embedder: {problem}")
    return Moved(known_words, tables["rows"], tables["vectors"])


def _problem(tables: dict[str, NDArray[Any]], *, known_words: int, width: int) -> str | None:
    if set(tables) != {"rows", "vectors"}:
        return f"it has the tables {', '.join(sorted(tables)) or 'none'}"
    rows, vectors = tables["rows"], tables["vectors"]
    if rows.dtype != np.int64 or rows.ndim != 1:
        return f"`rows` is {rows.dtype} {list(rows.shape)}"
    if vectors.dtype != np.float32 or vectors.shape != (len(rows), width):
        return f"`vectors` is {vectors.dtype} {list(vectors.shape)}, not {[len(rows), width]}"
    if not np.isfinite(vectors).all():
        return "not every number is finite"
    if len(rows) and (rows[0] < 0 or rows[-1] >= known_words or (np.diff(rows) <= 0).any()):
        return "`rows` aren't those of words, in ascending order"
    return None

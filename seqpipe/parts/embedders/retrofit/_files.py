"""Moved vectors as files: one of JSON, one of safetensors, no code."""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from seqpipe.errors import SavedModelError
from seqpipe.parts.embedders.retrofit._moved import Moved

_FORMAT: Final = 1
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
    settings = {"format": _FORMAT, "kind": kind, "known_words": moved.known_words}
    tables: dict[str, NDArray[Any]] = {
        "rows": moved.rows,
        "vectors": np.ascontiguousarray(moved.vectors),
    }
    try:
        (folder / _SETTINGS).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
        save_file(tables, folder / _TABLES)
    except (OSError, SafetensorError) as error:
        raise SavedModelError(f"the embedder can't be written to {folder}: {error}") from error


def read_moved(folder: Path, *, kind: str, width: int) -> Moved:
    """Read what `write_moved` wrote.

    Args:
        folder: Where from.
        kind: The name of the embedder's class.
        width: The width that the vectors must have.

    Raises:
        SavedModelError: A file is missing, damaged, or of another embedder.
    """
    known_words = _read_settings(folder / _SETTINGS, kind=kind)
    path = folder / _TABLES
    try:
        tables = load_file(path)
    except (OSError, SafetensorError) as error:
        raise SavedModelError(f"{path} can't be read: {error}") from error
    if problem := _problem(tables, known_words=known_words, width=width):
        raise SavedModelError(f"{path} is damaged, or is of another embedder: {problem}")
    return Moved(known_words, tables["rows"], tables["vectors"])


def _read_settings(path: Path, *, kind: str) -> int:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SavedModelError(f"{path} can't be read: {error}") from error
    if not isinstance(settings, dict) or settings.get("format") != _FORMAT:
        raise SavedModelError(f"{path} isn't of moved vectors, in the format {_FORMAT}")
    if settings.get("kind") != kind:
        raise SavedModelError(f"{path} is of the embedder {settings.get('kind')}, not of {kind}")
    known_words = settings.get("known_words")
    if type(known_words) is not int:
        raise SavedModelError(f"{path} is damaged: `known_words` is {known_words!r}")
    return known_words


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

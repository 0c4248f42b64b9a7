"""Trained numbers as files: two of JSON, one of safetensors, no code."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from seqpipe.errors import SavedModelError

_FORMAT = 1
_SETTINGS = "embedder.json"
_WORDS = "words.json"
_TABLES = "vectors.safetensors"

#: What an array must be: its type, and the length of each dimension, None for any.
Form = tuple[type, tuple[int | None, ...]]


@dataclass(frozen=True, eq=False)
class Tables:
    """What a training leaves.

    Attributes:
        words: Distinct words.
        settings: What shaped the arrays, as plain data.
        arrays: The numbers by name.
    """

    words: tuple[str, ...]
    settings: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


def write_tables(tables: Tables, folder: Path, *, kind: str) -> None:
    """Write what a training left into an existing folder.

    Args:
        tables: What to write.
        folder: Where to.
        kind: The name of the embedder's class.

    Raises:
        SavedModelError: A file can't be written.
    """
    settings = {"format": _FORMAT, "kind": kind, "settings": dict(tables.settings)}
    arrays = {name: np.ascontiguousarray(array) for name, array in tables.arrays.items()}
    try:
        (folder / _SETTINGS).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
        (folder / _WORDS).write_text(json.dumps(tables.words), encoding="utf-8")
        save_file(arrays, folder / _TABLES)
    except (OSError, SafetensorError) as error:
        raise SavedModelError(f"the embedder can't be written to {folder}: {error}") from error


def read_tables(folder: Path, *, kind: str, forms: Mapping[str, Form]) -> Tables:
    """Read what `write_tables` wrote.

    Args:
        folder: Where from.
        kind: The name of the embedder's class.
        forms: What each array must be; a length of -1 is the number of words.

    Raises:
        SavedModelError: A file is missing, damaged, doesn't fit the others, or is of another embedder.
    """
    settings = _read_settings(folder / _SETTINGS, kind)
    words = _read_words(folder / _WORDS)
    path = folder / _TABLES
    try:
        arrays = load_file(path)
    except (OSError, SafetensorError) as error:
        raise SavedModelError(f"{path} can't be read: {error}") from error
    problem = _problem(arrays, forms, len(words))
    if problem:
        raise SavedModelError(f"{path} is damaged, or is of another embedder: {problem}")
    return Tables(words, settings, arrays)


def _read_settings(path: Path, kind: str) -> dict[str, Any]:
    told = _read_json(path)
    if not isinstance(told, dict) or told.get("format") != _FORMAT:
        raise SavedModelError(f"{path} isn't the settings of an embedder, in the format {_FORMAT}")
    if told.get("kind") != kind:
        raise SavedModelError(f"{path} is of the embedder {told.get('kind')}, not of {kind}")
    settings = told.get("settings")
    if not isinstance(settings, dict):
        raise SavedModelError(f"{path} is damaged: `settings` is {settings!r}")
    return settings


def _read_words(path: Path) -> tuple[str, ...]:
    words = _read_json(path)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise SavedModelError(f"{path} isn't a list of words")
    if len(set(words)) != len(words):
        raise SavedModelError(f"{path} is damaged: a word occurs in it twice")
    return tuple(words)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SavedModelError(f"{path} can't be read: {error}") from error


def _problem(
    arrays: Mapping[str, NDArray[Any]], forms: Mapping[str, Form], words: int
) -> str | None:
    if set(arrays) != set(forms):
        return f"it holds {sorted(arrays)}, not {sorted(forms)}"
    for name, (kind, wanted) in forms.items():
        array, lengths = arrays[name], [words if n == -1 else n for n in wanted]
        fits = len(lengths) == array.ndim and all(
            length in (None, n) for length, n in zip(lengths, array.shape, strict=True)
        )
        if array.dtype != kind or not fits:
            return f"`{name}` is {array.dtype} {list(array.shape)}, not {kind.__name__} {lengths}"
        if not np.isfinite(array).all():
            return f"not every number of `{name}` is finite"
    return None

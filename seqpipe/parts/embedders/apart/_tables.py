"""Trained numbers as files: two of JSON, one of safetensors, no code."""

from collections.abc import Mapping
from dataclasses import dataclass
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
    write_settings(folder / _SETTINGS, {"settings": dict(tables.settings)}, kind=kind)
    write_words(folder / _WORDS, tables.words)
    write_arrays(folder / _TABLES, tables.arrays)


def read_tables(folder: Path, *, kind: str, forms: Mapping[str, Form]) -> Tables:
    """Read what `write_tables` wrote.

    Args:
        folder: Where from.
        kind: The name of the embedder's class.
        forms: What each array must be; a length of -1 is the number of words.

    Raises:
        SavedModelError: A file is missing, damaged, doesn't fit the others, or is of another embedder.
    """
    told = read_settings(folder / _SETTINGS, {"settings": dict}, kind=kind)
    words = read_words(folder / _WORDS)
    path = folder / _TABLES
    arrays = read_arrays(path)
    if problem := _problem(arrays, forms, len(words)):
        raise SavedModelError(f"{path} is damaged, or is of another embedder: {problem}")
    return Tables(words, told["settings"], arrays)


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

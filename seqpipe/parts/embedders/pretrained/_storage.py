"""The files of a saved embedder: JSON and safetensors, no code."""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from seqpipe.errors import SavedModelError

_WORDS: Final = "words.json"
_TABLE: Final = "vectors.safetensors"
_VECTORS: Final = "vectors"


def write_json(path: Path, value: Any) -> None:
    """Write a value.

    Raises:
        SavedModelError: The file can't be written.
    """
    try:
        path.write_text(json.dumps(value) + "\n", encoding="utf-8")
    except OSError as error:
        raise SavedModelError(f"{path} can't be written: {error}") from error


def read_json(path: Path) -> Any:
    """Read a value.

    Raises:
        SavedModelError: The file can't be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SavedModelError(f"{path} can't be read: {error}") from error


def setting(settings: dict[str, Any], name: str, kind: type) -> Any:
    """Return a setting of a saved embedder.

    Raises:
        SavedModelError: It's missing, or of another type.
    """
    value = settings.get(name)
    if type(value) is not kind:
        raise SavedModelError(f"the saved embedder is damaged: its `{name}` is {value!r}")
    return value


def write_words(folder: Path, words: tuple[str, ...]) -> None:
    """Write words; see `write_json`."""
    write_json(folder / _WORDS, words)


def read_words(folder: Path) -> tuple[str, ...]:
    """Read words.

    Raises:
        SavedModelError: The file can't be read, or holds something else.
    """
    words = read_json(folder / _WORDS)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise SavedModelError(f"{folder / _WORDS} isn't a list of words")
    if len(set(words)) != len(words):
        raise SavedModelError(f"{folder / _WORDS} is damaged: a word occurs in it twice")
    return tuple(words)


def write_table(folder: Path, table: NDArray[np.float32]) -> None:
    """Write a table of vectors.

    Raises:
        SavedModelError: The file can't be written.
    """
    try:
        save_file({_VECTORS: np.ascontiguousarray(table)}, folder / _TABLE)
    except (OSError, SafetensorError) as error:
        raise SavedModelError(f"{folder / _TABLE} can't be written: {error}") from error


def read_table(folder: Path) -> NDArray[np.float32]:
    """Read a table of vectors, `[N, width]`, finite.

    Raises:
        SavedModelError: The file can't be read, or holds something else.
    """
    path = folder / _TABLE
    try:
        arrays = load_file(path)
    except (OSError, SafetensorError) as error:
        raise SavedModelError(f"{path} can't be read: {error}") from error
    table = arrays.get(_VECTORS)
    if len(arrays) != 1 or table is None or table.ndim != 2 or table.dtype != np.float32:
        raise SavedModelError(f"{path} has other tables than an embedder's")
    if not np.isfinite(table).all():
        raise SavedModelError(f"{path} is damaged: not every number is finite")
    return table

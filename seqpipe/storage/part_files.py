"""The files of a saved part, for plugins too: settings and words as JSON, arrays as safetensors; no code.

Reading is strict: what isn't what was written raises a `SavedModelError` that names the file.
"""

import json
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from seqpipe.errors import SavedModelError
from seqpipe.storage.packed_arrays import Packed, from_stored, to_stored

_FORMAT: Final = 1


def write_json(path: Path, value: Any) -> None:
    """Write a value.

    Raises:
        SavedModelError: The file can't be written.
    """
    try:
        path.write_text(json.dumps(value, allow_nan=False) + "\n", encoding="utf-8")
    except (OSError, ValueError) as error:
        raise SavedModelError(f"{path} can't be written: {error}") from error


def read_json(path: Path) -> Any:
    """Read a value.

    Raises:
        SavedModelError: The file can't be read, or isn't JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SavedModelError(f"{path} can't be read: {error}") from error


def write_settings(path: Path, settings: Mapping[str, Any], *, kind: str) -> None:
    """Write what shaped a part, with the format and the name of its class.

    Raises:
        SavedModelError: The file can't be written.
    """
    saved = {**settings, "format": _FORMAT, "kind": kind}
    try:
        path.write_text(json.dumps(saved, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    except (OSError, ValueError) as error:
        raise SavedModelError(f"{path} can't be written: {error}") from error


def read_settings(path: Path, types: Mapping[str, type], *, kind: str) -> dict[str, Any]:
    """Read what `write_settings` wrote.

    Args:
        path: The file.
        types: The type that each setting must be of.
        kind: The name of the part's class.

    Returns:
        The settings that have a type.

    Raises:
        SavedModelError: The file can't be read, is of another part or format, or lacks a setting.
    """
    return check_settings(path, read_any_settings(path, kind=kind), types)


def read_any_settings(path: Path, *, kind: str) -> dict[str, Any]:
    """Read what `write_settings` wrote, whatever types its settings have.

    Raises:
        SavedModelError: The file can't be read, or is of another part or format.
    """
    saved = read_json(path)
    found = (
        saved.get("kind") if isinstance(saved, dict) and saved.get("format") == _FORMAT else None
    )
    if not isinstance(found, str):
        raise SavedModelError(f"{path} isn't the settings of {kind}, in the format {_FORMAT}")
    if found != kind:
        raise SavedModelError(f"{path} is of {found}, not of {kind}")
    settings: dict[str, Any] = saved
    return settings


def check_settings(
    path: Path, saved: Mapping[str, Any], types: Mapping[str, type]
) -> dict[str, Any]:
    """Return the settings that have a type.

    Raises:
        SavedModelError: One is missing, or of another type.
    """
    for name, expected in types.items():
        if type(saved.get(name)) is not expected:
            raise SavedModelError(f"{path} is damaged: `{name}` is {saved.get(name)!r}")
    return {name: saved[name] for name in types}


def write_words(path: Path, words: Sequence[str]) -> None:
    """Write words; see `write_json`."""
    write_json(path, list(words))


def read_words(path: Path) -> tuple[str, ...]:
    """Read distinct words.

    Raises:
        SavedModelError: The file can't be read, or holds something else.
    """
    words = read_json(path)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise SavedModelError(f"{path} isn't a list of words")
    if len(set(words)) != len(words):
        raise SavedModelError(f"{path} is damaged: a word occurs in it twice")
    return tuple(words)


def write_arrays(
    path: Path, arrays: Mapping[str, NDArray[Any]], packed: Mapping[str, Packed] | None = None
) -> None:
    """Write arrays by name.

    Args:
        path: The file.
        arrays: The arrays.
        packed: Those of them that are written in fewer bytes.

    Raises:
        SavedModelError: The file can't be written.
    """
    stored, metadata = to_stored(arrays, packed or {})
    # safetensors writes memory as it is, whatever the strides.
    contiguous = {name: np.ascontiguousarray(array) for name, array in stored.items()}
    try:
        path.unlink(missing_ok=True)
        path.touch()
        mode = stat.S_IMODE(path.stat().st_mode)
        save_file(contiguous, path, metadata or None)
        # It moves a temporary file there, which only its owner may read.
        path.chmod(mode)
    except (OSError, SafetensorError) as error:
        raise SavedModelError(f"{path} can't be written: {error}") from error


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read arrays by name; those that were packed are float32 again.

    Raises:
        SavedModelError: The file can't be read.
    """
    metadata = read_metadata(path)
    try:
        stored = load_file(path)
    # NumPy has fewer dtypes than the format.
    except (OSError, SafetensorError, TypeError, KeyError) as error:
        raise SavedModelError(f"{path} can't be read: {error}") from error
    # Where another package has taught it more, as ml_dtypes does, which comes with onnx.
    foreign = [name for name, array in stored.items() if array.dtype.kind not in "biuf"]
    if foreign:
        raise SavedModelError(
            f"{path} can't be read: {foreign[0]!r} is of {stored[foreign[0]].dtype}, which NumPy doesn't compute with"
        )
    return from_stored(stored, metadata, str(path))


def read_metadata(path: Path) -> dict[str, str]:
    """Read what's said of the arrays of a file, which is nothing unless some are packed, or others wrote it.

    Raises:
        SavedModelError: The file can't be read.
    """
    try:
        with safe_open(path, framework="numpy") as opened:
            return dict(opened.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise SavedModelError(f"{path} can't be read: {error}") from error

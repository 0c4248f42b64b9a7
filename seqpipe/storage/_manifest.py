"""The manifest of a saved model: the size and SHA-256 of every file, in ``seqpipe-manifest.json``.

It has one spelling only, so that a byte changed anywhere in the manifest itself is noticed too.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Final, NamedTuple

from seqpipe.errors import SavedModelError
from seqpipe.storage._files import hash_file, is_dropping, list_files

NAME: Final = "seqpipe-manifest.json"

_FORMAT: Final = "seqpipe-model"
_VERSION: Final = 1
_HASH: Final = re.compile(r"[0-9a-f]{64}")


class Entry(NamedTuple):
    """What the manifest says of one file."""

    sha256: str
    size: int


def has_manifest(folder: Path) -> bool:
    """Say whether a folder has a manifest, damaged or not."""
    return (folder / NAME).is_file()


def discard_manifest(folder: Path) -> None:
    """Remove a folder's manifest, if there is one, because its files are about to change.

    Raises:
        SavedModelError: It can't be removed.
    """
    try:
        (folder / NAME).unlink(missing_ok=True)
    except OSError as error:
        raise SavedModelError(f"{folder / NAME} can't be removed: {error.strerror}.") from error


def check_name(name: str) -> None:
    """Check that a path can stand in a manifest: below the folder, and the same on every system.

    Raises:
        SavedModelError: It can't.
    """
    parts = name.split("/")
    leaves = PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive or ".." in parts
    if leaves or "\\" in name or "" in parts or "." in parts or name == NAME:
        raise SavedModelError(f"{name!r} can't be the path of a file inside a saved model.")


def to_text(entries: Mapping[str, Entry]) -> str:
    """Spell out a manifest.

    Args:
        entries: What to say of each file, by its relative POSIX path.

    Raises:
        SavedModelError: A path can't stand in a manifest.
    """
    for name in entries:
        check_name(name)
    files = {name: entry._asdict() for name, entry in entries.items()}
    manifest = {"format": _FORMAT, "version": _VERSION, "files": files}
    return json.dumps(manifest, indent=1, sort_keys=True) + "\n"


def manifest_size(folder: Path) -> int:
    """Return how many bytes the manifest of a folder's files takes.

    Raises:
        SavedModelError: A path can't stand in a manifest.
        OSError: The folder can't be read.
    """
    entries = {name: Entry("0" * 64, size) for name, size in list_files(folder).items()}
    return len(to_text(entries).encode())


def read_manifest(folder: Path) -> dict[str, Entry]:
    """Read and check the manifest of a folder.

    Returns:
        What it says of each file, by relative POSIX path.

    Raises:
        SavedModelError: It's missing, damaged, of a version that this release doesn't know, or
            names a path outside the folder.
    """
    path = folder / NAME
    raw = _read(path)
    try:
        manifest = json.loads(raw)
        _check_format(manifest, path)
        entries = _entries(manifest["files"])
        same = to_text(entries).encode() == raw
    except SavedModelError as error:
        raise SavedModelError(f"{path}: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SavedModelError(_damaged(path)) from error
    if not same:
        raise SavedModelError(_damaged(path))
    return entries


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise SavedModelError(
            f"{path.parent} has no {NAME}, so it is unknown whether the model in it is complete. "
            "Either it was not saved by seqpipe, or it has been written into since."
        ) from error
    except OSError as error:
        raise SavedModelError(f"{path} can't be read: {error.strerror}.") from error


def _check_format(manifest: Any, path: Path) -> None:
    if manifest["format"] != _FORMAT:
        raise SavedModelError("This is the manifest of something other than a seqpipe model.")
    if manifest["version"] != _VERSION:
        raise SavedModelError(
            f"The manifest has version {manifest['version']!r}; this release of seqpipe reads "
            f"version {_VERSION}. Use the release that saved {path.parent}, or a newer one."
        )


def _entries(files: dict[str, dict[str, Any]]) -> dict[str, Entry]:
    entries = {name: Entry(**entry) for name, entry in files.items()}
    for entry in entries.values():
        if type(entry.size) is not int or not _HASH.fullmatch(entry.sha256):
            raise ValueError
    return entries


def _damaged(path: Path) -> str:
    return (
        f"{path} is damaged, so it is unknown whether the model is complete. "
        "Copy the whole folder again from where it came from, or train it again."
    )


# Checking a folder against its manifest.

_SHOWN: Final = 5

#: It describes the model to people and to package managers. Whoever packages a model rewrites it.
_DESCRIPTION: Final = "meta.json"


def check_folder(path: Path) -> None:
    """Check that a folder holds the files of its manifest, unchanged, and no others among them.

    Files that no part reads may have been added: beside the model's own files and folders, such as a
    README, a licence or ``.git/``, and hidden ones anywhere. The description may have been rewritten.

    Raises:
        SavedModelError: It doesn't; the message names the first few files that differ.
    """
    if not path.is_dir():
        what = "is not a folder" if path.exists() else "does not exist"
        raise SavedModelError(f"{path} {what}, so there is no saved model to read.")
    entries = read_manifest(path)
    try:
        sizes = list_files(path, within={name.partition("/")[0] for name in entries})
    except OSError as error:
        raise SavedModelError(f"{path} can't be read: {error.strerror}.") from error
    problems = _problems(path, entries, sizes)
    if problems:
        raise SavedModelError(_message(path, problems))


def _problems(path: Path, entries: dict[str, Entry], sizes: dict[str, int]) -> list[str]:
    missing = [f"{name} is missing" for name in entries if name not in sizes]
    others = [name for name in sizes if name not in entries and not _is_hidden(name)]
    added = [f"{name} was not there when it was saved" for name in others]
    both = [name for name in entries if name in sizes and name != _DESCRIPTION]
    changed = [_changed(path / name, name, entries[name], sizes[name]) for name in both]
    return missing + [problem for problem in changed if problem] + added


def _is_hidden(name: str) -> bool:
    return is_dropping(name) or any(part.startswith(".") for part in name.split("/"))


def _changed(path: Path, name: str, entry: Entry, size: int) -> str | None:
    if size != entry.size:
        return f"{name} has {size} bytes instead of {entry.size}"
    try:
        same = hash_file(path) == entry.sha256
    except OSError as error:
        return f"{name} can't be read: {error.strerror}"
    return None if same else f"{name} has other content"


def _message(path: Path, problems: list[str]) -> str:
    shown = [f"  {problem}" for problem in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        shown.append(f"  and {len(problems) - _SHOWN} more")
    return "\n".join(
        [
            f"{path} is damaged or incomplete, or was changed after it was saved:",
            *shown,
            "Nothing was loaded. Copy the folder again from where it came from, or train it again; "
            "move away what was added.",
        ]
    )

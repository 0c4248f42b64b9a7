"""The files of a folder: which there are, their hashes, and getting them onto the disk."""

import hashlib
import os
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Final

from seqpipe.errors import SavedModelError

_CHUNK: Final = 1 << 20
_WINDOWS: Final = os.name == "nt"

# File managers leave these behind; no program of ours reads them.
_DROPPINGS: Final = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


def list_files(folder: Path, *, within: Collection[str] | None = None) -> dict[str, int]:
    """List the files of a folder and of the folders in it.

    Args:
        folder: The folder.
        within: The names of those files and folders directly in it that count; by default all.

    Returns:
        Size in bytes by POSIX path relative to the folder, sorted by path.

    Raises:
        SavedModelError: Something in there is neither a plain file nor a folder.
        OSError: It can't be read.
    """
    return dict(sorted(_walk(folder, "", within)))


def sizes_of(folder: Path) -> dict[str, int]:
    """Return the size in bytes of each file that counts as a model's: all but hidden ones, wherever links lead.

    Returns:
        Size by POSIX path relative to the folder, sorted by path.
    """
    files = {file.relative_to(folder): file for file in sorted(folder.rglob("*"))}
    return {
        name.as_posix(): file.stat().st_size
        for name, file in files.items()
        if file.is_file() and not any(part.startswith(".") for part in name.parts)
    }


def list_folders(folder: Path) -> list[Path]:
    """List a folder and all folders in it, the innermost first."""
    return [Path(root) for root, _, _ in os.walk(folder, topdown=False)]


def hash_file(path: Path, *, sync: bool = False) -> str:
    """Read a file once, in pieces, and return its SHA-256 in hexadecimal.

    Args:
        path: The file.
        sync: Whether to wait until its content is on the disk.

    Raises:
        OSError: It can't be read.
    """
    digest = hashlib.sha256()
    # Windows flushes only what is open for writing.
    with path.open("r+b" if sync and _WINDOWS else "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
        if sync:
            os.fsync(file.fileno())
    return digest.hexdigest()


def sync_folder(folder: Path) -> None:
    """Wait until a folder's list of names is on the disk, where the system supports that."""
    if _WINDOWS:
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def follow_umask(folder: Path) -> None:
    """Give everything in a folder the permissions that new files and folders have by the umask.

    Some libraries write through temporary files that only their owner may read.
    """
    probe = folder / ".seqpipe-permissions"
    probe.touch()
    of_files, of_folders = (stat.S_IMODE(path.stat().st_mode) for path in (probe, folder))
    probe.unlink()
    for root, folders, files in os.walk(folder):
        for name in folders:
            Path(root, name).chmod(of_folders)
        for name in files:
            Path(root, name).chmod(of_files)


def is_dropping(name: str) -> bool:
    """Say whether a path is that of a file which file managers leave behind."""
    last = name.rpartition("/")[2]
    return last in _DROPPINGS or last.startswith("._")


def _walk(
    folder: Path, prefix: str, within: Collection[str] | None = None
) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if within is not None and entry.name not in within:
                continue
            name = prefix + entry.name
            if entry.is_symlink():
                raise SavedModelError(_not_plain(folder / entry.name, "a symbolic link"))
            if entry.is_dir():
                found += _walk(folder / entry.name, name + "/")
            elif not entry.is_file():
                raise SavedModelError(_not_plain(folder / entry.name, "a pipe, socket or device"))
            else:
                found.append((name, entry.stat().st_size))
    return found


def _not_plain(path: Path, what: str) -> str:
    return (
        f"{path} is {what}. A saved model holds plain files and folders only: "
        "put a copy of the file there, or remove it."
    )

"""The hidden folders that stand beside a target while it's being replaced, and the lock.

A new model is written to ``.<target>.seqpipe-new-<random>``; where two folders can't be exchanged in
one step, the old one stands for a moment at ``.<target>.seqpipe-old-<random>``. A model is moved to
``.<target>.seqpipe-gone-<random>`` before it's removed. Whoever holds the lock
on ``.<target>.seqpipe-lock`` is the only living writer, so all that stands there is the work of dead
ones: no process IDs, which the system reuses, are needed for that.
"""

import errno
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from seqpipe.errors import SavedModelError

_UNSUPPORTED: Final = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
#: How the name of a folder begins into which files are written before they take their places around it.
IN_PLACE: Final = ".seqpipe-saving-"


class BusyError(SavedModelError):
    """Another writer holds the lock."""


def new_name(target: Path) -> Path:
    """Name a folder to write a new model to."""
    return _beside(target, f"new-{secrets.token_hex(4)}")


def is_new(folder: Path) -> bool:
    """Say whether a folder is one that `new_name` named."""
    return ".seqpipe-new-" in folder.name


def old_name(target: Path) -> Path:
    """Name a folder to move the old model to."""
    return _beside(target, f"old-{secrets.token_hex(4)}")


def gone_name(target: Path) -> Path:
    """Name a folder to move a model to that's about to be removed."""
    return _beside(target, f"gone-{secrets.token_hex(4)}")


def find_gone(target: Path) -> list[Path]:
    """List the folders beside a target that are to be removed."""
    return _find(target, "gone-")


def find_new(target: Path) -> list[Path]:
    """List the new folders that stand beside a target, the latest first."""
    return _find(target, "new-")


def find_old(target: Path) -> list[Path]:
    """List the old folders that stand beside a target, the latest first."""
    return _find(target, "old-")


@contextmanager
def locked(target: Path) -> Iterator[bool]:
    """Be the only writer of a target.

    The lock ends with the process, however that ends. On file systems without locks there is none;
    the value says whether there's one.

    Raises:
        BusyError: There's another writer.
        OSError: The lock's file can't be made.
    """
    path = _beside(target, "lock")
    while True:
        with path.open("ab") as file:
            has_lock = _lock(file)
            if has_lock is None:
                raise BusyError(
                    f"{target} is being written by another process just now. "
                    "Wait until that has ended, or choose another folder."
                )
            # The writer before us may have removed the file after we had opened it.
            if not _is_at(file, path):
                continue
            try:
                yield has_lock
            finally:
                # Windows doesn't remove a file that's open; it can stay.
                with suppress(OSError):
                    path.unlink()
            return


def _beside(target: Path, what: str) -> Path:
    return target.with_name(f".{target.name}.seqpipe-{what}")


def _find(target: Path, what: str) -> list[Path]:
    prefix = _beside(target, what).name
    with os.scandir(target.parent) as entries:
        found = [entry for entry in entries if entry.name.startswith(prefix)]
        found.sort(key=lambda entry: entry.stat(follow_symlinks=False).st_mtime_ns, reverse=True)
    return [target.parent / entry.name for entry in found]


def _is_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> bool | None:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return None
        return True

else:
    import fcntl

    def _lock(file: IO[bytes]) -> bool | None:
        """Return whether there's a lock now; None if somebody else has it."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            return False
        return True

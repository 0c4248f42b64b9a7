"""The on-disk cache of compiled kernels, and which of them may be loaded.

What's loaded runs with the user's rights, and a corrupt library crashes Python without a message. So a kernel
is written to a folder, and loaded from one, only if nobody but the user and the administrator can write to
it. Its name has the hash of its content, which is checked before each load: as files are put in place by a single
rename, name and content always agree, whatever is interrupted.
"""

import atexit
import contextlib
import functools
import hashlib
import logging
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from seqpipe.storage import cache_folder, is_trusted, make_private, remove_leftovers

T = TypeVar("T")

_LOG: Final = logging.getLogger("seqpipe")

#: File names of earlier versions, which nothing loads any more.
_OLD_PATTERNS: Final = ("[0-9a-f]" * 32 + ".so", "seqpipe_*.py", "__pycache__")

#: Which user IDs are mapped in a user namespace, and the one that stands for all the others.
_KNOWN_USERS: Final = Path("/proc/self/uid_map")
_UNKNOWN_USER: Final = Path("/proc/sys/kernel/overflowuid")

# Windows has the first, other systems the rest. Opening a pipe mustn't block.
_READ: Final = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_BINARY", "O_NOFOLLOW", "O_NONBLOCK")
)


class _Refused(Exception):
    """A file or folder isn't safe to load code from."""


def load_cached(
    key: str, suffix: str, make: Callable[[Path], bytes], load: Callable[[Path], T]
) -> T:
    """Load the file that's cached under a key, or make it, cache it and load it.

    The folder is `kernels` in `cache_folder`. Only where that can't be used, or isn't safe from other users, a
    temporary one takes its place.

    Args:
        key: Identifies the file.
        suffix: The end of its name.
        make: Returns its content; is passed an empty folder to work in, which is deleted afterwards.
        load: Loads it. It may be called twice.

    Raises:
        OSError: The temporary folder can't be used either.
    """
    folder = _permanent_folder()
    found = _find(folder, key, suffix) if folder is not None else None
    if found is None and (folder is None or _temporary_folder.cache_info().currsize):
        found = _find(_temporary_folder(), key, suffix)
    if found is None:
        content = _make(folder, make)
        kept = _store(folder, key, suffix, content) if folder is not None else None
        found = kept or _write(_temporary_folder(), key, suffix, content), content
    path, content = found
    try:
        return load(path)
    except OSError as error:  # such as a file system mounted with noexec
        if path.parent != folder:
            raise
        _warn_once(f"{path} can't be loaded, so each process loads a copy: {error}")
    return load(_write(_temporary_folder(), key, suffix, content))


def _make(folder: Path | None, make: Callable[[Path], bytes]) -> bytes:
    """Make a file's content: in the folder where it's cached if that's writable, or else in a temporary one."""
    if folder is not None:
        with (
            contextlib.suppress(OSError),
            tempfile.TemporaryDirectory(prefix=".", dir=folder) as workplace,
        ):
            return make(Path(workplace))
    with tempfile.TemporaryDirectory(dir=_temporary_folder()) as workplace:
        return make(Path(workplace))


def _permanent_folder() -> Path | None:
    """Return the user's own folder for kernels; None if there's none, or if it isn't safe."""
    try:
        folder = Path(os.path.realpath(cache_folder() / "kernels"))
        make_private(folder)
        _check_folder(folder)
    except _Refused as refused:
        _warn_once(
            f"Kernels are compiled for this process alone, as {refused}. Loading one from there would run "
            "whatever somebody else put there. To keep them, take that right away (chmod go-w), or set "
            "SEQPIPE_CACHE to a folder that only you can write to."
        )
    except (OSError, RuntimeError) as error:
        # Python raises a RuntimeError for a user without a home.
        _warn_once(
            "Kernels are compiled for this process alone, as there's no folder to keep them in: "
            f"{error}. Set SEQPIPE_CACHE to one that you can write to."
        )
    else:
        return folder
    return None


@functools.cache
def _temporary_folder() -> Path:
    """Return a folder that nobody else can have put something into, deleted when the process ends.

    Raises:
        OSError: It can't be made, or others could put another one in its place.
    """
    folder = Path(os.path.realpath(tempfile.mkdtemp(prefix="seqpipe-")))
    # A TemporaryDirectory warns when it's garbage-collected.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        _check_folder(folder)
    except _Refused as refused:
        raise OSError(f"{refused}; set TMPDIR to a folder of your own") from None
    return folder


def _check_folder(folder: Path) -> None:
    """Check that nobody else can put a file into a folder, or another folder in its place.

    Args:
        folder: Without symbolic links.

    Raises:
        _Refused: Somebody can.
        OSError: It can't be looked at.
    """
    _check_trusted(folder, folder.lstat())
    for parent in folder.parents:
        status = parent.lstat()
        if not (is_trusted(status) or _is_safe_above(status)):
            raise _refusal(parent, status)


def _check_trusted(path: Path, status: os.stat_result) -> None:
    if not is_trusted(status):
        raise _refusal(path, status)


def _refusal(path: Path, status: os.stat_result) -> _Refused:
    if status.st_uid not in (0, os.geteuid()):
        return _Refused(f"{path} belongs to another user (number {status.st_uid})")
    mode = stat.S_IMODE(status.st_mode)
    return _Refused(f"other users may write to {path} (its mode is {mode:04o})")


def _is_safe_above(status: os.stat_result) -> bool:
    """Say whether, by its status, a folder's entries can be replaced by nobody but their owners."""
    if status.st_uid not in (0, os.geteuid()) and not _is_unknown(status.st_uid):
        return False
    # In a sticky one, such as /tmp, nobody can replace what isn't their own.
    is_kept = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) == 0 or status.st_mode & stat.S_ISVTX
    return bool(is_kept) or _is_private_group(status)


def _is_unknown(user: int) -> bool:
    """Say whether a user ID stands for all users outside of a user namespace.

    In a rootless container, `/` and what's mounted belong to it: as a rule, to the machine's administrator.
    """
    try:
        known, unknown = _KNOWN_USERS.read_text().split(), int(_UNKNOWN_USER.read_text())
    except (OSError, ValueError):  # not Linux
        return False
    return user == unknown and known != ["0", "0", str(2**32 - 1)]


def _is_private_group(status: os.stat_result) -> bool:
    """Say whether only a group may write that has the user's name and no other members.

    Many systems give each user such a group, and a umask that lets it write.
    """
    if status.st_mode & stat.S_IWOTH or not status.st_mode & stat.S_IWGRP:
        return False
    import grp
    import pwd

    try:
        group, user = grp.getgrgid(status.st_gid), pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return group.gr_name == user.pw_name and not {*group.gr_mem} - {user.pw_name}


def _find(folder: Path, key: str, suffix: str) -> tuple[Path, bytes] | None:
    """Return the file under a key and its content; None if none is whole and safe to load."""
    reasons = []
    for path in sorted(folder.glob(f"{key}-*{suffix}")):
        try:
            return path, _read(path, key)
        except _Refused as refused:
            reasons.append(str(refused))
        except OSError as error:
            reasons.append(f"{path} can't be read: {error.strerror}")
    for reason in reasons:
        _warn_once(f"A compiled kernel isn't loaded, but compiled again: {reason}.")
    return None


def _read(path: Path, key: str) -> bytes:
    """Read a file of the cache.

    Raises:
        _Refused: It isn't what was written, or others may write to it.
        OSError: It can't be read, or is a symbolic link.
    """
    with os.fdopen(os.open(path, _READ), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise _Refused(f"{path} isn't a file")
        _check_trusted(path, status)
        content = file.read()
    if path.name != _name(key, path.suffix, content):
        raise _Refused(f"{path} is damaged")
    return content


def _name(key: str, suffix: str, content: bytes) -> str:
    return f"{key}-{hashlib.sha256(content).hexdigest()[:32]}{suffix}"


def _store(folder: Path, key: str, suffix: str, content: bytes) -> Path | None:
    """Write a file for later runs; return None if that's impossible, as on a full or read-only disk."""
    try:
        return _write(folder, key, suffix, content)
    except OSError as error:
        _warn_once(f"Compiled kernels can't be kept in {folder}: {error.strerror}.")
        return None


def _write(folder: Path, key: str, suffix: str, content: bytes) -> Path:
    """Write a file atomically: another process may be writing the same one.

    Raises:
        OSError: It can't be written.
    """
    remove_leftovers([each for name in (".*", *_OLD_PATTERNS) for each in folder.glob(name)])
    path = folder / _name(key, suffix, content)
    part = folder / f".{path.name}.{secrets.token_hex(4)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(part, flags, 0o644), "wb") as file:
            file.write(content)
            file.flush()
            # Otherwise a crash of the machine may leave the new name with empty content.
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


@functools.cache
def _warn_once(text: str) -> None:
    _LOG.warning(text)

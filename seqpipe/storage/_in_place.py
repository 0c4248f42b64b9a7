"""Writes into a folder that may hold other things too, such that an interrupted save is noticed.

Nothing is promised of power cuts: that's what `write_folder` is for, which replaces whole folders.
"""

import os
import secrets
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Final, NoReturn, TypeAlias

from seqpipe.errors import ReplacedError, SavedModelError
from seqpipe.storage._files import follow_umask
from seqpipe.storage._leftovers import IN_PLACE, is_new, locked
from seqpipe.storage._manifest import NAME as MANIFEST
from seqpipe.storage._manifest import check_folder, discard_manifest, has_manifest
from seqpipe.storage._save import recover, resolve

_MARK: Final = "seqpipe-saving"


@contextmanager
def written_in_place(target: Path) -> Iterator[Path]:
    """Yield a folder to write files into, which then take their places below `target` one after another.

    Until then the model that's in `target` stays as it was. While files are moved a mark stands there, by
    which `check_complete` knows a save that was killed. What stands in `target` beside these files
    stays, except for a manifest: it describes what was there before.

    Raises:
        BusyError: Somebody else is saving a model there.
        SavedModelError: The manifest can't be removed.
        OSError: Something can't be written.
    """
    target.mkdir(exist_ok=True)
    with locked(_lock_for(target)) as has_lock:
        # Without a real lock another save may be under way.
        for left in target.glob(f"{IN_PLACE}*") if has_lock else ():
            shutil.rmtree(left, ignore_errors=True)
        with _filled(target) as new:
            yield new


@contextmanager
def _filled(target: Path) -> Iterator[Path]:
    # Inside, so that it's on the same disk, and nobody need have the right to write beside the target.
    new = target / f"{IN_PLACE}{secrets.token_hex(4)}"
    new.mkdir()
    try:
        yield new
        follow_umask(new)
        (target / _MARK).touch()
        discard_manifest(target)
        _move_files(new, target)
        (target / _MARK).unlink()
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _lock_for(target: Path) -> Path:
    """Return what to lock: the target, as `write_folder` does, or else something inside of it."""
    whole = resolve(target)
    # A lock beside a folder of `write_folder` would stay if that's killed, and nobody else writes there. Who
    # may not write beside the target can't replace it as a whole.
    if is_new(whole) or not os.access(whole.parent, os.W_OK):
        return whole / _MARK
    return whole


def is_marked(folder: Path) -> bool:
    """Say whether a save into a folder has begun and not ended."""
    return (folder / _MARK).exists()


def check_complete(folder: Path) -> None:
    """Check that no save into a folder is under way or was interrupted.

    Raises:
        SavedModelError: One was.
    """
    if is_marked(folder):
        raise SavedModelError(
            f"{folder} holds parts of two models: the last save into it was interrupted, or isn't done "
            f"yet. Wait for that, or save the model again; {folder / _MARK} stands there until then."
        )


def _move_files(source: Path, target: Path) -> None:
    for root, folders, files in os.walk(source, onerror=_fail):
        inner = target / Path(root).relative_to(source)
        for name in folders:
            (inner / name).mkdir(exist_ok=True)
        for name in files:
            Path(root, name).replace(inner / name)


def _fail(error: OSError) -> NoReturn:
    raise error


# Noticing that a folder was replaced or written into while it was read.

#: Which file stands at each path, its size, and when it was written last.
_Files: TypeAlias = dict[Path, tuple[int, int, int]]

_checked: ContextVar[Path | None] = ContextVar("checked", default=None)


@contextmanager
def unchanged(folder: Path, *, read: Collection[str]) -> Iterator[None]:
    """Check a saved model, and that it stays the same while it's read in the block.

    Args:
        folder: The model's.
        read: The names of those files and folders directly in it that are read; what happens to others, such
            as a log beside the model, changes nothing.

    Raises:
        ReplacedError: It did not.
        SavedModelError: It has a manifest and differs from it, or a save into it was interrupted.
    """
    recover(folder)
    before = _files(folder, read)
    try:
        check_complete(folder)
        if has_manifest(folder):
            check_folder(folder)
        token = _checked.set(folder)
        try:
            yield
        finally:
            _checked.reset(token)
    except Exception as error:
        # Parts of two models may not fit each other: whatever is said of that, this is why.
        if _files(folder, read) != before:
            raise ReplacedError(folder) from error
        raise
    if _files(folder, read) != before:
        raise ReplacedError(folder)


def check_sealed(folder: Path) -> None:
    """Check a model that has a manifest, unless it's being read in a block of `unchanged`.

    Raises:
        SavedModelError: It differs from its manifest.
    """
    if _checked.get() != folder and has_manifest(folder):
        recover(folder)
        check_folder(folder)


def _files(folder: Path, read: Collection[str]) -> _Files:
    found: _Files = {}
    for root, folders, names in os.walk(folder):
        if root == str(folder):
            folders[:] = [name for name in folders if name in read]
            names = [name for name in names if name in read or name == MANIFEST]
        # What's hidden, such as .git, is no part of a model.
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(root, name) for name in names if not name.startswith(".")):
            try:
                status = path.stat()
            except OSError:
                continue
            found[path] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return found

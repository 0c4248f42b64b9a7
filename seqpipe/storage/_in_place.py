"""Write into a folder that may hold other things too, such that a killed save shows.

Nothing is promised of power cuts: that's what `write_folder` is for, which replaces whole folders.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

from seqpipe.errors import SavedModelError
from seqpipe.storage._files import follow_umask
from seqpipe.storage._leftovers import is_new, locked
from seqpipe.storage._manifest import discard_manifest
from seqpipe.storage._target import resolve

_MARK: Final = "seqpipe-saving"
_NEW: Final = ".seqpipe-saving-"


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
        for left in target.glob(f"{_NEW}*") if has_lock else ():
            shutil.rmtree(left, ignore_errors=True)
        with _filled(target) as new:
            yield new


@contextmanager
def _filled(target: Path) -> Iterator[Path]:
    # Inside, so that it's on the same disk, and nobody need have the right to write beside the target.
    new = target / f"{_NEW}{secrets.token_hex(4)}"
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
    """Tell whether a save into a folder has begun and not ended."""
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

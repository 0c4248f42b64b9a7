"""Save a model as a whole folder, or not at all."""

import shutil
from collections.abc import Callable
from pathlib import Path

from seqpipe.errors import SavedModelError
from seqpipe.storage._files import (
    follow_umask,
    hash_file,
    list_files,
    list_folders,
    sync_folder,
)
from seqpipe.storage._leftovers import locked, new_name
from seqpipe.storage._manifest import NAME, Entry, to_text
from seqpipe.storage._recover import settle
from seqpipe.storage._swap import swap
from seqpipe.storage._target import check_replaceable, resolve


def write_folder(target: Path, write: Callable[[Path], None]) -> None:
    """Save a model to `target`, in the place of the one that stands there.

    `write` is called with an empty folder beside the target. When it has returned, the manifest is
    written, everything is forced onto the disk, and the two folders are exchanged. The old model
    survives whatever happens before that: an exception, Ctrl-C, a kill, a full disk. Whatever happens
    after, the new one stands. If `target` is a symbolic link, the link stays.

    Args:
        target: The folder; folders on the way to it are made.
        write: Writes plain files and folders into the folder that it's given.

    Raises:
        SavedModelError: Something stands at the target that isn't a model of ours, another process is
            writing there, or the system refuses.
    """
    target = resolve(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with locked(target):
            settle(target)
            check_replaceable(target)
            _replace(target, write)
    except OSError as error:
        raise SavedModelError(_refused(target, error)) from error


def _replace(target: Path, write: Callable[[Path], None]) -> None:
    new = new_name(target)
    try:
        new.mkdir()
        write(new)
        _seal(new)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    try:
        swap(new, target)
        sync_folder(target.parent)
    finally:
        settle(target)


def _seal(folder: Path) -> None:
    """Write the manifest and wait until all of the folder is on the disk."""
    sizes = list_files(folder)
    follow_umask(folder)
    entries = {n: Entry(hash_file(folder / n, sync=True), size) for n, size in sizes.items()}
    (folder / NAME).write_text(to_text(entries), encoding="utf-8", newline="\n")
    hash_file(folder / NAME, sync=True)
    for inner in list_folders(folder):
        sync_folder(inner)


def _refused(target: Path, error: OSError) -> str:
    reason = error.strerror or error
    place = f" ({error.filename})" if error.filename else ""
    return f"The model can't be saved to {target}: {reason}{place}. What stood there still stands."

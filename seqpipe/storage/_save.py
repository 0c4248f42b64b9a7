"""Saves, checks, moves and removes model folders, and writes single files: atomically.

A model is written beside its target, sealed by a manifest, and swapped with what stands there. What an
interrupted save left behind is put right by the next save, or before the next load.
"""

import contextlib
import ctypes
import errno
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from seqpipe.errors import SavedModelError
from seqpipe.storage._files import (
    follow_umask,
    hash_file,
    is_dropping,
    list_files,
    list_folders,
    sync_folder,
)
from seqpipe.storage._leftovers import (
    BusyError,
    find_gone,
    find_new,
    find_old,
    gone_name,
    locked,
    new_name,
    old_name,
)
from seqpipe.storage._manifest import (
    NAME,
    Entry,
    check_folder,
    has_manifest,
    read_manifest,
    to_text,
)
from seqpipe.storage._series import SaveSeries


def resolve(target: Path) -> Path:
    """Follow symbolic links, so that the link stays and what it points to is replaced.

    Raises:
        SavedModelError: It's the root of a drive, beside which nothing can stand.
    """
    resolved = Path(os.path.realpath(target))
    if not resolved.name:
        raise SavedModelError(f"Nothing can be saved as {resolved} itself. Choose a folder in it.")
    return resolved


def is_free(target: Path) -> bool:
    """Say whether nothing stands at a target, or only an empty folder."""
    if not target.is_dir():
        return not target.exists()
    return all(is_dropping(entry.name) for entry in target.iterdir())


def check_replaceable(target: Path) -> None:
    """Check that saving a model to `target` deletes nothing but an older model of ours.

    Call it before training, so that a long run doesn't end in this error.

    Raises:
        SavedModelError: A file stands there, a mount point, a folder that has no sound manifest, or
            one that holds files of somebody else's.
    """
    target = resolve(target)
    try:
        problem = None if is_free(target) and not os.path.ismount(target) else _problem(target)
    except OSError as error:
        problem = f"it can't be read: {error.strerror}"
    if problem:
        raise SavedModelError(
            f"{target} can't be replaced by a new model: {problem}. "
            "Move it away, or choose another folder."
        )


def _problem(target: Path) -> str | None:
    if not target.is_dir():
        return "it is a file"
    if os.path.ismount(target):
        return "it is a mount point, and can't be replaced as a whole"
    if not has_manifest(target):
        return f"it has no {NAME}, so seqpipe did not save it, or it was written into since"
    try:
        named = read_manifest(target)
    except SavedModelError as error:
        return f"its manifest can't be read ({error})"
    known = {*named, NAME}
    others = [n for n in list_files(target) if n not in known and not is_dropping(n)]
    return f"it holds a file that seqpipe did not save, {others[0]}" if others else None


# Swapping two folders, atomically where the system supports that.

# From Linux's fcntl.h and fs.h; see `man 2 renameat2`.
_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
# The kernel, or the file system, doesn't support the exchange.
_CANT: Final = (errno.ENOSYS, errno.EINVAL)


def swap(new: Path, target: Path) -> None:
    """Put `new` at `target`; what stood there ends up beside it, for `recover_locked` to remove.

    A process that dies in here leaves the old or the new folder at the target or, where folders can't
    be exchanged, both beside it.

    Raises:
        OSError: It can't be done.
    """
    if not target.exists():
        new.rename(target)
    elif not exchange(new, target):
        target.rename(old_name(target))
        new.rename(target)


def exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step, and return whether the system could.

    Raises:
        OSError: The system can, but not with these two.
    """
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    # Older C libraries, and some small ones, lack it.
    if not hasattr(libc, "renameat2"):
        return False
    arguments = (_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    if libc.renameat2(*arguments) == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANT:
        return False
    raise OSError(code, os.strerror(code), str(other))


# Recovery from an interrupted save.


def recover(target: Path) -> None:
    """Put right what an interrupted save of `target` left behind, unless one is under way.

    If nothing stands at the target, the newest complete model beside it is moved there. Hidden folders
    that are of no use any more are removed. Does nothing where it may not write.
    """
    target = resolve(target)
    with suppress(OSError, BusyError):
        if find_new(target) or find_old(target):
            with locked(target) as has_lock:
                # Without a real lock there may be another writer.
                if has_lock:
                    recover_locked(target)


def recover_locked(target: Path) -> None:
    """Do the same while holding the lock."""
    _remove(find_gone(target))
    if is_free(target):
        _restore(target)
    if has_manifest(target):
        _remove([*find_new(target), *find_old(target)])
    elif is_free(target):
        # An old folder was a model once: it stays until another one stands.
        _remove([folder for folder in find_new(target) if not _is_complete(folder)])


def _restore(target: Path) -> None:
    candidates = [*find_new(target), *find_old(target)]
    for candidate in filter(_is_complete, candidates):
        with suppress(OSError):
            if target.exists():
                shutil.rmtree(target)
            candidate.rename(target)
            sync_folder(target.parent)
            return


def _is_complete(folder: Path) -> bool:
    try:
        check_folder(folder)
    except SavedModelError:
        return False
    return True


def _remove(folders: list[Path]) -> None:
    # What can't be removed now is removed by the next save.
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


# The operations on a saved model.


def verify_folder(path: Path) -> None:
    """Check that a saved model holds the files of its manifest, unchanged, and no others among them.

    Reads every file once. What an interrupted save left behind is put right first. A README, a licence and
    other files that no part reads may have been added, and ``meta.json`` may have been rewritten.

    Raises:
        SavedModelError: The folder or its manifest is missing or damaged, a file is missing, has
            another size or content or can't be read, or there is a file among them that the manifest
            doesn't name, or a symbolic link.
    """
    recover(path)
    check_folder(path)


def remove_folder(target: Path) -> None:
    """Remove a saved model: at any moment it's there as a whole, or not at all.

    Raises:
        SavedModelError: Another process is writing there, or the system refuses.
    """
    target = resolve(target)
    try:
        with locked(target):
            # Hidden first: the next save clears away the remains of a removal that's killed.
            hidden = gone_name(target)
            target.rename(hidden)
            shutil.rmtree(hidden)
    except OSError as error:
        raise SavedModelError(f"{target} can't be removed: {error.strerror}") from error


def move_folder(source: Path, target: Path) -> None:
    """Move a saved model to `target`, in the same folder, and remove the one that stands there.

    At every moment a whole model stands at the target or, where folders can't be exchanged in one
    step, beside it.

    Raises:
        SavedModelError: Something stands at the target that isn't a model of ours, another process is
            writing there, or the system refuses.
    """
    source, target = resolve(source), resolve(target)
    try:
        with locked(target):
            recover_locked(target)
            check_replaceable(target)
            swap(source, target)
            sync_folder(target.parent)
            recover_locked(target)
    except OSError as error:
        raise SavedModelError(f"{source} can't be moved to {target}: {error.strerror}") from error
    # Where the two were exchanged, the older one stands at the source now.
    if source.exists():
        remove_folder(source)


def write_folder(
    target: Path, write: Callable[[Path], None], *, series: SaveSeries | None = None
) -> None:
    """Save a model to `target`, in the place of the one that stands there.

    `write` is called with an empty folder beside the target. When it has returned, the manifest is
    written, everything is forced onto the disk, and the two folders are exchanged. The old model
    survives whatever happens before that: an exception, Ctrl-C, a kill, a full disk. Whatever happens
    after, the new one stands. If `target` is a symbolic link, the link stays.

    Args:
        target: The folder; folders on the way to it are made.
        write: Writes plain files and folders into the folder that it's given.
        series: The saves before this one, whose files are linked where they stay the same; see `write_once`.

    Raises:
        SavedModelError: Something stands at the target that isn't a model of ours, another process is
            writing there, or the system refuses.
    """
    target = resolve(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with locked(target):
            recover_locked(target)
            check_replaceable(target)
            _replace(target, write, series or SaveSeries())
    except OSError as error:
        raise SavedModelError(_refused(target, error)) from error


def _replace(target: Path, write: Callable[[Path], None], series: SaveSeries) -> None:
    new = new_name(target)
    try:
        new.mkdir()
        with series.saving(new, target) as saving:
            write(new)
        entries = _seal(new, series.link(saving))
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    try:
        swap(new, target)
        sync_folder(target.parent)
    finally:
        recover_locked(target)
    series.note(saving, entries)


def _seal(folder: Path, known: Mapping[str, Entry]) -> dict[str, Entry]:
    """Write the manifest and wait until all of the folder is on the disk; what's known is there already."""
    sizes = list_files(folder)
    follow_umask(folder)
    entries = {
        name: known.get(name) or Entry(hash_file(folder / name, sync=True), size)
        for name, size in sizes.items()
    }
    (folder / NAME).write_text(to_text(entries), encoding="utf-8", newline="\n")
    hash_file(folder / NAME, sync=True)
    for inner in list_folders(folder):
        sync_folder(inner)
    return entries


def _refused(target: Path, error: OSError) -> str:
    reason = error.strerror or error
    place = f" ({error.filename})" if error.filename else ""
    return f"The model can't be saved to {target}: {reason}{place}. What stood there still stands."


@contextmanager
def reserved(folder: Path) -> Iterator[None]:
    """Make a folder if it isn't there, and be the only one to whom it's reserved.

    A folder that was made for this, and is empty in the end, is removed again.

    Raises:
        SavedModelError: Another process has reserved it, or nothing can be written there.
    """
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = locked(folder / "run")
        lock.__enter__()
    except OSError as error:
        raise SavedModelError(f"{folder} can't be written to: {error.strerror}") from error
    try:
        yield
    finally:
        lock.__exit__(None, None, None)
        with suppress(OSError):
            for each in made:
                each.rmdir()


# Single files.


def write_text(path: Path, text: str) -> None:
    r"""Write a text file, as UTF-8 with "\n" between lines; see `write_file`."""
    write_file(path, lambda file: file.write(text.encode("utf-8")))


def write_file(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file such that no reader ever sees half of it.

    Folders on the way are made. A symbolic link stays, and what it points to is replaced.

    Args:
        path: The file.
        write: Called with a file that's open for writing.

    Raises:
        SavedModelError: It can't be written; what stood there before still stands.
    """
    path = resolve(path)
    part = path.with_name(f".{path.name}.seqpipe-part-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise SavedModelError(f"{path} can't be written: {error.strerror}.") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()

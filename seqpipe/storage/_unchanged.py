"""See whether a folder was replaced or written into while it was read."""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TypeAlias

from seqpipe.errors import ReplacedError
from seqpipe.storage._check import check_folder
from seqpipe.storage._in_place import check_complete
from seqpipe.storage._manifest import NAME as MANIFEST
from seqpipe.storage._manifest import has_manifest
from seqpipe.storage._recover import recover

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

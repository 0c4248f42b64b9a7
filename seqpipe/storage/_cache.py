"""The cache folder: where it is, and which of its files may be trusted."""

import contextlib
import os
import shutil
import stat
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

#: Group and others: whoever may write besides the owner.
_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH

#: In seconds. No process takes so long to write a file, so what's older was left by one that was killed.
_MAX_AGE: Final = 24 * 60 * 60


def cache_folder() -> Path:
    """Return `$SEQPIPE_CACHE`, or the folder `seqpipe` below `$XDG_CACHE_HOME` or `~/.cache`; it may not exist.

    Raises:
        RuntimeError: The user has no home.
    """
    wanted = os.environ.get("SEQPIPE_CACHE")
    if wanted:
        return Path(wanted)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "seqpipe"


def make_private(folder: Path) -> None:
    """Make a folder and its missing parents, for the user alone whatever the umask, as XDG asks.

    Raises:
        OSError: One can't be made.
    """
    for missing in reversed([each for each in (folder, *folder.parents) if not each.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)


def is_trusted(status: os.stat_result) -> bool:
    """Say whether something belongs to the user or the administrator, and nobody else may write to it.

    True on Windows, which has no such modes, and keeps users' folders apart by other means.
    """
    if not hasattr(os, "geteuid"):
        return True
    return status.st_uid in (0, os.geteuid()) and not status.st_mode & _OTHERS


def remove_leftovers(paths: Iterable[Path]) -> None:
    """Remove those files and folders that are older than a day; what can't be removed stays."""
    newest = time.time() - _MAX_AGE
    for path in paths:
        with contextlib.suppress(OSError):
            status = path.lstat()
            if status.st_mtime > newest:
                continue
            if stat.S_ISDIR(status.st_mode):
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()

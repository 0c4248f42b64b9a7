"""Where what's generated for a cell is kept, for later runs."""

import atexit
import functools
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from seqpipe.errors import SavedModelError

T = TypeVar("T")


def in_cache(use: Callable[[Path], T]) -> T:
    """Use the user's folder for kernels, or, where that can't be written or loaded from, a passing one.

    The folder is `$SEQPIPE_CACHE/kernels`, or `seqpipe/kernels` below `$XDG_CACHE_HOME` or `~/.cache`.

    Args:
        use: Takes the folder. It may be called twice.

    Raises:
        OSError: The passing one can't be used either.
    """
    try:
        folder = _lasting()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return use(folder)
    except (OSError, RuntimeError, SavedModelError):
        # Python raises a RuntimeError for a user without a home.
        return use(_passing())


def _lasting() -> Path:
    wanted = os.environ.get("SEQPIPE_CACHE")
    if wanted:
        return Path(wanted) / "kernels"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "seqpipe" / "kernels"


@functools.cache
def _passing() -> Path:
    """Return a folder that nobody else can have put something into, and that goes with the process."""
    folder = Path(tempfile.mkdtemp(prefix="seqpipe-"))
    # A TemporaryDirectory warns where it's left to go by itself.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder

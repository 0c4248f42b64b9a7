"""The memory of a process that trains and does nothing else."""

import ctypes
import sys
from typing import Final

# The parameters of glibc's mallopt(3), as malloc.h numbers them.
_TRIM_THRESHOLD: Final = -1
_TOP_PAD: Final = -2
_MMAP_THRESHOLD: Final = -3

#: The largest that glibc takes.
_LARGEST_MMAP_THRESHOLD: Final = 2**25


def keep_freed_memory() -> bool:
    """Have the C library keep memory that's freed for the next allocation, up to 512 MiB, and return whether it does.

    By default glibc gives the memory of a large array back to the system at once. The arrays of each training step are of
    such sizes, so the system has to find and clear the same pages again in the next step, in one thread: 2 to 8 % of a
    training. It's for a process of one's own only, as it can't be undone.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        # Another C library, such as musl.
        return False
    wanted = {
        _MMAP_THRESHOLD: _LARGEST_MMAP_THRESHOLD,
        _TRIM_THRESHOLD: 2**29,
        _TOP_PAD: 2**26,
    }
    return all([mallopt(parameter, value) for parameter, value in wanted.items()])

"""Threads for the kernels in C: those of torch's own OpenMP."""

import ctypes
import functools
import os
from pathlib import Path
from typing import Any, Final

import torch

_PROCESS: Final = os.getpid()


def threads_there() -> int:
    """Return how many threads torch computes with, or 1 where they can't be had."""
    # A forked process has none of the threads that its parent's OpenMP believes in.
    return torch.get_num_threads() if os.getpid() == _PROCESS else 1


@functools.cache
def openmp() -> tuple[Any, Any]:
    """Return torch's own OpenMP's function to run another on its threads, and to count them; or nothing.

    Threads of torch's pool, since those of a second one would fight them for the processor.
    """
    near = sorted((Path(torch.__file__).parent / "lib").glob("lib*omp*"))
    for name in (None, *map(str, near)):
        try:
            library = ctypes.CDLL(name)
            functions = (library.GOMP_parallel, library.omp_get_num_threads)
        except (OSError, AttributeError):
            continue
        return tuple(ctypes.cast(each, ctypes.c_void_p) for each in functions)  # type: ignore[return-value]
    return None, None

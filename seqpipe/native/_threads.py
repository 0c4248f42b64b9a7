"""How many threads compute, and the pool that they come from."""

import contextlib
import ctypes
import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqpipe.compilers import BuildError
from seqpipe.native._compiler import build, source_of

#: What `own_threads` set; None outside of it.
_own_threads: int | None = None


@contextlib.contextmanager
def own_threads(count: int) -> Iterator[None]:
    """Let kernels compute with so many threads, while torch's operations keep the number that it has itself.

    Results don't depend on this number: work is divided, and sums are added up, in the same way for any. It's for
    the whole process.
    """
    global _own_threads
    before, _own_threads = _own_threads, count
    try:
        yield
    finally:
        _own_threads = before


def find_own_threads() -> int | None:
    """Return the number of threads that `own_threads` set; None outside of it."""
    return _own_threads


def usable_threads() -> int:
    """Return how many threads this process can compute in at once: `OMP_NUM_THREADS`, or else its cores."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if wanted.isdecimal() and int(wanted):
        return int(wanted)
    # Which cores it may run on, and how much time a container has on them.
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(cores, _granted_cores() or cores))


def _granted_cores() -> int | None:
    """Return the number of cores whose time the process's control group is granted; None if there's no bound."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return -(-int(quota) // int(period))
    except (OSError, ValueError):  # no such file, or "max"
        return None


def find_pool() -> int | None:
    """Return the address of the function of our pool of threads; None if it can't be compiled."""
    address: int | None = getattr(load_pool(), "value", None)
    return address


@functools.cache
def load_pool() -> Any:
    """Return the function of pool.c, whose threads can't form teams; None if it can't be compiled."""
    try:
        return ctypes.cast(build(source_of("pool.c")).seqpipe_parallel, ctypes.c_void_p)
    except BuildError:
        return None

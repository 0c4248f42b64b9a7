"""How many threads a process computes in."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import torch

from seqpipe.kernels.c import own_threads


@contextlib.contextmanager
def computing_in(threads: int) -> Iterator[None]:
    """Compute in so many threads, with results that are the same for any number of them.

    torch's operations, whose sums depend on the number, have one, and only our own kernels have so many. It's for the whole
    process; afterwards its numbers are as they were before.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with own_threads(threads):
            yield
    finally:
        torch.set_num_threads(before)


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

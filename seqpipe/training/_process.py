"""What a training uses of its process: the random generators, and threads."""

import contextlib
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seqpipe.kernels import own_threads


@dataclass(frozen=True)
class RandomState:
    """The states of the generators that training on a CPU draws from: Python's, numpy's and torch's global ones.

    spaCy shuffles by the first, thinc draws by the second, and torch's modules by the third.

    Attributes:
        python: What `random.getstate` returns.
        numpy: What `numpy.random.get_state` returns.
        torch: What `torch.get_rng_state` returns, uint8.
    """

    python: tuple[Any, ...]
    numpy: Any
    torch: torch.Tensor

    @classmethod
    def capture(cls) -> "RandomState":
        """Return the states as they are now."""
        return cls(random.getstate(), np.random.get_state(), torch.get_rng_state())

    def restore(self) -> None:
        """Put the generators into these states."""
        random.setstate(self.python)
        np.random.set_state(self.numpy)
        torch.set_rng_state(self.torch)


@contextlib.contextmanager
def computing(threads: int | None = None) -> Iterator[None]:
    """Compute in so many threads; afterwards threads and random generators are as they were before.

    So a run changes nothing for whoever called it, or for another run in the same process. Results are the same for
    any number of threads: torch's operations, whose sums depend on it, have one, and only our own kernels have so many.

    Args:
        threads: How many; None for `usable_threads`.
    """
    before, count = RandomState.capture(), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with own_threads(usable_threads() if threads is None else threads):
            yield
    finally:
        torch.set_num_threads(count)
        before.restore()


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

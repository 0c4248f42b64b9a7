"""What a training uses of its process: the random generators, and threads."""

import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from seqpipe.kernels import computing_in
from seqpipe.native import usable_threads


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
    any number of threads; see `seqpipe.kernels.computing_in`.

    Args:
        threads: How many; None for `usable_threads`.
    """
    before = RandomState.capture()
    try:
        with computing_in(usable_threads() if threads is None else threads):
            yield
    finally:
        before.restore()

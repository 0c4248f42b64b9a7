"""The state of a training as a value: where it is, and what its random numbers will be."""

import contextlib
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch


@dataclass
class TrainingState:
    """Where a training is: what `train` reads and writes, and nothing else remembers.

    Weights are the pipeline's, and the optimizer has a state of its own.

    Attributes:
        step: The number of updates so far, the one under way included.
        epoch: The pass over the data that the last one belonged to, from 1; 0 before the first.
        fraction: The part of the training that's done, 0 to 1.
        best_score: The best score on the dev part so far; None before the first.
        best_step: The update after which the score was last improved.
    """

    step: int = 0
    epoch: int = 0
    fraction: float = 0.0
    best_score: float | None = None
    best_step: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> "TrainingState":
        """Return the state that `to_dict` gave."""
        return cls(**saved)

    def add_score(self, score: float) -> bool:
        """Take note of a score, and return whether no earlier one is better."""
        # Of models that score the same, the one trained longer has usually converged further.
        is_best = self.best_score is None or score >= self.best_score
        if self.best_score is None or score > self.best_score:
            self.best_score, self.best_step = score, self.step
        return is_best


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
def computing(threads: int) -> Iterator[None]:
    """Compute in so many threads; afterwards threads and random generators are as they were before.

    So a run changes nothing for whoever called it, or for another run in the same process.
    """
    before, count = RandomState.capture(), torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(count)
        before.restore()

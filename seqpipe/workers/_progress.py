"""How far the fitting of a part is."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class FitProgress:
    """How far the fitting of an embedder or a classifier is.

    Attributes:
        fraction: The part of the work that's done, 0 to 1.
        loss: The loss that the trainer reports, averaged since the start; None if it reports none.
        words_per_second: Over all threads; None if unknown.
    """

    fraction: float
    loss: float | None = None
    words_per_second: float | None = None


OnProgress = Callable[[FitProgress], None]

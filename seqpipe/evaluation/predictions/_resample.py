"""How far figures would be off on other texts of the same kind: the bootstrap, and tests of a difference."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: Figures of some texts, given by their places, as often as they're to count.
FiguresOf: TypeAlias = Callable[[NDArray[np.int64]], Mapping[str, float]]

#: So many samples are drawn, unless that takes too long.
RESAMPLES: Final = 1000
_LEAST: Final = 100
_SECONDS: Final = 5.0
#: The share of the samples beyond each end of an interval.
_TAIL: Final = 0.025


def bootstrap(
    figures_of: FiguresOf, count: int, *, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, NDArray[np.float64]]:
    """Return the figures of samples of the texts, drawn with replacement (Efron 1979).

    Args:
        figures_of: Returns the figures of texts.
        count: How many texts there are.
        seed: Decides what's drawn.
        resamples: How many samples; fewer, but 100 at least, if they took more than 5 seconds.

    Returns:
        For each figure of all texts its value in each sample, NaN where a sample has none; nothing if there are no texts.
    """
    if not count:
        return {}
    generator = np.random.default_rng(seed)
    start = time.monotonic()
    found: list[Mapping[str, float]] = []
    for number in range(resamples):
        found.append(figures_of(generator.integers(count, size=count)))
        if number + 1 >= _LEAST and time.monotonic() - start > _SECONDS:
            break
    names = figures_of(np.arange(count))
    return {name: np.array([each.get(name, math.nan) for each in found]) for name in names}


def interval(values: NDArray[np.float64]) -> list[float] | None:
    """Return what 95 % of the values lie between: the percentiles of the bootstrap; None if most samples have none."""
    values = values[np.isfinite(values)]
    if len(values) < _LEAST / 2:
        return None
    low, high = np.quantile(values, [_TAIL, 1 - _TAIL])
    return [float(low), float(high)]


def mcnemar(right: Sequence[bool], other: Sequence[bool]) -> dict[str, Any]:
    """Test whether two models are right equally often: the exact test of McNemar (1947).

    Args:
        right: Whether the one is right, text by text.
        other: Whether the other is.

    Returns:
        "only_first" and "only_second", on how many texts just one is right; and "p", how probable a difference as large
        as theirs is if each of these texts might as well have been the other's.
    """
    first = sum(a and not b for a, b in zip(right, other, strict=True))
    second = sum(b and not a for a, b in zip(right, other, strict=True))
    n, k = first + second, min(first, second)
    # By logarithms, as 2 to the power of n may be too large.
    tail = sum(math.exp(_log_choose(n, i) - n * math.log(2)) for i in range(k + 1))
    return {"only_first": first, "only_second": second, "p": min(1.0, 2 * tail) if n else 1.0}


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)

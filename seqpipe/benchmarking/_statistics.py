"""Intervals of means and ratios, by Student's t."""

import math
import statistics
from collections.abc import Sequence
from typing import Final, NamedTuple

#: The 97.5th percentile of Student's t, from one degree of freedom on; beyond the table, the last number is used.
_T: Final = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)


class Interval(NamedTuple):
    """A figure and its 95 % confidence interval.

    Attributes:
        value: The figure.
        low: The lower end.
        high: The upper end.
    """

    value: float
    low: float
    high: float


def mean_of(values: Sequence[float]) -> Interval:
    """Return the mean of at least two values with its interval."""
    mean = statistics.fmean(values)
    error = statistics.stdev(values) / math.sqrt(len(values))
    half = _T[min(len(values) - 1, len(_T)) - 1] * error
    return Interval(mean, mean - half, mean + half)


def ratio_of(values: Sequence[float], others: Sequence[float]) -> Interval:
    """Return by what factor values are larger than others, which were measured in turn with them.

    That's the geometric mean of the ratios of each two, whose interval is that of the mean of their logarithms.
    """
    logarithms = [math.log(a / b) for a, b in zip(values, others, strict=True)]
    return Interval(*map(math.exp, mean_of(logarithms)))


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the least value that so many percent of the values don't exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(percent / 100 * len(ranked)) - 1)]

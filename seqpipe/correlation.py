"""How well two lists of numbers agree."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def pearson(first: ArrayLike, second: ArrayLike) -> float | None:
    """Return the correlation of two lists of numbers, -1 to 1.

    None where there's none: fewer than two numbers, or a list whose numbers are all the same.
    """
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    x, y = x - x.mean(), y - y.mean()
    size = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(np.clip(x @ y / size, -1, 1)) if size else None


def spearman(first: ArrayLike, second: ArrayLike) -> float | None:
    """Return the correlation of the ranks of two lists of numbers; equal numbers share their mean rank.

    None where there's none: fewer than two numbers, or a list whose numbers are all the same.
    """
    return pearson(ranks(first), ranks(second))


def ranks(numbers: ArrayLike) -> NDArray[np.float64]:
    """Return the rank of each number, from 1 for the smallest, `[N]`; equal numbers share their mean."""
    values = np.asarray(numbers, dtype=np.float64)
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    shared: NDArray[np.float64] = (last - (counts - 1) / 2)[places]
    return shared

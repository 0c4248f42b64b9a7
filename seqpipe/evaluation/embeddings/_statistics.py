"""Shares, means, and how well clusters of vectors agree with labels."""

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.evaluation.embeddings._words import unit


def share(part: float, whole: float) -> float:
    """Return which share of a whole a part is; of nothing, 0."""
    return part / whole if whole else 0.0


def mean_of(numbers: Sequence[float | None]) -> float | None:
    """Return the mean of those numbers that there are, or None if there's none."""
    there = [number for number in numbers if number is not None]
    return sum(there) / len(there) if there else None


# Clustering, and its purity.

_ROUNDS: Final = 100
_SHUFFLES: Final = 100


def cluster(
    units: NDArray[np.float32], groups: int, *, seed: int = 0, restarts: int = 10
) -> NDArray[np.intp]:
    """Return the group of each vector, `[N]`, by spherical k-means (Dhillon & Modha 2001).

    The best of several attempts counts, each from centres drawn as k-means++ draws them (Arthur &
    Vassilvitskii 2007).

    Args:
        units: Vectors of length 1, `[N, width]`.
        groups: How many groups there are to be.
        seed: For the draws.
        restarts: How many attempts.
    """
    draw = np.random.default_rng(seed)
    attempts = [_attempt(units, min(groups, len(units)), draw) for _ in range(restarts)]
    return max(attempts, key=lambda attempt: attempt[1])[0]


def purity(labels: Sequence[Hashable], clusters: Sequence[Hashable]) -> float:
    """Return the share of things whose label is the most frequent one in their group."""
    counts = Counter(zip(clusters, labels, strict=True))
    best: Counter[Hashable] = Counter()
    for (group, _), count in counts.items():
        best[group] = max(best[group], count)
    return share(sum(best.values()), len(labels))


def purity_by_chance(
    labels: Sequence[Hashable], clusters: Sequence[Hashable], *, seed: int = 0
) -> float:
    """Return the mean purity of groups of the same sizes that things were put into at random."""
    draw = np.random.default_rng(seed)
    shuffled = [[labels[i] for i in draw.permutation(len(labels))] for _ in range(_SHUFFLES)]
    return sum(purity(each, clusters) for each in shuffled) / _SHUFFLES


def _attempt(
    units: NDArray[np.float32], groups: int, draw: np.random.Generator
) -> tuple[NDArray[np.intp], float]:
    centres = units[_first_centres(units, groups, draw)]
    chosen = np.full(len(units), -1, dtype=np.intp)
    for _ in range(_ROUNDS):
        cosines = units @ centres.T
        nearest = cosines.argmax(axis=1)
        if (nearest == chosen).all():
            break
        chosen = nearest
        centres = _centres(units, chosen, centres)
    return chosen, float(cosines.max(axis=1).sum())


def _first_centres(units: NDArray[np.float32], groups: int, draw: np.random.Generator) -> list[int]:
    rows = [int(draw.integers(len(units)))]
    while len(rows) < groups:
        distances = np.clip(1 - (units @ units[rows].T).max(axis=1), 0, None).astype(np.float64)
        distances[rows] = 0
        total = distances.sum()
        # Where all that's left lies on the centres, any will do.
        chances = distances / total if total > 0 else None
        rows.append(int(draw.choice(len(units), p=chances)))
    return rows


def _centres(
    units: NDArray[np.float32], chosen: NDArray[np.intp], before: NDArray[np.float32]
) -> NDArray[np.float32]:
    sums = np.zeros_like(before)
    np.add.at(sums, chosen, units)
    # A group that lost all its members keeps its centre, for others to come.
    empty = np.bincount(chosen, minlength=len(before)) == 0
    return np.where(empty[:, None], before, unit(sums))

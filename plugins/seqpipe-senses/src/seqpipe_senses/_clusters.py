"""The senses of a word, as clusters of the contexts in which it stands."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe_senses._contexts import unit

_ITERATIONS: Final = 12


@dataclass(frozen=True)
class Rules:
    """When contexts are of different senses.

    Attributes:
        most: The most senses of a word.
        distance: How far the centres of two must be from each other: one minus their cosine, above 0.
        share: The least share of a word's occurrences that a sense has.
    """

    most: int
    distance: float
    share: float


def find_senses(
    directions: NDArray[np.float32], rules: Rules, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Return the centres of the senses of a word, `[K, D]`, of length 1, the most frequent first; one if it has one sense.

    Contexts are clustered by spherical k-means (Dhillon & Modha 2001), with as many clusters as a word may have senses. Then the
    nearest two are joined as long as they're too near, and the smallest one is given up as long as it's too small.

    Args:
        directions: Contexts of the word, `[N, D]`, of length 1.
        rules: When they're of different senses.
        generator: Draws the contexts that clusters begin with.
    """
    known = directions[directions.any(axis=1)]
    if not len(known):
        return np.zeros((1, directions.shape[1]), dtype=np.float32)
    centres = _improved(known, _begin(known, rules.most, generator))
    while len(centres) > 1:
        nearest = nearest_centres(known, centres)
        sizes = np.bincount(nearest, minlength=len(centres))
        smallest = int(np.argmin(sizes))
        alike = _cosines(centres, centres)
        np.fill_diagonal(alike, -2)
        one, other = np.unravel_index(int(np.argmax(alike)), alike.shape)
        if sizes[smallest] < rules.share * len(known):
            left = np.delete(centres, smallest, axis=0)
        elif alike[one, other] > 1 - rules.distance:
            joined = _means(known, np.where(nearest == other, one, nearest), len(centres))
            left = np.delete(joined, other, axis=0)
        else:
            order = np.argsort(-sizes, kind="stable")
            return centres[order]
        centres = _improved(known, left)
    return centres


def nearest_centres(
    directions: NDArray[np.float32], centres: NDArray[np.float32]
) -> NDArray[np.intp]:
    """Return which centre is nearest to each direction, `[N]`; the first of equal ones."""
    nearest: NDArray[np.intp] = np.argmax(_cosines(directions, centres), axis=1)
    return nearest


def _begin(
    directions: NDArray[np.float32], count: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Draw contexts to begin with, those far from what's drawn more often (Arthur & Vassilvitskii 2007)."""
    chosen = [int(generator.integers(len(directions)))]
    nearest = _cosines(directions, directions[chosen])[:, 0]
    for _ in range(1, min(count, len(directions))):
        far = np.maximum(0, 1 - nearest.astype(np.float64))
        if not far.sum() > 0:
            break
        chosen.append(int(generator.choice(len(directions), p=far / far.sum())))
        nearest = np.maximum(nearest, _cosines(directions, directions[chosen[-1:]])[:, 0])
    return directions[chosen]


def _improved(directions: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.float32]:
    """Move centres to the means of what's nearest to them, until nothing changes any more."""
    before: NDArray[np.intp] | None = None
    for _ in range(_ITERATIONS):
        nearest = nearest_centres(directions, centres)
        if before is not None and np.array_equal(nearest, before):
            break
        before, centres = nearest, _means(directions, nearest, len(centres))
    return centres


def _means(
    directions: NDArray[np.float32], nearest: NDArray[np.intp], count: int
) -> NDArray[np.float32]:
    is_of = nearest[:, None] == np.arange(count)
    return unit(np.einsum("nk,nd->kd", is_of.astype(np.float32), directions))


def _cosines(some: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    # Not by a matrix product, whose sums might depend on the number of threads.
    found: NDArray[np.float32] = np.einsum("nd,kd->nk", some, others)
    return found

"""What stands around words, as vectors."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: How many vectors are looked up at once: about 100 MB of a width of 100.
_AT_ONCE: Final = 1 << 18


@dataclass(frozen=True, eq=False)
class Contexts:
    """Numbers of words, and what a word counts for where it stands beside another one.

    Attributes:
        features: A vector for each word, `[V, D]`, float32.
        window: The most words to either side that are a word's context.
    """

    features: NDArray[np.float32]
    window: int

    def around(
        self, numbers: NDArray[np.int32], ends: NDArray[np.int64], places: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return the directions of the contexts of some words, `[N, D]`: of length 1, zeros if there's no context.

        Args:
            numbers: Words by number; what's negative ends a sequence.
            ends: The places behind the sequences, each one's end included, ascending.
            places: Where the words stand, `[N]`; none is an end.
        """
        found = np.zeros((len(places), self.features.shape[1]), dtype=np.float32)
        step = max(1, _AT_ONCE // (2 * self.window))
        for first in range(0, len(places), step):
            some = slice(first, first + step)
            found[some] = self._around(numbers, ends, places[some])
        return found

    def _around(
        self, numbers: NDArray[np.int32], ends: NDArray[np.int64], places: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        sides = np.arange(1, self.window + 1)
        beside = places[:, None] + np.concatenate([-sides[::-1], sides])
        sequence = np.searchsorted(ends, places, side="right")
        first = np.concatenate([np.zeros(1, dtype=np.int64), ends])[sequence]
        is_inside = (beside >= first[:, None]) & (beside < ends[sequence][:, None])
        words = numbers[np.where(is_inside, beside, 0)]
        is_inside &= words >= 0
        vectors = self.features[np.where(is_inside, words, 0)]
        return unit(np.einsum("nwd,nw->nd", vectors, is_inside.astype(np.float32)))


def make_features(
    vectors: NDArray[np.float32], counts: NDArray[np.int64], rarity: float
) -> NDArray[np.float32]:
    """Return what words count for in contexts, `[V, D]`.

    It's the direction of a word's vector, less the mean of all of a text, with a weight of a / (a + p), p being the word's share of
    all (Arora et al. 2017): frequent words say little.

    Args:
        vectors: Of the words, `[V, D]`.
        counts: How often each occurs, `[V]`.
        rarity: a, the share at which a word has half the weight of a rare one.
    """
    shares = counts / max(1, counts.sum())
    weights = rarity / (rarity + shares)
    directions = unit(vectors).astype(np.float64)
    of_text = shares * weights
    # Not by a matrix product, whose sums might depend on the number of threads.
    mean = np.einsum("v,vd->d", of_text, directions) / max(of_text.sum(), 1e-30)
    is_known = directions.any(axis=1)
    features: NDArray[np.float32] = ((directions - mean) * (weights * is_known)[:, None]).astype(
        np.float32
    )
    return features


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors of length 1 in the same directions; zeros stay zeros."""
    lengths = np.sqrt(np.square(vectors, dtype=np.float64).sum(axis=-1, keepdims=True))
    found: NDArray[np.float32] = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return found

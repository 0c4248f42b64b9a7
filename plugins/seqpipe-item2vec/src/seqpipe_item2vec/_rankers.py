"""Ways to say which item comes next: by vectors, and without any."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from seqpipe_item2vec._cut import cut

#: From the numbers of items in a basket to how likely each item is the next one: `[V]`, the larger the likelier.
Ranker: TypeAlias = Callable[[Sequence[int]], NDArray[np.float64]]

_BASKETS_AT_ONCE: Final = 10_000


@dataclass(frozen=True)
class Counts:
    """Which items occur together.

    Attributes:
        single: In how many baskets each item is, `[V]`.
        pairs: In how many baskets two items are, `[V, V]`, sparse; 0 for an item and itself.
    """

    single: NDArray[np.float64]
    pairs: Any


def count_items(baskets: Iterable[Sequence[str]], numbers: Mapping[str, int]) -> Counts:
    """Count the known items of baskets, and their pairs."""
    pairs = csr_array((len(numbers), len(numbers)), dtype=np.float64)
    pieces = (piece for basket in baskets for piece in cut(_known(basket, numbers)))
    while chunk := list(itertools.islice(pieces, _BASKETS_AT_ONCE)):
        table = _table(chunk, len(numbers))
        pairs = pairs + table.T @ table
    single = pairs.diagonal()
    pairs.setdiag(0)
    return Counts(single, csr_array(pairs))


def _known(basket: Sequence[str], numbers: Mapping[str, int]) -> list[int]:
    return [numbers[item] for item in dict.fromkeys(basket) if item in numbers]


def _table(baskets: Sequence[Sequence[int]], width: int) -> Any:
    ends = np.cumsum([0, *map(len, baskets)])
    items = np.fromiter(itertools.chain.from_iterable(baskets), dtype=np.int64)
    return csr_array((np.ones(len(items)), items, ends), shape=(len(baskets), width))


def by_popularity(counts: Counts) -> Ranker:
    """Rank items by the number of baskets that they're in, whatever is in this one."""
    return lambda rest: counts.single


def by_item_cosine(counts: Counts) -> Ranker:
    """Rank items by the sum of their cosines with those of the basket.

    The cosine of two items is that of their columns in the table of baskets and items: the number of baskets
    with both by the root of the product of the numbers of baskets with each (Sarwar et al. 2001).
    """
    scale = 1 / np.sqrt(np.maximum(counts.single, 1))
    cosines = csr_array(counts.pairs.multiply(scale[:, None]).multiply(scale[None, :]))

    def rank(rest: Sequence[int]) -> NDArray[np.float64]:
        sums: NDArray[np.float64] = cosines[list(rest)].sum(axis=0)
        return sums

    return rank


def by_similarity(vectors: NDArray[np.float32]) -> Ranker:
    """Rank items by the cosine of their vectors, `[V, width]`, with the mean of those of the basket."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    unit = vectors / np.where(lengths > 0, lengths, 1)
    return lambda rest: unit @ unit[list(rest)].mean(axis=0)


def by_prediction(
    items: Sequence[str], predict: Callable[[Sequence[str]], NDArray[np.float64]]
) -> Ranker:
    """Rank items by what an embedder says of the basket.

    Args:
        items: The items by their numbers.
        predict: From the items of a basket to how likely each of `items` is the next.
    """
    return lambda rest: predict([items[number] for number in rest])


def rank_of(hidden: int, scores: NDArray[np.float64], rest: Sequence[int]) -> float:
    """Return at which place an item comes, from 1, if those of the basket are left out.

    Among items of the same score it's in the middle.
    """
    others = np.ones(len(scores), dtype=bool)
    others[[*rest, hidden]] = False
    better = np.count_nonzero(scores[others] > scores[hidden])
    equal = np.count_nonzero(scores[others] == scores[hidden])
    return 1 + better + equal / 2


def gains(ranks: Iterable[float], k: int) -> Iterator[float]:
    """Yield 1 by the rank, for each rank that's `k` at most, and 0 for others."""
    yield from (1 / rank if rank <= k else 0.0 for rank in ranks)

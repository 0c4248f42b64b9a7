"""Pairs of words as arrays of their rows."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.parts.embedders._contract import Embedder
from seqpipe.parts.embedders.retrofit._known import KnownWords

Pairs = NDArray[np.int64]

#: So many links at a time are followed, which bounds the memory that it takes.
BLOCK: Final = 50_000


def known_pairs(
    pairs: Sequence[tuple[str, str]], known: KnownWords, embedder: Embedder
) -> NDArray[np.int64]:
    """Return the rows of the pairs whose words are both known and differ, the lower one first, `[P, 2]`.

    Each pair stands there once, in ascending order.
    """
    words = list(dict.fromkeys(word for pair in pairs for word in pair))
    if not words:
        return np.zeros((0, 2), dtype=np.int64)
    rows = dict(zip(words, known.rows(words, embedder.embed(words)).tolist(), strict=True))
    found = np.array([(rows[one], rows[other]) for one, other in pairs], dtype=np.int64)
    found.sort(axis=1)
    return np.unique(found[(found[:, 0] >= 0) & (found[:, 0] < found[:, 1])], axis=0)


def without(pairs: Pairs, others: Pairs) -> Pairs:
    """Return those pairs that aren't among others; in both, the lower row stands first."""
    size = 1 + max((int(each.max()) for each in (pairs, others) if each.size), default=0)
    kept = np.isin(pairs @ (size, 1), others @ (size, 1), invert=True)
    return pairs[kept]


def both_ways(pairs: Pairs) -> Pairs:
    """Return each pair in both directions, in ascending order, `[2 P, 2]`."""
    links = np.concatenate([pairs, pairs[:, ::-1]])
    return links[np.lexsort((links[:, 1], links[:, 0]))]


def runs(firsts: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return where in a sorted array of rows each row's stretch begins."""
    return np.flatnonzero(np.diff(firsts, prepend=-1))


def blocks(count: int) -> Iterator[slice]:
    """Yield slices of at most `BLOCK`, one after another."""
    return (slice(start, start + BLOCK) for start in range(0, count, BLOCK))

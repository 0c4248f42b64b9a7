"""What chance decides in a training: which occurrences are skipped, and which words are drawn to contrast with."""

import heapq
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import EmbedderError
from seqpipe.native import Negatives, Paths

#: Words are drawn by this power of how often they occur (Mikolov et al. 2013).
NEGATIVE_EXPONENT: Final = 0.75
#: How many more negatives are drawn for a window than are meant for a pair, each counting less in turn: pairs of a
#: window share them, and more of them make up for that.
EXTRA_NEGATIVES: Final = 2


def keep_probabilities(counts: NDArray[np.int64], threshold: float) -> NDArray[np.float32]:
    """Return the probability that an occurrence of each word is kept, `[V]`.

    With f a word's share of all it's ``sqrt(t / f) + t / f``, at most 1, as word2vec's program, the fastText library and
    gensim have it.

    Args:
        counts: How often each word occurs, `[V]`.
        threshold: t; 1 or more keeps all.
    """
    if threshold >= 1:
        return np.ones(len(counts), dtype=np.float32)
    ratio = threshold * counts.sum() / np.maximum(counts, 1)
    kept: NDArray[np.float32] = np.minimum(1, np.sqrt(ratio) + ratio).astype(np.float32)
    return kept


def negatives(
    counts: NDArray[np.int64], per_pair: int, pool: int, exponent: float = NEGATIVE_EXPONENT
) -> Negatives:
    """Return how words are drawn at random, by the alias method (Walker 1977; Vose 1991).

    Args:
        counts: How often each word occurs, `[V]`.
        per_pair: How many each pair is contrasted with.
        pool: How many rows a slice draws them from; 0 for all.
        exponent: The power of its count that a word is drawn in proportion to. One that doesn't occur is never drawn.

    Raises:
        EmbedderError: The powers are too large, or all too small.
    """
    weights = np.zeros(len(counts))
    with np.errstate(over="ignore"):
        np.power(counts.astype(np.float64), exponent, out=weights, where=counts > 0)
    if not 0 < weights.sum() < np.inf:
        raise EmbedderError(
            f"the embedder's `negative_exponent` is {exponent}, which makes numbers of counts up to {counts.max():,} that "
            "can't be computed with: set one nearer to 0"
        )
    share = weights * (len(weights) / weights.sum())
    alias = np.arange(len(weights), dtype=np.int32)
    small = np.flatnonzero(share < 1).tolist()[::-1]
    large = np.flatnonzero(share >= 1).tolist()[::-1]
    shares = share.tolist()
    while small and large:
        one, other = small.pop(), large[-1]
        alias[one] = other
        shares[other] -= 1 - shares[one]
        if shares[other] < 1:
            small.append(large.pop())
    for left in (*small, *large):
        shares[left] = 1.0
    return Negatives(
        per_pair, per_pair + EXTRA_NEGATIVES, pool, alias, np.array(shares, dtype=np.float32)
    )


def huffman_paths(counts: NDArray[np.int64]) -> Paths:
    """Return the turns to each word in the tree that brings frequent words near the root (Huffman 1952; Mikolov et al. 2013).

    It has an inner node less than words.

    Args:
        counts: How often each word occurs, `[V]`, at least two words.
    """
    words = len(counts)
    heap = [(int(count), number) for number, count in enumerate(counts.tolist())]
    heapq.heapify(heap)
    parent = np.zeros(2 * words - 1, dtype=np.int64)
    turn = np.zeros(2 * words - 1, dtype=np.float32)
    for node in range(words, 2 * words - 1):
        (left, one), (right, other) = heapq.heappop(heap), heapq.heappop(heap)
        parent[[one, other]] = node
        turn[other] = 1
        heapq.heappush(heap, (left + right, node))
    # All words go up a level at a time, until they're at the root.
    root, places = 2 * words - 2, np.arange(words)
    levels, signs = [], []
    while (below := places < root).any():
        levels.append(np.where(below, parent[places] - words, -1))
        signs.append(turn[places])
        places = np.where(below, parent[places], root)
    nodes, turns = np.stack(levels[::-1], axis=1), np.stack(signs[::-1], axis=1)
    there = nodes >= 0
    starts = np.concatenate([[0], there.sum(axis=1).cumsum()]).astype(np.int64)
    return Paths(nodes[there].astype(np.int32), turns[there].astype(np.float32), starts)

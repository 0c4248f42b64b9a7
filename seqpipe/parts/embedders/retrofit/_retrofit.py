"""Retrofitting: words are drawn towards their synonyms (Faruqui et al. 2015). Knows rows, not words."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ConfigError
from seqpipe.parts.embedders._contract import Embedder
from seqpipe.parts.embedders.retrofit._base import MovedEmbedder
from seqpipe.parts.embedders.retrofit._lists import (
    BLOCK,
    Pair,
    Pairs,
    both_ways,
    list_paths,
    read_synonyms,
    runs,
)

#: Called with the part of the work that's done.
OnStep = Callable[[float], None]


class _Batch(NamedTuple):
    """Words that aren't linked with each other, so that they can be moved at once.

    Attributes:
        rows: Theirs, `[N]`.
        others: The rows of the words that these are linked with, one word's behind the other's, `[L]`.
        starts: Where in `others` each word's begin, `[N]`.
        counts: How many each word has, `[N, 1]`.
    """

    rows: NDArray[np.int64]
    others: NDArray[np.int64]
    starts: NDArray[np.intp]
    counts: NDArray[np.float32]


def retrofit(
    vectors: NDArray[np.floating],
    pairs: Pairs,
    *,
    iterations: int,
    own_weight: float,
    on_step: OnStep = lambda fraction: None,
) -> NDArray[np.floating]:
    """Return vectors moved towards those that they're paired with.

    With q̂_i the vector of the word i as it was, each iteration goes through the words in order of
    their rows and sets, with those vectors that were already set in it (equation 1 of the paper, with
    its α_i = `own_weight` and β_ij = 1 / degree(i))::

        q_i = (α q̂_i + Σ_j β_ij q_j) / (α + 1)

    Words that aren't linked are independent, so those between which no chain of links leads
    through ever later words are moved at once: the result is the same as one by one.

    Args:
        vectors: `[N, width]`; they stay as they are.
        pairs: Rows of synonyms, `[P, 2]`, each pair once, no row with itself.
        iterations: How often to go through them; the paper's 10 end near the fixed point.
        own_weight: How much a word's own vector counts, where all its synonyms together count 1.
        on_step: Called after each iteration.
    """
    moved: NDArray[np.floating] = vectors.copy()
    batches = list(_batches(pairs))
    for iteration in range(iterations):
        for batch in batches:
            sums = np.add.reduceat(moved[batch.others], batch.starts, axis=0)
            own = own_weight * vectors[batch.rows]
            moved[batch.rows] = (own + sums / batch.counts) / (own_weight + 1)
        on_step((iteration + 1) / iterations)
    return moved


def _batches(pairs: Pairs) -> Iterator[_Batch]:
    """Yield the words in an order that gives the same as that of their rows."""
    if not len(pairs):
        return
    links = both_ways(pairs)
    starts = runs(links[:, 0])
    # The links of all words of one level are contiguous; within it, those of one word.
    level_of_link = np.repeat(_levels(links, starts), np.diff(starts, append=len(links)))
    links = links[np.argsort(level_of_link, kind="stable")]
    ends = np.cumsum(np.bincount(level_of_link))
    for begin, end in zip([0, *ends[:-1]], ends, strict=True):
        yield from _split(links[begin:end])


def _levels(links: Pairs, starts: NDArray[np.intp]) -> list[int]:
    """Return for each linked word how long the longest chain of ever later words is that ends there."""
    firsts, seconds = links[starts, 0].tolist(), links[:, 1].tolist()
    ends = [*starts[1:].tolist(), len(seconds)]
    levels: dict[int, int] = {}
    begin = 0
    for word, end in zip(firsts, ends, strict=True):
        before = [levels[other] for other in seconds[begin:end] if other < word]
        levels[word] = 1 + max(before, default=-1)
        begin = end
    return list(levels.values())


def _split(links: Pairs) -> Iterator[_Batch]:
    """Yield batches of about `BLOCK` links, of whole words."""
    starts = runs(links[:, 0])
    nearest = np.searchsorted(starts, np.arange(BLOCK, len(links), BLOCK))
    cuts = np.unique(starts[nearest[nearest < len(starts)]])
    for part in np.split(links, cuts):
        begins = runs(part[:, 0])
        counts = np.diff(begins, append=len(part)).astype(np.float32)[:, None]
        yield _Batch(part[begins, 0], part[:, 1], begins, counts)


# The embedder.


@final
class Retrofitted(MovedEmbedder):
    """The vectors of another embedder, drawn towards their synonyms (Faruqui et al. 2015).

    With q̂_i the word's vector as it was, each iteration goes through the words and sets::

        q_i = (α q̂_i + Σ_j β_ij q_j) / (α + Σ_j β_ij)        β_ij = 1 / (number of i's synonyms)

    over its synonyms j. Vectors are brought to length 1 before, and back to their own after. Words that
    aren't listed keep theirs, and unknown words have the inner embedder's. The lists are read when it's
    fitted, and aren't needed for a saved one.

    Args:
        embedder: Makes the vectors; it's fitted first.
        synonyms: One list, or several: words that are each other's synonyms on each line, divided by
            tabs if there's one, else by white space. A line that begins with # is a remark. Plain paths,
            ``package:NAME/below`` or ``data:below``.
        iterations: How often the words are gone through.
        own_weight: α: how much a word's own vector counts, where its synonyms together count 1.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        *,
        embedder: Embedder,
        synonyms: str | list[str],
        iterations: int = 10,
        own_weight: float = 1.0,
    ) -> None:
        super().__init__(embedder)
        self._synonyms = list_paths("synonyms", synonyms)
        if not self._synonyms:
            raise ConfigError("`synonyms` names no list, and there's nothing to move vectors by")
        if iterations < 1:
            raise ConfigError(f"`iterations` is {iterations}; it must be at least 1")
        if not 0 <= own_weight < float("inf"):
            raise ConfigError(f"`own_weight` is {own_weight}; it must be 0 or more")
        self._iterations, self._own_weight = iterations, own_weight

    def _read_lists(self) -> dict[str, list[Pair]]:
        return {"synonyms": read_synonyms(self._synonyms)}

    def _rows(self, pairs: dict[str, Pairs], size: int) -> NDArray[np.int64]:
        return np.unique(pairs["synonyms"])

    def _move(
        self, units: NDArray[np.float32], pairs: dict[str, Pairs], on_step: OnStep
    ) -> NDArray[np.float32]:
        return retrofit(
            units,
            pairs["synonyms"],
            iterations=self._iterations,
            own_weight=self._own_weight,
            on_step=on_step,
        )

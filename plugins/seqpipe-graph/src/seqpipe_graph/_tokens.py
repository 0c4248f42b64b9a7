"""Walks as what the trainer reads: numbers, made where they're needed, in neither a file nor a text."""

from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray
from seqpipe.parts.cooccurrence import END

from seqpipe_graph._steps import Places
from seqpipe_graph._walks import Walker

#: How many tokens of walks are kept, 256 MB of them; what's beyond is walked anew in each epoch.
_KEPT: Final = 1 << 26


class WalkTokens:
    """The walks of two nodes or more, as `seqpipe.parts.cooccurrence.Tokens`: nodes by their places in the graph.

    Some are kept in memory, up to a bound. Others are walked again whenever they're asked for, a batch at a time: a batch is
    the same each time.

    Args:
        walker: Walks.
    """

    def __init__(self, walker: Walker) -> None:
        self._walker = walker
        self._counts = np.zeros(walker.nodes, dtype=np.int64)
        self._ends: list[NDArray[np.int64]] = []
        #: Where the tokens of batches begin.
        self._starts = [0]
        self._kept: dict[int, NDArray[np.int32]] = {}
        self._last: tuple[int, NDArray[np.int32]] = (-1, np.zeros(0, dtype=np.int32))

    def add(self, batch: Places) -> None:
        """Count the next batch of walks, `[W, length]`; once for each, before anything is asked for."""
        tokens = _tokens(batch)
        nodes = tokens[tokens != END]
        self._counts += np.bincount(nodes, minlength=len(self._counts))
        self._ends.append(np.flatnonzero(tokens == END) + (self._starts[-1] + 1))
        if self._starts[-1] + len(tokens) <= _KEPT:
            self._kept[len(self._starts) - 1] = tokens
        self._starts.append(self._starts[-1] + len(tokens))

    @property
    def counts(self) -> NDArray[np.int64]:
        """How often each node occurs in walks, `[N]`."""
        return self._counts

    @property
    def size(self) -> int:
        """How many tokens there are: nodes and ends of walks."""
        return self._starts[-1]

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """Where walks end: the places behind."""
        return np.concatenate(self._ends)

    def numbers(self, first: int, last: int) -> NDArray[np.int32]:
        """Return the tokens from one place to before another."""
        batch = int(np.searchsorted(self._starts, first, side="right")) - 1
        found = []
        while first < last:
            start = self._starts[batch]
            found.append(self._batch(batch)[first - start : last - start])
            batch, first = batch + 1, self._starts[batch + 1]
        return np.concatenate(found)

    def _batch(self, number: int) -> NDArray[np.int32]:
        if (kept := self._kept.get(number)) is not None:
            return kept
        if self._last[0] != number:
            self._last = number, _tokens(self._walker.batch(number))
        return self._last[1]


def _tokens(batch: Places) -> NDArray[np.int32]:
    """Return the walks of two nodes or more behind one another, each with an end."""
    walks = batch[(batch >= 0).sum(axis=1) > 1]
    # What fills a row behind its walk is as good an end; of several the first is enough.
    ended = np.pad(walks, ((0, 0), (0, 1)), constant_values=END)
    is_more = np.zeros(ended.shape, dtype=bool)
    is_more[:, 1:] = (ended[:, 1:] == END) & (ended[:, :-1] == END)
    tokens: NDArray[np.int32] = ended[~is_more].astype(np.int32, copy=False)
    return tokens

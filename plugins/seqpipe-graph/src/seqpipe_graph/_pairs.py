"""Pairs of nodes: those that are edges, and drawn ones that aren't."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, final

import numpy as np
from numpy.typing import NDArray
from seqpipe.errors import DataError

from seqpipe_graph._graph import Graph

#: Two places in a graph's names, a row for each pair, `[M, 2]`.
Pairs = NDArray[np.int64]

_ROUNDS: Final = 100


@final
class PairSet:
    """A set of pairs of different nodes.

    Args:
        pairs: Which pairs, `[M, 2]`; loops aren't kept.
        size: How many nodes there are.
        directed: Whether [i, j] is another pair than [j, i].
    """

    def __init__(self, pairs: Pairs, size: int, *, directed: bool) -> None:
        self._size = size
        self._directed = directed
        self._keys = np.unique(self._key(pairs[pairs[:, 0] != pairs[:, 1]]))

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def pairs(self) -> Pairs:
        """The pairs, `[M, 2]`."""
        return np.stack([self._keys // self._size, self._keys % self._size], axis=1)

    def has(self, pairs: Pairs) -> NDArray[np.bool_]:
        """Say which pairs are in it, `[M]`."""
        return np.isin(self._key(pairs), self._keys)

    def others(self, count: int, rng: np.random.Generator) -> Pairs:
        """Draw pairs of different nodes that aren't in it, each as likely as any, `[count, 2]`.

        Raises:
            DataError: Nearly all are in it.
        """
        found = np.zeros((0, 2), dtype=np.int64)
        for _ in range(_ROUNDS):
            drawn = rng.integers(self._size, size=(2 * count, 2))
            fresh = (drawn[:, 0] != drawn[:, 1]) & ~self.has(drawn)
            found = np.concatenate([found, drawn[fresh]])
            if len(found) >= count:
                return found[:count]
        raise DataError(
            f"nearly all pairs of the {self._size} nodes are edges, so none can be drawn that aren't"
        )

    def _key(self, pairs: Pairs) -> NDArray[np.int64]:
        if not self._directed:
            pairs = np.sort(pairs, axis=1)
        keys: NDArray[np.int64] = pairs[:, 0] * self._size + pairs[:, 1]
        return keys


def arcs_of(graph: Graph) -> Pairs:
    """Return where each arc begins and ends, `[A, 2]`."""
    sources = np.repeat(np.arange(len(graph.names)), graph.degrees)
    return np.stack([sources, graph.indices], axis=1)


def steps_of(paths: Iterable[Sequence[str]], graph: Graph) -> tuple[Pairs, int]:
    """Return the steps of paths between nodes of a graph, `[M, 2]`, and how many others there are."""
    rows = {name: row for row, name in enumerate(graph.names)}
    steps = [step for path in paths for step in pairwise(path)]
    known = [(rows[a], rows[b]) for a, b in steps if a in rows and b in rows]
    return np.array(known, dtype=np.int64).reshape(-1, 2), len(steps) - len(known)

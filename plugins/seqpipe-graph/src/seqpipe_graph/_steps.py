"""Where a walk goes next: many walkers at once, by what arcs weigh and by where walkers came from."""

from collections.abc import Iterator
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from seqpipe_graph._graph import Graph

Places = NDArray[np.int32]

#: After so many refusals in a row a walker's arcs are looked at one by one.
_TRIES: Final = 24
#: How many arcs are scanned linearly before the rest are bisected.
_LOOKS: Final = 3
#: How many arcs are looked at at once.
_MAX_ARCS: Final = 1 << 20


@final
class FirstOrder:
    """Draws neighbours by the weights of the arcs.

    Where arcs have different weights, each has the number of its node plus the share of the node's
    weight that it and those before it have; a node plus a random number is looked up among them. A table
    as long as a node's arcs says where to begin (Chen & Asau 1974), so that it's a few steps at most times.

    Args:
        graph: The graph.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._degrees = graph.degrees
        self._even = len(graph.weights) == 0 or np.ptp(graph.weights) == 0
        if not self._even:
            self._ends = _ends(graph)
            self._guides = _guides(graph, self._ends)

    def draw(self, here: Places, rng: np.random.Generator) -> Places:
        """Return a neighbour for each walker.

        Args:
            here: Where they are, `[W]`; each of these nodes has arcs.
            rng: Draws.
        """
        random = rng.random(len(here))
        arcs = self._graph.indptr[here] + (random * self._degrees[here]).astype(np.int64)
        if not self._even:
            # The sum may be rounded up to the next node's number.
            goal = np.minimum(here + random, np.nextafter(here + 1.0, 0.0))
            arcs = self._look_up(goal, self._guides[arcs])
        drawn: Places = self._graph.indices[arcs]
        return drawn

    def _look_up(self, goal: NDArray[np.float64], found: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the first arc whose end is above each goal; it isn't before `found`."""
        behind = np.flatnonzero(self._ends[found] <= goal)
        for _ in range(_LOOKS):
            found[behind] += 1
            behind = behind[self._ends[found[behind]] <= goal[behind]]
        found[behind] = np.searchsorted(self._ends, goal[behind], side="right")
        return found


@final
class SecondOrder:
    """Draws neighbours by weight and by where the walker came from: node2vec (Grover & Leskovec 2016).

    A walker that came from t to v goes to x with a chance in proportion to w(v, x) a(x), where a is 1/p if
    x is t, 1 if there's an arc from t to x, and 1/q otherwise.

    Neighbours are proposed by weight and taken with a chance in proportion to a, by rejection sampling
    (Yang et al. 2019, KnightKing), so nothing is stored but the arcs. Where 1/p is above 1 and 1/q, what it
    has more than these is drawn for separately, since every proposal would have to be measured by it otherwise.
    Walkers that were refused many times have their arcs weighed one by one, which is the same distribution,
    as a proposal doesn't depend on those before it.

    Args:
        graph: The graph.
        p: How unlikely a step back is.
        q: How unlikely a step away from the last node is.
    """

    def __init__(self, graph: Graph, p: float, q: float) -> None:
        self._graph = graph
        self._first = FirstOrder(graph)
        self._size = np.int64(len(graph.names))
        sources = np.repeat(np.arange(self._size), graph.degrees)
        self._arcs = sources * self._size + graph.indices
        self._totals = _totals(graph)
        self._back, self._away = 1 / p, 1 / q
        self._most = max(1.0, self._away)

    def draw(self, before: Places, here: Places, rng: np.random.Generator) -> Places:
        """Return a neighbour for each walker.

        Args:
            before: Where they were, `[W]`.
            here: Where they are, `[W]`; each of these nodes has arcs.
            rng: Draws.
        """
        drawn = np.empty_like(here)
        left = np.arange(len(here))
        back = self._chance_of_back(before, here)
        for _ in range(_TRIES):
            drawn[left], taken = self._try(before[left], here[left], back[left], rng)
            left = left[~taken]
            if not len(left):
                return drawn
        for some in self._batches(left, here):
            drawn[some] = self._weigh(before[some], here[some], rng)
        return drawn

    def _try(
        self, before: Places, here: Places, back: NDArray[np.float64], rng: np.random.Generator
    ) -> tuple[Places, NDArray[np.bool_]]:
        """Propose a neighbour to each walker, and say who takes it."""
        proposed = self._first.draw(here, rng)
        bar = rng.random(len(here)) * self._most
        returning = rng.random(len(here)) < back
        # Most are decided without looking for an arc.
        taken = bar < min(1.0, self._away)
        open_ = np.flatnonzero(~taken)
        taken[open_] = bar[open_] < self._bias(before[open_], proposed[open_])
        came = proposed == before
        taken[came] = bar[came] < self._back
        return np.where(returning, before, proposed), taken | returning

    def _bias(self, before: Places, to: Places) -> NDArray[np.float64]:
        bias = np.where(self._find(before, to) >= 0, 1.0, self._away)
        return np.where(to == before, self._back, bias)

    def _chance_of_back(self, before: Places, here: Places) -> NDArray[np.float64]:
        """Return the chance that it's the step back's part above all others that's drawn, `[W]`."""
        surplus = self._back - self._most
        if surplus <= 0:
            return np.zeros(len(here))
        arc = self._find(here, before)
        weight = np.where(arc >= 0, self._graph.weights[arc], 0.0)
        above = surplus * (weight / self._totals[here])
        chance: NDArray[np.float64] = above / (above + self._most)
        return chance

    def _find(self, begin: Places, end: Places) -> NDArray[np.int64]:
        """Return the places of arcs, -1 where there's none, `[W]`."""
        key = begin * self._size + end
        place = np.searchsorted(self._arcs, key)
        place[place == len(self._arcs)] = 0
        found: NDArray[np.int64] = np.where(self._arcs[place] == key, place, -1)
        return found

    def _batches(self, walkers: NDArray[np.int64], here: Places) -> Iterator[NDArray[np.int64]]:
        arcs = np.cumsum(self._graph.degrees[here[walkers]])
        yield from np.split(walkers, np.flatnonzero(np.diff(arcs // _MAX_ARCS)) + 1)

    def _weigh(self, before: Places, here: Places, rng: np.random.Generator) -> Places:
        """Return a neighbour for each walker, by what each arc of these weighs with its bias."""
        degrees = self._graph.degrees[here]
        ends = np.cumsum(degrees)
        arcs = np.arange(ends[-1]) + np.repeat(self._graph.indptr[here] - ends + degrees, degrees)
        to = self._graph.indices[arcs]
        weights = self._graph.weights[arcs] / np.repeat(self._totals[here], degrees)
        sums = np.cumsum(weights * self._bias(np.repeat(before, degrees), to))
        low = np.concatenate([[0.0], sums[ends[:-1] - 1]])
        goal = low + rng.random(len(here)) * (sums[ends - 1] - low)
        found = np.searchsorted(sums, goal, side="right")
        drawn: Places = to[np.clip(found, ends - degrees, ends - 1)]
        return drawn


def _totals(graph: Graph) -> NDArray[np.float64]:
    """Return what the arcs of each node weigh together, `[N]`."""
    sums: NDArray[np.float64] = np.asarray(graph.to_csr().sum(axis=1), dtype=np.float64)
    return sums


def _ends(graph: Graph) -> NDArray[np.float64]:
    """Return the node of each arc plus the share of its weight up to and with that arc, `[A]`."""
    sources = np.repeat(np.arange(len(graph.names)), graph.degrees)
    shares = graph.weights / _totals(graph)[sources]
    sums = np.cumsum(shares)
    filled = graph.degrees > 0
    begin = graph.indptr[:-1][filled]
    low = np.zeros(len(graph.names))
    low[filled] = sums[begin] - shares[begin]
    ends: NDArray[np.float64] = np.minimum(sources + (sums - low[sources]), sources + 1)
    ends[graph.indptr[1:][filled] - 1] = sources[begin] + 1
    return ends


def _guides(graph: Graph, ends: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the first arc whose end is above j/d of its node, for the j-th of each node's d arcs, `[A]`."""
    sources = np.repeat(np.arange(len(graph.names)), graph.degrees)
    shares = (np.arange(len(ends)) - graph.indptr[sources]) / graph.degrees[sources]
    guides: NDArray[np.int64] = np.searchsorted(ends, sources + shares, side="right")
    return guides

"""Random walks: batches of them, in threads, the same ones however many there are."""

import math
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from seqpipe.errors import ConfigError

from seqpipe_graph._graph import Graph
from seqpipe_graph._steps import FirstOrder, Places, SecondOrder

#: How many walks are a batch. Another number would make other walks of the same seed.
BATCH: Final = 8192
#: Random streams of one seed: the order of nodes, and the steps.
_ORDER, _STEPS = range(2)


@dataclass(frozen=True)
class Plan:
    """How to walk; see `walks`.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    walks: int
    length: int
    p: float
    q: float
    threads: int

    def __post_init__(self) -> None:
        for name in ("walks", "length", "threads"):
            if getattr(self, name) < 1:
                raise ConfigError(f"`{name}` is {getattr(self, name)}; it must be at least 1")
        for name in ("p", "q"):
            if not (getattr(self, name) > 0 and math.isfinite(getattr(self, name))):
                raise ConfigError(f"`{name}` is {getattr(self, name)}; it must be above 0")


def walks(
    graph: Graph,
    *,
    walks: int = 10,
    length: int = 80,
    p: float = 1.0,
    q: float = 1.0,
    seed: int = 0,
    threads: int = 1,
) -> Iterator[Places]:
    """Walk at random from each node: DeepWalk (Perozzi et al. 2014), or node2vec if p or q isn't 1.

    The same graph, settings and seed give the same walks, whatever `threads` is. NumPy lets go of the
    interpreter while it works on arrays, so threads run side by side.

    Args:
        graph: The graph.
        walks: How many walks begin at each node.
        length: Over how many nodes a walk leads, its first one included.
        p: How unlikely a step back is; below 1, walks stay near where they were.
        q: How unlikely a step away from the last node is; below 1, walks lead outwards.
        seed: Draws the walks, at least 0.
        threads: How many threads walk.

    Yields:
        Batches of walks, a row each, `[W, length]`: places in `graph.names`, and -1 behind the end of a
        walk that came to a node without arcs. First all walks that are the first of their nodes, in an
        order that's drawn, then all second ones, and so on.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """
    plan = Plan(walks=walks, length=length, p=p, q=q, threads=threads)
    if seed < 0:
        raise ConfigError(f"`seed` is {seed}; it must be at least 0")
    return Walker(graph, plan, seed).all_batches()


class Walker:
    """Walks batch by batch, any of them by its number; may be called by several threads.

    Args:
        graph: The graph.
        plan: How to walk.
        seed: Draws the walks, at least 0.
    """

    def __init__(self, graph: Graph, plan: Plan, seed: int) -> None:
        self._plan = plan
        self._first = FirstOrder(graph)
        first_order = plan.p == plan.q == 1
        self._second = None if first_order else SecondOrder(graph, plan.p, plan.q)
        self._ends = graph.degrees == 0
        self._length = plan.length
        self._seed = seed
        #: How many nodes and walks there are.
        self.nodes = len(graph.names)
        self.walks = plan.walks * self.nodes

    def all_batches(self) -> Iterator[Places]:
        """Yield one batch after another; see `walks`."""
        waiting: deque[Future[Places]] = deque()
        threads = self._plan.threads
        pool = ThreadPoolExecutor(threads, thread_name_prefix="seqpipe-graph")
        try:
            for batch, starts in enumerate(self._starts()):
                if len(waiting) > threads:
                    yield waiting.popleft().result()
                waiting.append(pool.submit(self._walk, starts, batch))
            while waiting:
                yield waiting.popleft().result()
        finally:
            # Whoever stops listening doesn't wait for what's planned.
            pool.shutdown(wait=True, cancel_futures=True)

    def batch(self, number: int) -> Places:
        """Return the batch of a number, from 0: the same as among all of them, `[W, length]`."""
        first = number * BATCH
        last = min(first + BATCH, self.walks)
        turns = range(first // self.nodes, -(-last // self.nodes))
        starts = np.concatenate([self._order(turn) for turn in turns])
        skipped = turns.start * self.nodes
        return self._walk(starts[first - skipped : last - skipped], number)

    def _starts(self) -> Iterator[NDArray[np.int64]]:
        """Yield where walks begin, `BATCH` at a time; a small graph has several turns in one batch."""
        left = np.zeros(0, dtype=np.int64)
        for turn in range(self._plan.walks):
            left = np.concatenate([left, self._order(turn)])
            while len(left) >= BATCH:
                yield left[:BATCH]
                left = left[BATCH:]
        if len(left):
            yield left

    def _order(self, turn: int) -> NDArray[np.int64]:
        """Return the nodes in the order that their walks begin in."""
        return self._rng(_ORDER, turn).permutation(self.nodes)

    def _walk(self, starts: NDArray[np.int64], batch: int) -> Places:
        """Return walks from some nodes, `[W, length]`."""
        rng = self._rng(_STEPS, batch)
        # Steps lie side by side while they're made.
        path = np.full((self._length, len(starts)), -1, dtype=np.int32)
        path[0] = starts
        going = np.arange(len(starts))
        for step in range(1, self._length):
            going = going[~self._ends[path[step - 1, going]]]
            if not len(going):
                break
            path[step, going] = self._next(path, step, going, rng)
        return np.ascontiguousarray(path.T)

    def _next(
        self, path: Places, step: int, going: NDArray[np.int64], rng: np.random.Generator
    ) -> Places:
        here = path[step - 1, going]
        if self._second is None or step == 1:
            return self._first.draw(here, rng)
        return self._second.draw(path[step - 2, going], here, rng)

    def _rng(self, *key: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self._seed, spawn_key=key))

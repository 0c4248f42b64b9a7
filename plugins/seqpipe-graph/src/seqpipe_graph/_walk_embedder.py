"""What all embedders by random walks have in common."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from seqpipe.errors import ConfigError, EmbedderError
from seqpipe.parts.embedders import Embedder, FitProgress, OnProgress

from seqpipe_graph._graph import Graph
from seqpipe_graph._vectors import NodeVectors, read_vectors, write_vectors
from seqpipe_graph._walks import Plan

#: About which part of the work it is to walk.
WALKING: Final = 0.1


class WalkEmbedder(Embedder):
    """Builds a graph, walks on it, and trains on the walks.

    Args:
        plan: How to walk.
        width: The width of a vector.
        directed: Whether edges lead one way only.
        weighted: Whether weights count.

    Raises:
        ConfigError: Walks lead nowhere.
    """

    def __init__(self, plan: Plan, width: int, *, directed: bool, weighted: bool) -> None:
        if plan.length < 2:
            raise ConfigError(
                f"`length` is {plan.length}; it must be at least 2, as a node's context is the other nodes of a walk"
            )
        self.width = width
        self._plan = plan
        self._directed = directed
        self._weighted = weighted
        self._nodes: NodeVectors | None = None

    @property
    def vocabulary(self) -> Sequence[str]:
        """All nodes; see `Embedder.vocabulary`."""
        return self._nodes.names if self._nodes else ()

    def fit(
        self,
        sequences: Iterable[Sequence[str]],
        *,
        seed: int = 0,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Fit on the graph that paths make: edges, or longer ones; see `Graph.from_edges`.

        Args:
            sequences: The paths. One of a single node is a node that may have no edges, and that has the
                zero vector then. An `Edge` has a weight.
            seed: See `Embedder.fit`.
            on_progress: See `Embedder.fit`; receives the progress of both the walking and the training.

        Raises:
            DataError: A path isn't one, or has a weight that can't be used.
            EmbedderError: There are no edges, or the trainer failed.
        """
        graph = Graph.from_edges(sequences, directed=self._directed, weighted=self._weighted)
        if not len(graph.indices):
            raise EmbedderError(
                f"there's nothing to fit the embedder on: {len(graph.names)} nodes and no edges"
            )
        self._nodes = NodeVectors(graph.names, self._train(graph, seed, on_progress))

    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of nodes; see `Embedder.embed`."""
        return self._fitted().embed(words)

    def to_disk(self, path: Path) -> None:
        """Write the vectors into the folder `path`.

        Raises:
            EmbedderError: The embedder hasn't been fitted.
            SavedModelError: A file can't be written.
        """
        write_vectors(self._fitted(), path, kind=type(self).__name__)

    def from_disk(self, path: Path) -> None:
        """Read what `to_disk` wrote; see `Embedder.from_disk`."""
        self._nodes = read_vectors(path, kind=type(self).__name__, width=self.width)

    def _fitted(self) -> NodeVectors:
        if self._nodes is None:
            raise EmbedderError(
                "the embedder has no vectors yet: fit it, or read a saved one, first"
            )
        return self._nodes

    @abstractmethod
    def _train(
        self, graph: Graph, seed: int, on_progress: OnProgress | None
    ) -> NDArray[np.float32]:
        """Walk, and return the vectors that are learnt from the walks, `[N, width]`; zeros for nodes without."""


def training_progress(on_progress: OnProgress) -> OnProgress:
    """Return the callback for the training's progress, as the second part of the work."""

    def report(progress: FitProgress) -> None:
        fraction = min(1.0, WALKING + (1 - WALKING) * progress.fraction)
        on_progress(FitProgress(fraction, progress.loss, progress.words_per_second))

    return report

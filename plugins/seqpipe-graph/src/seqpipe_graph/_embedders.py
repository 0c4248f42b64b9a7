"""Nodes as vectors: random walks, read as sentences by skip-gram."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, final

import numpy as np
from numpy.typing import NDArray
from seqpipe.errors import EmbedderError
from seqpipe.parts.embedders import Embedder, FitProgress, OnProgress, Word2Vec

from seqpipe_graph._graph import Graph
from seqpipe_graph._vectors import NodeVectors, read_vectors, write_vectors
from seqpipe_graph._walks import Plan, walks

#: How a prediction is measured.
Loss: TypeAlias = Literal["negative-sampling", "hierarchical"]

#: About which part of the work it is to walk, and to write the walks down.
_WALKING: Final = 0.1


class WalkEmbedder(Embedder):
    """Builds a graph, walks on it, and trains on the walks.

    Args:
        plan: How to walk.
        skip_gram: What is trained.
        directed: Whether edges lead one way only.
        weighted: Whether weights count.
    """

    def __init__(self, plan: Plan, skip_gram: Word2Vec, *, directed: bool, weighted: bool) -> None:
        self.width = skip_gram.width
        self._plan = plan
        self._skip_gram = skip_gram
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
        words = [str(node) for node in range(len(graph.names))]
        self._skip_gram.fit(
            self._sentences(graph, words, seed, on_progress),
            seed=seed,
            on_progress=_later(on_progress) if on_progress else None,
        )
        self._nodes = NodeVectors(graph.names, self._skip_gram.embed(words))

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

    def _sentences(
        self, graph: Graph, words: Sequence[str], seed: int, on_progress: OnProgress | None
    ) -> Iterator[list[str]]:
        """Walk, and yield the walks of two nodes or more, with nodes as words."""
        plan = self._plan
        total, done = plan.walks * len(graph.names), 0
        for batch in walks(
            graph,
            walks=plan.walks,
            length=plan.length,
            p=plan.p,
            q=plan.q,
            seed=seed,
            threads=plan.threads,
        ):
            for walk, size in zip(batch.tolist(), (batch >= 0).sum(axis=1).tolist(), strict=True):
                if size > 1:
                    yield [words[node] for node in walk[:size]]
            done += len(batch)
            if on_progress:
                on_progress(FitProgress(_WALKING * (done / total)))


@final
class DeepWalk(WalkEmbedder):
    """The nodes of a graph by random walks that are read as sentences (Perozzi et al. 2014).

    It's fitted on paths: edges, as "graph.Edges.v1" reads them, or longer ones. Walks go to neighbours by
    the weights of the edges. Skip-gram learns from them which nodes are near each
    other. A node without edges has the zero vector, and so has an unknown one.

    The same paths, settings and seed give the same vectors, to the bit, on the same kind of processor, as
    long as one thread trains.

    Args:
        width: The width of a vector.
        walks: How many walks begin at each node.
        length: Over how many nodes a walk leads.
        window: The most nodes to either side in a walk that are a node's context.
        directed: Whether edges lead from the first node to the second only.
        weighted: Whether weights count, and how often an edge is given. If not, all edges weigh 1.
        epochs: How often the walks are gone through.
        loss: Contrast each prediction with random nodes, or predict the node's place in a Huffman tree.
        negatives: How many random nodes each prediction is contrasted with, by negative sampling.
        learning_rate: At the beginning; it falls to 0.
        threads: How many threads walk and train. Walks are the same with any number, vectors only with 1.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        *,
        width: int = 128,
        walks: int = 10,
        length: int = 40,
        window: int = 10,
        directed: bool = False,
        weighted: bool = True,
        epochs: int = 1,
        loss: Loss = "hierarchical",
        negatives: int = 5,
        learning_rate: float = 0.025,
        threads: int = 1,
    ) -> None:
        super().__init__(
            Plan(walks=walks, length=length, p=1.0, q=1.0, threads=threads),
            _skip_gram(
                width=width,
                window=window,
                epochs=epochs,
                loss=loss,
                negatives=negatives,
                learning_rate=learning_rate,
                threads=threads,
            ),
            directed=directed,
            weighted=weighted,
        )


@final
class Node2Vec(WalkEmbedder):
    """The nodes of a graph by walks that stay near or lead outwards (Grover & Leskovec 2016).

    As `DeepWalk`, but that the step from a node depends on the one before: a neighbour that isn't one of
    the last node is as likely as 1/q, the last node itself as 1/p, and others as 1.

    Args:
        width: The width of a vector.
        walks: How many walks begin at each node.
        length: Over how many nodes a walk leads.
        window: The most nodes to either side in a walk that are a node's context.
        p: How unlikely a step back is.
        q: How unlikely a step away from the last node is: above 1, walks stay near; below, they lead
            outwards.
        directed: Whether edges lead from the first node to the second only.
        weighted: Whether weights count, and how often an edge is given. If not, all edges weigh 1.
        epochs: How often the walks are gone through.
        loss: Contrast each prediction with random nodes, or predict the node's place in a Huffman tree.
        negatives: How many random nodes each prediction is contrasted with, by negative sampling.
        learning_rate: At the beginning; it falls to 0.
        threads: How many threads walk and train. Walks are the same with any number, vectors only with 1.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        *,
        width: int = 128,
        walks: int = 10,
        length: int = 40,
        window: int = 10,
        p: float = 1.0,
        q: float = 0.5,
        directed: bool = False,
        weighted: bool = True,
        epochs: int = 1,
        loss: Loss = "negative-sampling",
        negatives: int = 5,
        learning_rate: float = 0.025,
        threads: int = 1,
    ) -> None:
        super().__init__(
            Plan(walks=walks, length=length, p=p, q=q, threads=threads),
            _skip_gram(
                width=width,
                window=window,
                epochs=epochs,
                loss=loss,
                negatives=negatives,
                learning_rate=learning_rate,
                threads=threads,
            ),
            directed=directed,
            weighted=weighted,
        )


def _skip_gram(**settings: Any) -> Word2Vec:
    # All nodes are trained, those that occur often too.
    return Word2Vec(min_count=1, subsample=1.0, **settings)


def _later(on_progress: OnProgress) -> OnProgress:
    """Return the callback for the training's progress, as the second part of the work."""

    def report(progress: FitProgress) -> None:
        fraction = min(1.0, _WALKING + (1 - _WALKING) * progress.fraction)
        on_progress(FitProgress(fraction, progress.loss, progress.words_per_second))

    return report

"""Nodes as vectors: random walks, read as sentences by skip-gram."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeAlias, final

import numpy as np
from numpy.typing import NDArray
from seqpipe.parts.embedders import FitProgress, OnProgress, Word2Vec

from seqpipe_graph._graph import Graph
from seqpipe_graph._walk_embedder import WALKING, WalkEmbedder, training_progress
from seqpipe_graph._walks import Plan, walks

#: How a prediction is measured.
Loss: TypeAlias = Literal["negative-sampling", "hierarchical"]


class _LibraryEmbedder(WalkEmbedder):
    """Trains by the fastText library, which reads walks as texts.

    Args:
        plan: How to walk.
        skip_gram: What is trained.
        directed: Whether edges lead one way only.
        weighted: Whether weights count.
    """

    def __init__(self, plan: Plan, skip_gram: Word2Vec, *, directed: bool, weighted: bool) -> None:
        super().__init__(plan, skip_gram.width, directed=directed, weighted=weighted)
        self._skip_gram = skip_gram

    def _train(
        self, graph: Graph, seed: int, on_progress: OnProgress | None
    ) -> NDArray[np.float32]:
        words = [str(node) for node in range(len(graph.names))]
        self._skip_gram.fit(
            self._sentences(graph, words, seed, on_progress),
            seed=seed,
            on_progress=training_progress(on_progress) if on_progress else None,
        )
        return self._skip_gram.embed(words)

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
                on_progress(FitProgress(WALKING * (done / total)))


@final
class DeepWalk(_LibraryEmbedder):
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
class Node2Vec(_LibraryEmbedder):
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

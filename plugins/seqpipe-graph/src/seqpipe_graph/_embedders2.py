"""Nodes as vectors, version 2: walks go to seqpipe's own trainer, as numbers."""

from dataclasses import replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from seqpipe.errors import EmbedderError
from seqpipe.parts.cooccurrence import Loss, Training, default_threads, fit_tables
from seqpipe.parts.embedders import FitProgress, OnProgress

from seqpipe_graph._graph import Graph
from seqpipe_graph._tokens import WalkTokens
from seqpipe_graph._walk_embedder import WALKING, WalkEmbedder, training_progress
from seqpipe_graph._walks import Plan, Walker


class _OwnEmbedder(WalkEmbedder):
    """Trains by seqpipe's own trainer: the same vectors for any number of threads.

    Args:
        plan: How to walk; how many threads do is said by `threads`.
        training: How to train.
        directed: Whether edges lead one way only.
        weighted: Whether weights count.
        threads: How many threads walk and train; None for all there are.
    """

    def __init__(
        self,
        plan: Plan,
        training: Training,
        *,
        directed: bool,
        weighted: bool,
        threads: int | None,
    ) -> None:
        super().__init__(plan, training.width, directed=directed, weighted=weighted)
        self._training, self._threads = training, threads

    def _train(
        self, graph: Graph, seed: int, on_progress: OnProgress | None
    ) -> NDArray[np.float32]:
        threads = default_threads() if self._threads is None else self._threads
        tokens = self._walk(
            Walker(graph, replace(self._plan, threads=1 if threads is None else threads), seed),
            on_progress,
        )
        if np.count_nonzero(tokens.counts) < 2:
            raise EmbedderError(
                "there's nothing to fit the embedder on: no edge joins two different nodes"
            )
        try:
            trained = fit_tables(
                tokens,
                self._training,
                seed=seed,
                threads=threads,
                on_progress=training_progress(on_progress) if on_progress else None,
            )
        except MemoryError as error:
            raise EmbedderError(
                f"there isn't enough memory for {len(graph.names):,} vectors of the width {self.width}: set a smaller `width`"
            ) from error
        if on_progress:
            on_progress(FitProgress(1.0, trained.losses[-1].train))
        return np.where(tokens.counts[:, None] > 0, trained.inputs, np.float32(0))

    def _walk(self, walker: Walker, on_progress: OnProgress | None) -> WalkTokens:
        tokens, done = WalkTokens(walker), 0
        for batch in walker.all_batches():
            tokens.add(batch)
            done += len(batch)
            if on_progress:
                on_progress(FitProgress(WALKING * (done / walker.walks)))
        return tokens


@final
class DeepWalk2(_OwnEmbedder):
    """The nodes of a graph by random walks that are read as sentences (Perozzi et al. 2014).

    It's fitted on paths: edges, as "graph.Edges.v1" reads them, or longer ones. Walks go to neighbours by
    the weights of the edges. Skip-gram learns from them which nodes are near each
    other. A node without edges has the zero vector, and so has an unknown one.

    The same paths, settings and seed give the same vectors, to the bit, on the same kind of processor, for
    any number of threads.

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
        threads: How many threads walk and train; None for all there are. Vectors are the same for any number.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        *,
        width: int = 128,
        walks: int = 40,
        length: int = 40,
        window: int = 10,
        directed: bool = False,
        weighted: bool = True,
        epochs: int = 1,
        loss: Loss = "hierarchical",
        negatives: int = 5,
        learning_rate: float = 0.01,
        threads: int | None = None,
    ) -> None:
        super().__init__(
            Plan(
                walks=walks, length=length, p=1.0, q=1.0, threads=1 if threads is None else threads
            ),
            _training(
                width=width,
                window=window,
                epochs=epochs,
                loss=loss,
                negatives=negatives,
                learning_rate=learning_rate,
            ),
            directed=directed,
            weighted=weighted,
            threads=threads,
        )


@final
class Node2Vec2(_OwnEmbedder):
    """The nodes of a graph by walks that stay near or lead outwards (Grover & Leskovec 2016).

    As `DeepWalk2`, but that the step from a node depends on the one before: a neighbour that isn't one of
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
        threads: How many threads walk and train; None for all there are. Vectors are the same for any number.

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
        threads: int | None = None,
    ) -> None:
        super().__init__(
            Plan(walks=walks, length=length, p=p, q=q, threads=1 if threads is None else threads),
            _training(
                width=width,
                window=window,
                epochs=epochs,
                loss=loss,
                negatives=negatives,
                learning_rate=learning_rate,
            ),
            directed=directed,
            weighted=weighted,
            threads=threads,
        )


def _training(**settings: Any) -> Training:
    # All nodes are trained, those that occur often too.
    return Training(subsample=1.0, **settings)

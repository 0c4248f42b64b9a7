"""Heads in a graph: texts pooled to vectors, and logits of texts or words."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from seqpipe.errors import ExportError
from seqpipe.export._graph import Graph
from seqpipe.export._layout import Layout, lay_out
from seqpipe.export._recurrent import to_numpy
from seqpipe.parts.heads import Attention, Crf, Head, TextClassifier, TokenClassifier

#: Weighs nothing in a softmax, and is finite.
_NEVER: Final = -1e30


def add_head(graph: Graph, head: Head, vectors: str, lengths: str) -> str:
    """Add a head.

    Args:
        graph: The graph.
        head: A `TextClassifier`, `TokenClassifier` or `Crf`.
        vectors: The contextual vectors, `[N, width]`.
        lengths: How many words each text has, `[B]`.

    Returns:
        The logits, `[B, labels]` or, of words, `[N, labels]`.

    Raises:
        ExportError: It's another head.
    """
    check_head(head)
    if isinstance(head, TextClassifier):
        vectors = _add_pools(graph, head, vectors, lengths)
    output: Any = head.output
    return graph.linear(vectors, to_numpy(output.weight), to_numpy(output.bias))


def check_head(head: object) -> None:
    """Check that a head is one that can be exported.

    Raises:
        ExportError: It isn't.
    """
    if type(head) not in (TextClassifier, TokenClassifier, Crf):
        raise ExportError(
            f"the head {type(head).__name__} can't be exported: TextClassifier, TokenClassifier and Crf can"
        )


def add_scores(graph: Graph, head: Head, logits: str) -> str:
    """Add what turns logits into probabilities; a `Crf`'s depend on the other words, and are the reader's to find."""
    if getattr(head, "exclusive", True):
        return graph.add("Softmax", logits, axis=1)
    return graph.add("Sigmoid", logits)


def _add_pools(graph: Graph, head: TextClassifier, vectors: str, lengths: str) -> str:
    width = head.output.in_features // len(head.poolings)
    layout = lay_out(graph, vectors, lengths)
    spread = layout.spread(graph, vectors, width)
    pooled = [
        _add_attention(graph, layout, pool, vectors, spread)
        if isinstance(pool, Attention)
        else _POOLS[name](graph, layout, spread)
        for name, pool in zip(head.poolings, head.pools, strict=True)
    ]
    return graph.add("Concat", *pooled, axis=1)


def _add_last(graph: Graph, layout: Layout, spread: str) -> str:
    last = graph.add("Sub", layout.lengths, graph.integers(1))
    is_last = graph.add("Equal", layout.steps, last)
    return _sum(graph, _where(graph, is_last, spread, 0.0))


def _add_mean(graph: Graph, layout: Layout, spread: str) -> str:
    from onnx import TensorProto

    count = graph.add("Max", layout.lengths, graph.integers(1))
    count = graph.add("Cast", count, to=TensorProto.FLOAT)
    count = graph.add("Unsqueeze", count, graph.integers(1))
    return graph.add("Div", _sum(graph, spread), count)


def _add_max(graph: Graph, layout: Layout, spread: str) -> str:
    inside = _where(graph, layout.inside, spread, -np.inf)
    greatest = graph.add("ReduceMax", inside, graph.integers(0), keepdims=0)
    has_words = graph.add("Greater", layout.lengths, graph.integers(0))
    return _where(graph, has_words, greatest, 0.0)


def _add_attention(graph: Graph, layout: Layout, pool: Attention, vectors: str, spread: str) -> str:
    keys = graph.linear(vectors, to_numpy(pool.key.weight), to_numpy(pool.key.bias))
    matches = graph.linear(graph.add("Tanh", keys), to_numpy(pool.query.weight))
    matches = _where(graph, layout.inside, layout.spread(graph, matches, 1), _NEVER)
    weights = graph.add("Softmax", matches, axis=0)
    return _sum(graph, graph.add("Mul", weights, spread))


_POOLS: Final[Mapping[str, Callable[[Graph, Layout, str], str]]] = {
    "last": _add_last,
    "mean": _add_mean,
    "max": _add_max,
}


def _sum(graph: Graph, spread: str) -> str:
    return graph.add("ReduceSum", spread, graph.integers(0), keepdims=0)


def _where(graph: Graph, mask: str, values: str, other: float) -> str:
    """Add a choice between vectors and a number, by a mask that has one dimension less."""
    mask = graph.add("Unsqueeze", mask, graph.integers(-1))
    return graph.add("Where", mask, values, graph.constant(other))

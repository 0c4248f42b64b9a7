"""A plugin for seqpipe: the nodes of graphs as vectors, by random walks.

This module is imported whenever somebody lists the installed plugins, so it holds the hooks only, and
what else it offers is imported when somebody asks for it.
"""

import importlib
from typing import TYPE_CHECKING, Any

from seqpipe.hookspecs import Factories, hookimpl

# For type checkers only, as these import NumPy and SciPy.
if TYPE_CHECKING:
    from seqpipe_graph._graph import Graph as Graph
    from seqpipe_graph._paths import Edge as Edge
    from seqpipe_graph._walks import walks as walks

_PLACES = {"Edge": "_paths", "Graph": "_graph", "walks": "_walks"}

__all__ = ["Edge", "Graph", "walks"]


@hookimpl
def seqpipe_embedders() -> Factories:
    """Offer the embedders of this package."""
    return {
        "graph.DeepWalk.v1": "seqpipe_graph._embedders:DeepWalk",
        "graph.Node2Vec.v1": "seqpipe_graph._embedders:Node2Vec",
        "graph.DeepWalk.v2": "seqpipe_graph._embedders2:DeepWalk2",
        "graph.Node2Vec.v2": "seqpipe_graph._embedders2:Node2Vec2",
    }


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)

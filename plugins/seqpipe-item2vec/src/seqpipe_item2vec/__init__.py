"""A plugin for seqpipe: vectors of items, from baskets, sessions and histories.

This module is imported whenever somebody lists the installed plugins, so it holds the hooks only. A
part is named by the place of its class, "module:Class", and imported when a pipeline file asks for
it. The readers and the scorer are entry points of this package, in pyproject.toml.
"""

from seqpipe.hookspecs import Factories, hookimpl


@hookimpl
def seqpipe_embedders() -> Factories:
    """Offer the embedders of this package."""
    return {
        "item2vec.Item2Vec.v1": "seqpipe_item2vec._item2vec:Item2Vec",
        "item2vec.Item2Vec.v2": "seqpipe_item2vec._item2vec2:Item2Vec2",
    }

"""A plugin for seqpipe: several vectors for a word, one for each of its senses.

This module is imported whenever somebody lists the installed plugins, so it holds the hooks only. A
part is named by the place of its class, "module:Class", and imported when a pipeline file asks for
it.
"""

from seqpipe.hookspecs import Factories, hookimpl


@hookimpl
def seqpipe_embedders() -> Factories:
    """Offer the embedder of this package."""
    return {"senses.MultiSense.v1": "seqpipe_senses._embedder:MultiSense"}

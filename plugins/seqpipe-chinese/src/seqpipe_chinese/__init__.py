"""A plugin for seqpipe: tokenizers for Chinese texts.

This module is imported whenever somebody lists the installed plugins, so it holds the hooks only. A
part is named by the place of its class, "module:Class", and imported when a pipeline file asks for
it.
"""

from seqpipe.hookspecs import Factories, hookimpl


@hookimpl
def seqpipe_tokenizers() -> Factories:
    """Offer the tokenizers of this package."""
    return {
        "chinese.Jieba.v1": "seqpipe_chinese._jieba:Jieba",
        "chinese.Characters.v1": "seqpipe_chinese._characters:Characters",
    }

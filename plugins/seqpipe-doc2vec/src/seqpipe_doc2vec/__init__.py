"""A plugin for seqpipe: vectors of documents.

This module is imported whenever somebody lists the installed plugins, so it holds the hooks only. A
part is named by the place of its class, "module:Class", and imported when a pipeline file asks for
it.
"""

from seqpipe.hookspecs import Factories, hookimpl


@hookimpl
def seqpipe_embedders() -> Factories:
    """Offer the embedders of this package."""
    return {
        "doc2vec.DistributedMemory.v1": "seqpipe_doc2vec._memory:DistributedMemory",
        "doc2vec.BagOfWords.v1": "seqpipe_doc2vec._bag:BagOfWords",
        "doc2vec.DistributedMemory.v2": "seqpipe_doc2vec._memory:DistributedMemory2",
        "doc2vec.BagOfWords.v2": "seqpipe_doc2vec._bag:BagOfWords2",
        "doc2vec.Sif.v1": "seqpipe_doc2vec._sif:Sif",
        "doc2vec.Lsi.v1": "seqpipe_doc2vec._lsi:Lsi",
        "doc2vec.Lda.v1": "seqpipe_doc2vec._lda:Lda",
    }

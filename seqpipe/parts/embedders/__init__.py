"""Embedders: words (items, nodes) to vectors."""

from seqpipe.parts.embedders._concatenated import Concatenated as Concatenated
from seqpipe.parts.embedders._contract import DocumentEmbedder as DocumentEmbedder
from seqpipe.parts.embedders._contract import Embedder as Embedder
from seqpipe.parts.embedders._contract import FitProgress as FitProgress
from seqpipe.parts.embedders._contract import OnProgress as OnProgress
from seqpipe.parts.embedders.fasttext import FastText as FastText
from seqpipe.parts.embedders.fasttext import Word2Vec as Word2Vec

__all__ = [
    "Concatenated",
    "DocumentEmbedder",
    "Embedder",
    "FastText",
    "FitProgress",
    "OnProgress",
    "Word2Vec",
]

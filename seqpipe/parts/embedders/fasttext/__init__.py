"""Word vectors trained by the fastText library: with sub-words, and without."""

from seqpipe.parts.embedders.fasttext._embedders import FastText as FastText
from seqpipe.parts.embedders.fasttext._embedders import Word2Vec as Word2Vec
from seqpipe.parts.fasttext import library_version as library_version

__all__ = ["FastText", "Word2Vec", "library_version"]

"""Word vectors trained by the fastText library: with sub-words, and without."""

from seqpipe.parts._fasttext import library_version as library_version
from seqpipe.parts.embedders.fasttext._fasttext import FastText as FastText
from seqpipe.parts.embedders.fasttext._word2vec import Word2Vec as Word2Vec

__all__ = ["FastText", "Word2Vec", "library_version"]

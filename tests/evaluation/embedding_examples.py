"""Embeddings that tests know all about."""

import zlib

import numpy as np

from seqpipe.evaluation import Fitted
from seqpipe.parts.embedders import DocumentEmbedder, Embedder


class Table(Embedder):
    """Vectors that are written down.

    Args:
        vectors: By word.
        unknown: Whether unknown words have vectors too, as with sub-words.
    """

    def __init__(self, vectors, *, unknown=False):
        self._vectors = {word: np.asarray(v, dtype="float32") for word, v in vectors.items()}
        self._unknown = unknown
        self.width = len(next(iter(self._vectors.values())))

    @property
    def vocabulary(self):
        return tuple(self._vectors)

    def fit(self, sequences, *, seed=0, on_progress=None):
        raise NotImplementedError

    def embed(self, words):
        found = [self._vectors.get(word, self._vector(word)) for word in words]
        return np.array(found, dtype="float32").reshape(len(words), self.width)

    def _vector(self, word):
        if not self._unknown:
            return np.zeros(self.width, dtype="float32")
        draw = np.random.default_rng(zlib.crc32(word.encode()))
        return draw.normal(size=self.width).astype("float32")

    def to_disk(self, path):
        raise NotImplementedError

    def from_disk(self, path):
        raise NotImplementedError


class Documents(Table, DocumentEmbedder):
    """Gives documents vectors that depend on the order of words."""

    def embed_document(self, words):
        vectors = self.embed(words) if words else np.zeros((1, self.width), dtype="float32")
        weights = np.arange(1, len(vectors) + 1, dtype="float32")
        return weights @ vectors


class Rows(Table):
    """A large table, looked up at once."""

    def __init__(self, words, rows):
        self._words = tuple(words)
        self._rows = rows
        self._index = {word: row for row, word in enumerate(words)}
        self.width = rows.shape[1]

    @property
    def vocabulary(self):
        return self._words

    def embed(self, words):
        places = np.array([self._index.get(word, -1) for word in words], dtype=np.intp)
        vectors = self._rows[places]
        vectors[places < 0] = 0
        return vectors


def random_rows(size=500, width=16, *, seed=1):
    """Return as many words as asked for, w0, w1, ..., with random vectors."""
    rows = np.random.default_rng(seed).normal(size=(size, width)).astype("float32")
    return Rows([f"w{i}" for i in range(size)], rows)


def fitted(vectors, train=(), **more):
    """Return an embedding of vectors by word."""
    return Fitted(Table(vectors, **more), train=lambda: train)

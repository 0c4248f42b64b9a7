"""Vectors that were trained here, as a model for the fastText library and gensim."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqpipe.parts._fasttext import written
from seqpipe.parts.embedders.fasttext import FastText, Word2Vec
from seqpipe.parts.embedders.fasttext._vectors import WordVectors
from seqpipe.parts.embedders.formats import Dense, FastTextArgs, FastTextModel, write_fasttext


def export_fasttext(embedder: FastText | Word2Vec, path: str | Path) -> None:
    """Write a fitted embedder as a `.bin` file of the fastText library's.

    Known words have the same vectors there. Those of unknown words are shorter, and differ a bit in
    direction: the library counts sub-words too that no known word has, whose rows are zero here, or
    another one's. What the file can't know: how often words occurred, so their ranks stand in; the rows
    that predict contexts, which are zero, so that training can't go on from it; whether words were
    lower-cased, so where they were, look up lower-cased ones; and how the vectors were trained, so it
    says by skip-gram with negative sampling.

    Args:
        embedder: What to write.
        path: Where to; by custom it ends in `.bin`.

    Raises:
        EmbedderError: The embedder hasn't been fitted.
        SavedModelError: The file can't be written.
    """
    write_fasttext(_model(embedder._fitted()), path)


def _model(vectors: WordVectors) -> FastTextModel:
    shape, tables, count = vectors.shape, vectors.tables, len(vectors.words)
    matrix = np.zeros((count + shape.buckets, shape.width), dtype=np.float32)
    if shape.buckets:
        shared = count + tables.hashes.astype(np.int64) % shape.buckets
        matrix[shared] = tables.rows[tables.row_of_hash]
    args = FastTextArgs(
        width=shape.width, min_n=shape.min_n, max_n=shape.max_n, buckets=shape.buckets
    )
    model = FastTextModel(
        args=args,
        words=tuple(_storable(word) for word in vectors.words),
        word_counts=np.arange(count, 0, -1, dtype=np.int64),
        labels=(),
        label_counts=np.zeros(0, dtype=np.int64),
        input=Dense(matrix),
        output=Dense(np.zeros((count, shape.width), dtype=np.float32)),
        tokens=count * (count + 1) // 2,
    )
    _set_own_rows(model, matrix, tables.known)
    return model


def _storable(word: str) -> str:
    # A file's words end in NUL. Other white space can stand in them, though the library reads none from texts.
    return str(written(word)) if "\0" in word else word


def _set_own_rows(
    model: FastTextModel, matrix: NDArray[np.float32], known: NDArray[np.float32]
) -> None:
    """Give each word the row with which the mean over it and its sub-words is the word's vector."""
    for row, word in enumerate(model.words):
        others = model.subword_ids(word)[1:]
        matrix[row] = (1 + len(others)) * known[row] - matrix[others].sum(axis=0)

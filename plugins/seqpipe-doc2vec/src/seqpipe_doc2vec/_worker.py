"""The process that trains: `python -m seqpipe_doc2vec._worker`, which `train_out_of_process` runs."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from gensim.models.doc2vec import TaggedDocument
from numpy.typing import NDArray
from seqpipe.workers import Job, serve

from seqpipe_doc2vec._library import make_model, pieces
from seqpipe_doc2vec._settings import read_settings

_VECTORS = "documents.float32"
_ROWS_AT_ONCE = 10_000


def train(job: Job) -> Mapping[str, NDArray[Any]]:
    """Train, and return the words' vectors, `words`, and output vectors, `outputs`, each `[V, width]`."""
    model = make_model(read_settings(job.settings), job.counts, seed=job.seed)
    # All that the library asks of the list of documents is how long it is.
    model.dv.index_to_key = range(job.sequences)
    model.dv.vectors = _document_vectors(job.sequences, model.vector_size, job.seed)
    model.train(
        corpus_iterable=_Documents(job), total_words=job.tokens, epochs=job.settings["epochs"]
    )
    return {"words": model.wv.vectors, "outputs": model.syn1neg}


class _Documents:
    """The documents, each with its number: gone through once for each epoch."""

    def __init__(self, job: Job) -> None:
        self._passes = job.passes()

    def __iter__(self) -> Iterator[TaggedDocument]:
        for number, words in enumerate(self._passes):
            for piece in pieces(words):
                yield TaggedDocument(piece, [number])


def _document_vectors(rows: int, width: int, seed: int) -> NDArray[np.float32]:
    """Return random vectors of documents, as the library begins with.

    They're in a file, as they aren't kept: memory needn't grow with the number of documents.
    """
    vectors = np.memmap(_VECTORS, dtype=np.float32, mode="w+", shape=(rows, width))
    draw = np.random.default_rng(seed + 1)
    for start in range(0, rows, _ROWS_AT_ONCE):
        part = vectors[start : start + _ROWS_AT_ONCE]
        part[:] = (2 * draw.random(part.shape, dtype=np.float32) - 1) / width
    return vectors


if __name__ == "__main__":
    serve(train)

"""The vectors that a pipeline's encoder gives to words where they stand."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import to_numpy

from seqpipe.errors import DataError
from seqpipe.evaluation.embeddings._bags import SentenceVectors
from seqpipe.evaluation.embeddings._marked import Marked
from seqpipe.evaluation.embeddings._senses import WordVectors

_BATCH: Final = 64


def has_encoder(nlp: Language) -> bool:
    """Say whether a pipeline has an encoder whose output it leaves at its docs."""
    return bool(len(nlp("word").tensor))


def encode(nlp: Language, texts: Iterable[str]) -> Iterator[tuple[Doc, NDArray[np.float32]]]:
    """Yield docs with the vectors that the encoder gives to their tokens, `[len(doc), width]`.

    Raises:
        DataError: The pipeline has no encoder.
    """
    for doc in nlp.pipe(texts, batch_size=_BATCH):
        vectors = np.asarray(to_numpy(doc.tensor), dtype=np.float32)
        if len(doc) and len(vectors) != len(doc):
            raise DataError(
                "the pipeline has no encoder whose vectors it leaves in `doc.tensor`: take one that "
                "was trained with [encoder], or one with spaCy's component tok2vec"
            )
        # Nothing says how wide the vectors of no token are.
        yield doc, vectors if len(doc) else np.zeros((0, 0), dtype=np.float32)


def encoded_words(nlp: Language) -> WordVectors:
    """Return what gives the encoder's vectors of words in sentences.

    A word that the pipeline's tokenizer divides has the mean of its tokens' vectors.
    """

    def vectors(uses: Sequence[Marked]) -> NDArray[Any]:
        encoded = encode(nlp, [use.text for use in uses])
        return np.stack([_of_word(doc, rows, use) for (doc, rows), use in _beside(encoded, uses)])

    return vectors


def encoded_sentences(nlp: Language) -> SentenceVectors:
    """Return what gives the means of the encoder's vectors of all tokens; zeros for an empty text."""

    def vectors(sentences: Sequence[str]) -> NDArray[Any]:
        means = [_mean(doc, rows) for doc, rows in encode(nlp, sentences)]
        width = max(len(mean) for mean in means)
        return np.stack([mean if len(mean) else np.zeros(width) for mean in means])

    return vectors


def _beside(encoded: Iterable[Any], uses: Iterable[Marked]) -> Iterator[Any]:
    return zip(encoded, uses, strict=True)


def _of_word(doc: Doc, rows: NDArray[np.float32], use: Marked) -> NDArray[np.float32]:
    span = doc.char_span(use.start, use.end, alignment_mode="expand")
    mean: NDArray[np.float32] = rows[span.start : span.end].mean(axis=0)
    return mean


def _mean(doc: Doc, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    words = [token.i for token in doc if not token.is_space]
    if not words:
        return np.zeros(rows.shape[1], dtype=np.float32)
    mean: NDArray[np.float32] = rows[words].mean(axis=0)
    return mean

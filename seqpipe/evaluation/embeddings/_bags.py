"""Vectors of sentences that an embedding gives without an encoder."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqpipe.evaluation._fitted import Fitted
from seqpipe.evaluation.embeddings._sif import mean_vectors, sif_vectors, word_shares
from seqpipe.evaluation.embeddings._words import Words
from seqpipe.parts.embedders import DocumentEmbedder
from seqpipe.parts.tokenizers import Tokenize

#: Sentences to their vectors, `[N, width]`.
SentenceVectors: TypeAlias = Callable[[Sequence[str]], NDArray[Any]]


def bags_of_words(fitted: Fitted, tokenize: Tokenize) -> dict[str, SentenceVectors]:
    """Return the ways in which an embedding makes vectors of sentences.

    Args:
        fitted: The embedding. The words' shares that SIF asks for are those of what it was fitted on.
        tokenize: A sentence to words.

    Returns:
        "mean", the mean of the words' vectors, "sif" (see `sif_vectors`), and "document", if the
        embedder itself has vectors for documents.
    """
    words = Words(fitted.embedder)
    shares = word_shares(fitted.train(), words)

    def forms(sentences: Sequence[str]) -> list[list[str]]:
        return [[words.form(word) for word in tokenize(sentence)] for sentence in sentences]

    ways: dict[str, SentenceVectors] = {
        "mean": lambda sentences: mean_vectors(forms(sentences), words.embed),
        "sif": lambda sentences: sif_vectors(forms(sentences), words.embed, shares),
    }
    embedder = fitted.embedder
    if isinstance(embedder, DocumentEmbedder):
        embed_document = embedder.embed_document
        ways["document"] = lambda sentences: np.stack(
            [embed_document(tokenize(sentence)) for sentence in sentences]
        )
    return ways

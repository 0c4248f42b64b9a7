"""Vectors of sentences without an encoder: bags of words, plain or by smooth inverse frequency."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqpipe.evaluation._fitted import Fitted
from seqpipe.evaluation.embeddings._words import Words
from seqpipe.parts.embedders import DocumentEmbedder
from seqpipe.parts.tokenizers import Tokenize

#: Words to vectors, `[N, width]`.
Embed = Callable[[Sequence[str]], NDArray[np.float32]]


def mean_vectors(
    sentences: Sequence[Sequence[str]],
    embed: Embed,
    *,
    weights: Callable[[str], float] = lambda word: 1.0,
) -> NDArray[np.float64]:
    """Return the weighted sum of each sentence's vectors, divided by their number, `[N, width]`.

    Words that have the zero vector don't count. A sentence without a vector has zeros.

    Args:
        sentences: The words of each.
        embed: Gives their vectors.
        weights: Gives a word's weight.
    """
    index = {word: row for row, word in enumerate(dict.fromkeys(w for s in sentences for w in s))}
    vectors = np.asarray(embed([*index]), dtype=np.float64)
    has_vector = np.any(vectors != 0, axis=1)
    weighted = vectors * np.array([weights(word) for word in index]).reshape(-1, 1)
    means = np.zeros((len(sentences), vectors.shape[1]))
    for place, sentence in enumerate(sentences):
        # Sorted, so that the order of words has no effect, not even on rounding.
        rows = np.array(sorted(index[word] for word in sentence), dtype=np.intp)
        count = int(has_vector[rows].sum())
        if count:
            means[place] = weighted[rows].sum(axis=0) / count
    return means


def sif_vectors(
    sentences: Sequence[Sequence[str]],
    embed: Embed,
    shares: Mapping[str, float],
    *,
    smoothing: float = 1e-3,
    components: int = 1,
) -> NDArray[np.float64]:
    """Return sentence vectors by smooth inverse frequency, `[N, width]` (Arora, Liang & Ma 2017).

    A word w weighs a / (a + p(w)); then what all sentences have in common, their first principal
    directions (not centred), is taken out. These are of the sentences given here, as in the paper.

    Args:
        sentences: The words of each.
        embed: Gives their vectors.
        shares: p(w), the share of each word in running text; of those not named, 0.
        smoothing: a.
        components: How many directions are taken out.
    """

    def weight(word: str) -> float:
        return smoothing / (smoothing + shares.get(word, 0.0))

    means = mean_vectors(sentences, embed, weights=weight)
    if not components or not len(means):
        return means
    directions = np.linalg.svd(means, full_matrices=False)[2][:components]
    rest: NDArray[np.float64] = means - means @ directions.T @ directions
    return rest


def word_shares(sequences: Iterable[Sequence[str]], words: Words) -> dict[str, float]:
    """Return the share of each word in running text, by the form that the vocabulary has.

    Args:
        sequences: The running text. If there's none, the share is guessed from a word's rank r in the
            vocabulary, as proportional to 1 / (r + 2.7): Zipf's law as Mandelbrot wrote it.
        words: The vocabulary, the most frequent first.
    """
    counts: Counter[str] = Counter()
    for sequence in sequences:
        counts.update(sequence)
    if counts:
        total = counts.total()
        shares: defaultdict[str, float] = defaultdict(float)
        for word, count in counts.items():
            shares[words.form(word)] += count / total
        return dict(shares)
    guessed = 1 / (np.arange(1, len(words.vocabulary) + 1) + 2.7)
    return dict(zip(words.vocabulary, (guessed / guessed.sum()).tolist(), strict=True))


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

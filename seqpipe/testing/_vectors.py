"""The contract of embedders: the vectors that they give."""

from collections import Counter
from typing import Any

import numpy as np

from seqpipe.testing._check import BrokenError, Factory
from seqpipe.testing._corpus import SEQUENCES, UNKNOWN, fitted
from seqpipe.testing._smallest import at, show


def vectors_have_their_shape(factory: Factory) -> None:
    """`embed` returns a float32 array with a row of the embedder's width for each word."""
    embedder = fitted(factory)
    for words in (["the"], ["cat", "the", "cat"]):
        at(lambda given: expect_shape(embedder.embed(given), (len(given), embedder.width)), words)


def expect_shape(vectors: Any, shape: tuple[int, int]) -> None:
    """Raise a `BrokenError` if something isn't an array of float32 and of that shape."""
    if not isinstance(vectors, np.ndarray):
        raise BrokenError(f"the result is a {type(vectors).__name__}, and should be an array")
    if (vectors.dtype, vectors.shape) != (np.float32, shape):
        raise BrokenError(
            f"the result is {vectors.dtype} {vectors.shape}, and should be float32 {shape}"
        )


def vectors_are_finite(factory: Factory) -> None:
    """The vectors of all words of the vocabulary are finite."""
    embedder = fitted(factory)
    for word in embedder.vocabulary:
        if not np.isfinite(embedder.embed([word])).all():
            raise BrokenError(f"the vector of {word!r} isn't")


def rows_are_their_words_own(factory: Factory) -> None:
    """A word has the same vector wherever it stands, and whichever words are asked for with it."""
    embedder = fitted(factory)
    words = ["mat", "the", "cat", "the"]
    together = embedder.embed(words)
    for row, word in zip(together, words, strict=True):
        if not np.array_equal(row, embedder.embed([word])[0], equal_nan=True):
            raise BrokenError(
                f"input that shows it: {words}\nthe row of {word!r} isn't what it gets alone"
            )


def unknown_words_have_vectors(factory: Factory) -> None:
    """A word that wasn't fitted on has a finite vector, the same one each time."""
    embedder = fitted(factory)

    def verify(word: str) -> None:
        first, again = embedder.embed([word]), embedder.embed([word])
        expect_shape(first, (1, embedder.width))
        if not (np.isfinite(first).all() and np.array_equal(first, again)):
            raise BrokenError(f"its vectors are {first} and {again}")

    for word in UNKNOWN:
        at(verify, word)


def no_words_have_no_vectors(factory: Factory) -> None:
    """For no words, `embed` returns a float32 array of no rows."""
    embedder = fitted(factory)
    expect_shape(embedder.embed([]), (0, embedder.width))


def vocabulary_is_by_frequency(factory: Factory) -> None:
    """The vocabulary holds words that were fitted on, the most frequent first, each once."""
    counts = Counter(word for sequence in SEQUENCES for word in sequence)
    words = list(fitted(factory).vocabulary)
    if not words:
        raise BrokenError("it's empty")
    if strange := [word for word in words if word not in counts]:
        raise BrokenError(f"it holds {show(strange)}, which weren't fitted on")
    if len(set(words)) < len(words):
        raise BrokenError(f"it holds a word twice: {show(words)}")
    if sorted(words, key=lambda word: -counts[word]) != words:
        raise BrokenError(
            f"it's {[(word, counts[word]) for word in words]}, with the words' counts"
        )

"""The words of a corpus that a word is nearest to where it stands."""

import heapq
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc

from seqpipe.evaluation.embeddings._contextual import encode, encoded_words
from seqpipe.evaluation.embeddings._marked import Marked
from seqpipe.evaluation.embeddings._words import unit


class Found(NamedTuple):
    """A word of a corpus where it stands, and its cosine with the one that was looked for."""

    score: float
    marked: Marked


class Neighbourhood(NamedTuple):
    """What's nearest to a word where it stands.

    Attributes:
        same: Uses of the same word, the nearest first.
        others: Other words, each where it's nearest, the nearest first.
    """

    same: list[Found]
    others: list[Found]


def search_corpus(
    nlp: Language, targets: Sequence[Marked], sentences: Iterable[str], *, most: int = 10
) -> list[Neighbourhood]:
    """Find the words of a corpus whose contextual vectors are nearest to those of given words.

    The corpus is read once and isn't kept. Words are the same if they are so in lower case.

    Args:
        nlp: A pipeline with an encoder.
        targets: The words to look for, where they stand.
        sentences: The corpus.
        most: How many uses of the same word, and how many other words, are returned at most.

    Raises:
        DataError: The pipeline has no encoder.
    """
    wanted = unit(encoded_words(nlp)(targets))
    bests = [_Best(target) for target in targets]
    for doc, rows in encode(nlp, sentences):
        if not len(doc):
            continue
        for best, cosines in zip(bests, wanted @ unit(rows).T, strict=True):
            best.add(doc, cosines)
    return [best.neighbourhood(most) for best in bests]


class _Best:
    """Keeps the best uses of each word."""

    def __init__(self, target: Marked) -> None:
        self._target = target
        self._same: list[Found] = []
        self._others: dict[str, Found] = {}

    def add(self, doc: Doc, cosines: NDArray[np.float32]) -> None:
        """Look through a sentence; another one than the target's own."""
        if doc.text == self._target.text:
            return
        scores = cosines.tolist()
        for token in doc:
            if not any(character.isalnum() for character in token.text):
                continue
            word = token.lower_
            if word == self._target.word.lower():
                self._same.append(_found(scores[token.i], doc, token.i))
            elif word not in self._others or scores[token.i] > self._others[word].score:
                self._others[word] = _found(scores[token.i], doc, token.i)

    def neighbourhood(self, most: int) -> Neighbourhood:
        """Return the best."""
        return Neighbourhood(
            heapq.nlargest(most, self._same, key=lambda found: found.score),
            heapq.nlargest(most, self._others.values(), key=lambda found: found.score),
        )


def _found(score: float, doc: Doc, place: int) -> Found:
    token = doc[place]
    return Found(score, Marked(doc.text, token.idx, token.idx + len(token)))

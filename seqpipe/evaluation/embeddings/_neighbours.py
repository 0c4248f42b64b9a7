"""The words nearest to a direction, and words that are spelled nearly like one."""

from collections.abc import Collection
from difflib import get_close_matches
from itertools import islice
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import DataError
from seqpipe.evaluation.embeddings._words import METHODS, Words, score_candidates, unit

# Spellings are compared one by one, which takes a second for so many.
_SPELLINGS: Final = 50_000


class Neighbour(NamedTuple):
    """A word, and how near it is."""

    word: str
    score: float


def nearest(
    words: Words, vector: NDArray[np.float32], *, most: int = 10, without: Collection[str] = ()
) -> list[Neighbour]:
    """Return the words whose vectors are nearest to one by cosine, the nearest first.

    Args:
        words: The vocabulary.
        vector: `[width]`, of any length.
        most: How many are returned at most.
        without: Words that aren't to be among them.
    """
    return _best(words, words.units @ unit(vector), most=most, without=without)


def answer_analogy(
    words: Words, a: str, b: str, c: str, *, method: str = "3cosadd", most: int = 10
) -> list[Neighbour]:
    """Return the words that are to `c` as `b` is to `a`, the best first.

    Args:
        words: The vocabulary.
        a: A word.
        b: What it's in relation to.
        c: The word whose counterpart is asked for.
        method: "3cosadd" or "3cosmul"; see `Analogies`.
        most: How many are returned at most.

    Raises:
        DataError: A word has no vector.
    """
    asked = unit(np.stack([vector_of(words, word) for word in (a, b, c)]))
    scores = score_candidates(asked @ words.units.T, np.array([[0, 1, 2]]))
    of_method = scores[METHODS.index(method), 0]
    return _best(words, of_method, most=most, without=(a, b, c))


def vector_of(words: Words, word: str) -> NDArray[np.float32]:
    """Return the vector of a word, `[width]`: an unknown one's too, if the embedder has one.

    Raises:
        DataError: It has none.
    """
    vector = words.embed([word])[0]
    if vector.any():
        return np.asarray(vector)
    if words.knows(word):
        raise DataError(f"{word!r} is known, and its vector is zero: it's near to nothing")
    near = ", ".join(repr(each) for each in near_spellings(words, word))
    hint = f"; spelled nearly like it: {near}" if near else ""
    raise DataError(
        f"there's no vector for {word!r} among the {len(words.vocabulary):,} words{hint}"
    )


def near_spellings(words: Words, word: str, *, most: int = 3) -> list[str]:
    """Return frequent words that are spelled nearly like one, the nearest first."""
    by_folded: dict[str, str] = {}
    for candidate in islice(words.vocabulary, _SPELLINGS):
        by_folded.setdefault(candidate.casefold(), candidate)
    close = get_close_matches(word.casefold(), by_folded, n=most, cutoff=0.7)
    return [by_folded[folded] for folded in close]


def _best(
    words: Words, scores: NDArray[np.float32], *, most: int, without: Collection[str]
) -> list[Neighbour]:
    scores = scores.copy()
    for word in without:
        row = words.row(word)
        if row is not None:
            scores[row] = -np.inf
    most = min(most, len(scores))
    if most < 1:
        return []
    rows = np.argpartition(-scores, most - 1)[:most]
    rows = rows[np.argsort(-scores[rows], kind="stable")]
    return [
        Neighbour(words.vocabulary[row], float(scores[row]))
        for row in rows.tolist()
        if scores[row] > -np.inf
    ]

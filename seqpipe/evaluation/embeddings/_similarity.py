"""Similarity of words, as scores of an embedding: of rated pairs, of synonyms and antonyms, and of relatedness."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.correlation import ranks, spearman
from seqpipe.evaluation._fitted import Fitted
from seqpipe.evaluation.embeddings._lists import (
    RatedPair,
    named_lists,
    read_pairs,
    read_rated_pairs,
)
from seqpipe.evaluation.embeddings._statistics import mean_of, share
from seqpipe.evaluation.embeddings._words import Words


class WordSimilarity:
    """Compares the cosine of two words' vectors with how similar people find the words.

    The score is Spearman's rank correlation, over the pairs whose words are both known.

    Args:
        path: A list of pairs, or several: two words and a number on each line, as in WordSim-353, MEN,
            SimLex-999 or RG-65. Plain paths, ``package:NAME/below`` or ``data:below``.

    Raises:
        DataError: A list can't be read.
    """

    def __init__(self, *, path: str | list[str]) -> None:
        self._lists = {name: read_rated_pairs(each) for name, each in named_lists(path).items()}

    def __call__(self, fitted: Fitted) -> dict[str, Any]:
        """Score an embedding.

        Returns:
            For each list, by its name, what `score_pairs` returns.
        """
        words = Words(fitted.embedder)
        return {name: score_pairs(pairs, words) for name, pairs in self._lists.items()}


def score_pairs(pairs: Sequence[RatedPair], words: Words) -> dict[str, Any]:
    """Score an embedding on rated pairs of words.

    Returns:
        The numbers of "pairs" and of those "covered", whose words are both known; the "coverage";
        "spearman" over the covered ones, and "spearman_all" over all, where a pair that isn't covered
        counts as one of cosine 0, so that vocabularies can be compared. Under "with_subwords" the same
        over all pairs whose words have vectors, if that's more because the embedder has vectors for
        unknown words, else None.
    """
    cosines = words.cosines([(pair.first, pair.second) for pair in pairs])
    ratings = np.array([pair.rating for pair in pairs])
    known = np.array([words.knows(pair.first, pair.second) for pair in pairs], dtype=bool)
    has_vectors = known | (cosines != 0)
    more = has_vectors.sum() > known.sum()
    return {
        **_scores(cosines, ratings, known),
        "spearman_all": spearman(np.where(known, cosines, 0), ratings),
        "with_subwords": _scores(cosines, ratings, has_vectors) if more else None,
    }


def _scores(cosines: Any, ratings: Any, counted: Any) -> dict[str, Any]:
    covered = int(counted.sum())
    return {
        "pairs": len(counted),
        "covered": covered,
        "coverage": share(covered, len(counted)),
        "spearman": spearman(cosines[counted], ratings[counted]),
    }


# The antonym problem: *hot* and *cold* have vectors as near to each other as *big* and *large*.

_Pairs = Sequence[tuple[str, str]]

# How many cosines are computed at once: 64 MB.
_COSINES: Final = 1 << 24


def score_opposites(synonyms: _Pairs, antonyms: _Pairs, words: Words) -> dict[str, Any]:
    """Compare how near antonyms are to each other with how near synonyms are.

    Returns:
        Under "synonyms" and "antonyms": the numbers of "pairs" and of those "covered", whose words are
        both known; the "coverage"; the "mean_cosine", and the "median_rank" of a pair's one word among
        the neighbours of the other, from 1 for the nearest, both ways round. "told_apart" is the share
        of the cases in which a synonym's cosine is above an antonym's: 1 if all are, 0.5 by chance.
        What has no pair to be computed from is None.
    """
    near, far = (
        [pair for pair in pairs if words.knows(*pair) and words.row(pair[0]) != words.row(pair[1])]
        for pairs in (synonyms, antonyms)
    )
    return {
        "synonyms": _describe(synonyms, near, words),
        "antonyms": _describe(antonyms, far, words),
        "told_apart": share_above(words.cosines(near), words.cosines(far)),
    }


def share_above(first: NDArray[np.floating], second: NDArray[np.floating]) -> float | None:
    """Return in which share of all cases a number of the first list is above one of the second.

    Equal ones count as half (the area under the ROC curve). None if a list is empty.
    """
    if not len(first) or not len(second):
        return None
    sum_of_ranks = float(ranks(np.concatenate([first, second]))[: len(first)].sum())
    return (sum_of_ranks - len(first) * (len(first) + 1) / 2) / (len(first) * len(second))


def neighbour_ranks(pairs: _Pairs, words: Words) -> NDArray[np.intp]:
    """Return the rank of each pair's second word among the neighbours of its first, `[N]`, from 1."""
    rows = np.array([[words.row(word) for word in pair] for pair in pairs], dtype=np.intp)
    found = np.zeros(len(rows), dtype=np.intp)
    at_once = max(1, _COSINES // max(1, len(words.vocabulary)))
    for start in range(0, len(rows), at_once):
        some = rows[start : start + at_once]
        cosines = words.units[some[:, 0]] @ words.units.T
        np.put_along_axis(cosines, some[:, :1], -np.inf, axis=1)
        theirs = np.take_along_axis(cosines, some[:, 1:], axis=1)
        found[start : start + at_once] = 1 + (cosines > theirs).sum(axis=1)
    return found


def _describe(pairs: _Pairs, covered: _Pairs, words: Words) -> dict[str, Any]:
    both_ways = [*covered, *((second, first) for first, second in covered)]
    return {
        "pairs": len(pairs),
        "covered": len(covered),
        "coverage": share(len(covered), len(pairs)),
        "mean_cosine": float(words.cosines(covered).mean()) if covered else None,
        "median_rank": float(np.median(neighbour_ranks(both_ways, words))) if covered else None,
    }


# Similarity against relatedness.

#: Lists in the package, written for it.
SYNONYMS: Final = "package:seqpipe/evaluation/embeddings/lists/synonyms_en.txt"
ANTONYMS: Final = "package:seqpipe/evaluation/embeddings/lists/antonyms_en.txt"


class Relatedness:
    """Sets similarity against relatedness: *cup* and *mug* against *cup* and *coffee*.

    Vectors from co-occurrence mostly do well on lists that rate relatedness (WordSim-353's REL, MEN) and
    worse where similarity alone counts (WordSim-353's SIM; SimLex-999 most of all; Hill et al. 2015).
    They can hardly distinguish antonyms from synonyms, which occur among the same words.

    Args:
        similarity: Lists whose ratings are about similarity; see `WordSimilarity`.
        relatedness: Lists whose ratings are about relatedness.
        synonyms: A list of pairs of words that mean the same, two words on each line. By default one of
            172 English pairs, written for seqpipe.
        antonyms: A list of pairs of words that mean the opposite. By default one of 127 English pairs.

    Raises:
        DataError: A list can't be read.
    """

    def __init__(
        self,
        *,
        similarity: str | list[str] | None = None,
        relatedness: str | list[str] | None = None,
        synonyms: str = SYNONYMS,
        antonyms: str = ANTONYMS,
    ) -> None:
        self._similarity = _read_lists(similarity or [])
        self._relatedness = _read_lists(relatedness or [])
        self._synonyms = read_pairs(synonyms)
        self._antonyms = read_pairs(antonyms)

    def __call__(self, fitted: Fitted) -> dict[str, Any]:
        """Score an embedding.

        Returns:
            "similarity" and "relatedness": for each list, by its name, what `score_pairs` returns;
            "similarity_mean" and "relatedness_mean", the means of "spearman" over these; and under
            "opposites" what `score_opposites` returns.
        """
        words = Words(fitted.embedder)
        similarity = _score_lists(self._similarity, words)
        relatedness = _score_lists(self._relatedness, words)
        return {
            "similarity": similarity,
            "relatedness": relatedness,
            "similarity_mean": mean_of([score["spearman"] for score in similarity.values()]),
            "relatedness_mean": mean_of([score["spearman"] for score in relatedness.values()]),
            "opposites": score_opposites(self._synonyms, self._antonyms, words),
        }


def _read_lists(paths: str | list[str]) -> dict[str, list[RatedPair]]:
    return {name: read_rated_pairs(path) for name, path in named_lists(paths).items()}


def _score_lists(lists: Mapping[str, list[RatedPair]], words: Words) -> dict[str, Any]:
    return {name: score_pairs(pairs, words) for name, pairs in lists.items()}

"""Whether similar words have similar vectors."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqpipe.evaluation._fitted import Fitted
from seqpipe.evaluation.embeddings._lists import RatedPair, named_lists, read_rated_pairs
from seqpipe.evaluation.embeddings._statistics import share, spearman
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

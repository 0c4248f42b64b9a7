"""The antonym problem in numbers: *hot* and *cold* have vectors as near as *big* and *large*."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.evaluation.embeddings._statistics import ranks, share
from seqpipe.evaluation.embeddings._words import Words

_Pairs = Sequence[tuple[str, str]]

# So many cosines are computed at once: 64 MB.
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

"""Scores of labels that are ranked, of which a text has any number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class RankScore:
    """How well the first k labels fit.

    Attributes:
        precision: The share of them that are true.
        recall: The share of the true labels that are among them.
    """

    precision: float
    recall: float


def score_ranking(
    truths: Sequence[Mapping[str, float]],
    predictions: Sequence[Mapping[str, float]],
    *,
    first: Sequence[int] = (1, 5),
) -> dict[str, RankScore]:
    """Return precision and recall of the k labels with the highest scores, by k: P@k and R@k.

    They're counted as by fastText's `test`: labels that there's no score for, as nothing was learnt of
    them, don't count, and neither do texts that have no other.

    Args:
        truths: For each text, 1.0 or 0.0 by label.
        predictions: For each text, a score by label.
        first: The numbers k.
    """
    pairs = [
        ({k for k, v in truth.items() if v >= 0.5 and k in scores}, _ranked(scores, max(first)))
        for truth, scores in zip(truths, predictions, strict=True)
    ]
    pairs = [(true, ranked) for true, ranked in pairs if true]
    return {str(k): _score([(true, ranked[:k]) for true, ranked in pairs]) for k in first}


def _ranked(scores: Mapping[str, float], most: int) -> list[str]:
    return sorted(scores, key=lambda label: -scores[label])[:most]


def _score(pairs: Sequence[tuple[set[str], list[str]]]) -> RankScore:
    hits = sum(label in true for true, ranked in pairs for label in ranked)
    predicted = sum(len(ranked) for _, ranked in pairs)
    wanted = sum(len(true) for true, _ in pairs)
    return RankScore(hits / predicted if predicted else 0.0, hits / wanted if wanted else 0.0)

"""Scores of text classification."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Ranked labels, of which a text has any number.


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
        first: The values of k.
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


@dataclass(frozen=True)
class ClassScore:
    """How well one class was found.

    Attributes:
        precision: The share of the texts put into the class that belong there.
        recall: The share of the texts belonging there that were put there.
        f: The harmonic mean of both.
        texts: How many texts belong there.
    """

    precision: float
    recall: float
    f: float
    texts: int


@dataclass(frozen=True)
class ClassificationScores:
    """How well texts were put into classes.

    Attributes:
        accuracy: The share of texts whose classes, all of them, were predicted.
        micro_f: The F score over all decisions; with exclusive classes the same as the accuracy.
        macro_f: The mean of the classes' F scores.
        classes: The scores of each class.
        confusion: For each true class, how many of its texts were put into each class; None where
            classes aren't exclusive.
        ranked: Precision and recall of the 1 and the 5 labels with the highest scores; None where
            classes are exclusive.
    """

    accuracy: float
    micro_f: float
    macro_f: float
    classes: dict[str, ClassScore]
    confusion: dict[str, dict[str, int]] | None
    ranked: dict[str, RankScore] | None


def score_classes(
    truths: Sequence[Mapping[str, float]],
    predictions: Sequence[Mapping[str, float]],
    *,
    exclusive: bool,
    threshold: float = 0.5,
) -> ClassificationScores:
    """Score predictions against the truth.

    Args:
        truths: For each text, 1.0 or 0.0 by class.
        predictions: For each text, a score by class.
        exclusive: Whether the class with the highest score is predicted, or each class whose score
            is at least `threshold`.
        threshold: See there.
    """
    labels = sorted({label for truth in truths for label in truth})
    true = [frozenset(k for k, v in truth.items() if v >= 0.5) for truth in truths]
    chosen = [_choose(p, exclusive=exclusive, threshold=threshold) for p in predictions]
    pairs = list(zip(true, chosen, strict=True))
    classes = {label: _score_class(label, pairs) for label in labels}
    hits = sum(len(t & c) for t, c in pairs)
    return ClassificationScores(
        accuracy=_share(sum(t == c for t, c in pairs), len(pairs)),
        micro_f=_share(2 * hits, sum(len(t) + len(c) for t, c in pairs)),
        macro_f=_share(sum(score.f for score in classes.values()), len(classes)),
        classes=classes,
        confusion=_confusion(labels, pairs) if exclusive else None,
        ranked=None if exclusive else score_ranking(truths, predictions),
    )


_Pairs = Sequence[tuple[frozenset[str], frozenset[str]]]


def _choose(scores: Mapping[str, float], *, exclusive: bool, threshold: float) -> frozenset[str]:
    if not exclusive:
        return frozenset(label for label, score in scores.items() if score >= threshold)
    return frozenset([max(scores, key=lambda label: scores[label])] if scores else [])


def _score_class(label: str, pairs: _Pairs) -> ClassScore:
    hits = sum(label in t and label in c for t, c in pairs)
    texts = sum(label in t for t, _ in pairs)
    found = sum(label in c for _, c in pairs)
    return ClassScore(
        _share(hits, found), _share(hits, texts), _share(2 * hits, found + texts), texts
    )


def _confusion(labels: Sequence[str], pairs: _Pairs) -> dict[str, dict[str, int]]:
    return {
        t: {c: sum(t in true and c in chosen for true, chosen in pairs) for c in labels}
        for t in labels
    }


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0

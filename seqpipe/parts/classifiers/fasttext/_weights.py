"""Weights of texts, as how often each is repeated."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from seqpipe.errors import ClassifierError
from seqpipe.parts.classifiers.fasttext._settings import ClassWeights

_MOST_COPIES = 10_000

Labels = tuple[str, ...]


def label_weights(given: ClassWeights | None, counts: Mapping[str, int]) -> dict[str, float]:
    """Return the weight of each label.

    Args:
        given: What the setting says.
        counts: How many texts have each label.

    Raises:
        ClassifierError: A weight is for a label that no text has.
    """
    if isinstance(given, str):  # "balanced"
        most = max(counts.values(), default=1)
        return {label: most / count for label, count in counts.items()}
    weights = given or {}
    for label in weights:
        if label not in counts:
            known = ", ".join(sorted(counts)[:10])
            raise ClassifierError(
                f"`class_weights` has a weight for {label!r}, which no text has; labels are {known}"
            )
    return {label: float(weights.get(label, 1.0)) for label in counts}


def weigh(
    labels: Sequence[Labels], own: Sequence[float], weights: Mapping[str, float]
) -> list[float]:
    """Return the weight of each text: its own, times the mean of those of its labels.

    Args:
        labels: The labels of each text.
        own: The weight of each text by itself.
        weights: The weight of each label.
    """
    means = {each: sum(weights[label] for label in each) / len(each) for each in set(labels)}
    return [mine * means[each] for mine, each in zip(own, labels, strict=True)]


def copies(labels: Sequence[Labels], weights: Sequence[float]) -> list[int]:
    """Return how often each text is written, so that texts count by their weights.

    Those of the smallest weight above 0 are written once. What's lost by rounding is made up for by the
    next text that has the same labels, so nothing is left to chance.

    Raises:
        ClassifierError: Weights are too far apart, or none is above 0.
    """
    used = [weight for weight in weights if weight > 0]
    if not used:
        raise ClassifierError("no text has a weight above 0: there's nothing to learn from")
    smallest, largest = min(used), max(used)
    if largest > _MOST_COPIES * smallest or not math.isfinite(largest):
        raise ClassifierError(
            f"the weights of texts lie between {smallest:g} and {largest:g}: texts are repeated in proportion, "
            f"and {_MOST_COPIES:,} times is the most"
        )
    owed: defaultdict[Labels, float] = defaultdict(float)
    counts = []
    for each, weight in zip(labels, weights, strict=True):
        due = owed[each] + weight / smallest
        # A sum of thirds may fall short of the whole number that it means.
        count = math.floor(due + 1e-9)
        owed[each] = due - count
        counts.append(count)
    return counts


def count_labels(labels: Sequence[Labels]) -> Counter[str]:
    """Return how many texts have each label."""
    return Counter(label for each in labels for label in each)

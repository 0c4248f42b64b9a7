"""The weights of classes in training: how much each text counts, by its labels."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

from seqpipe.errors import ClassifierError, ConfigError
from seqpipe.messages import did_you_mean, nearest

#: A number for each label, 1 for those that aren't given; "balanced" gives all labels the same total weight.
ClassWeights: TypeAlias = Mapping[str, float] | Literal["balanced"]

_SHOWN = 10


def check_class_weights(given: ClassWeights | None) -> None:
    """Check the setting `class_weights` as far as that's possible before labels are known.

    Raises:
        ConfigError: It's another word than "balanced", or a weight is negative, infinite or NaN.
    """
    if isinstance(given, str) and given != "balanced":
        raise ConfigError(
            f'`class_weights` is {given!r}; it may be "balanced", or a number for each label',
            setting="class_weights",
        )
    for label, weight in given.items() if isinstance(given, Mapping) else ():
        if not 0 <= weight < float("inf"):
            raise ConfigError(
                f"`class_weights[{label!r}]` is {weight}; it must be at least 0",
                setting="class_weights",
            )


def count_labels(labels: Iterable[Iterable[str]]) -> Counter[str]:
    """Return how many texts have each label.

    Args:
        labels: The labels of each text.
    """
    return Counter(label for each in labels for label in each)


def label_weights(given: ClassWeights | None, counts: Mapping[str, int]) -> dict[str, float]:
    """Return the weight of each label.

    With "balanced", that of a label is M / n: n texts have it, and M is the mean of n over all labels. So the mean
    weight of texts with one label each is 1.

    Args:
        given: The setting, checked.
        counts: How many texts have each label.

    Raises:
        ClassifierError: A weight is for a label that no text has.
    """
    if isinstance(given, str):
        mean = sum(counts.values()) / max(1, len(counts))
        return {label: mean / count for label, count in counts.items()}
    weights = given or {}
    for label in weights:
        if label not in counts:
            meant = did_you_mean(nearest(label, counts))
            known = ", ".join(sorted(counts)[:_SHOWN])
            raise ClassifierError(
                f"`class_weights` has a weight for {label!r}, which no text has; "
                f"{meant and meant + ' '}labels are {known}"
            )
    return {label: float(weights.get(label, 1.0)) for label in counts}


def weigh_texts(
    labels: Iterable[Sequence[str]], own: Iterable[float], weights: Mapping[str, float]
) -> list[float]:
    """Return the weight of each text: its own, times the mean of those of its labels, or 1 if it has none.

    Args:
        labels: The labels of each text.
        own: The weight of each text by itself.
        weights: The weight of each label.
    """
    return [mine * _mean(each, weights) for mine, each in zip(own, labels, strict=True)]


def _mean(labels: Sequence[str], weights: Mapping[str, float]) -> float:
    return sum(weights[label] for label in labels) / len(labels) if labels else 1.0

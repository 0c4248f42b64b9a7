"""Precision, recall and F of what's found, by label."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from typing import Any


def score_found(
    pairs: Iterable[tuple[Mapping[Hashable, str], Mapping[Hashable, str]]],
) -> dict[str, Any]:
    """Return precision, recall and F1, over all that's found and by label.

    Args:
        pairs: For each text, the labels of what's there and of what was predicted, by what it is: such as a span.

    Returns:
        "precision", "recall" and "f" over all labels together; under "labels" these of each, and how often it's
        there ("count").
    """
    hits: Counter[str] = Counter()
    there: Counter[str] = Counter()
    said: Counter[str] = Counter()
    for truth, predicted in pairs:
        there.update(truth.values())
        said.update(predicted.values())
        hits.update(label for what, label in predicted.items() if truth.get(what) == label)
    labels = {
        label: {**_figures(hits[label], said[label], there[label]), "count": there[label]}
        for label in sorted({*there, *said})
    }
    return {**_figures(hits.total(), said.total(), there.total()), "labels": labels}


def _figures(hits: int, said: int, there: int) -> dict[str, float]:
    return {
        "precision": hits / said if said else 0.0,
        "recall": hits / there if there else 0.0,
        "f": 2 * hits / (said + there) if said + there else 0.0,
    }

"""One of several classes with an order for each text, such as a grade (ordinal regression)."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar, Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.tokens import Doc
from spacy.training import Example
from torch import Tensor

from seqpipe.errors import ConfigError, DataError
from seqpipe.messages import did_you_mean, nearest
from seqpipe.parts.readers import Row
from seqpipe.tasks import Field, Judgement, Task, Wanted, label_fields, label_values

_GRADE: Final = "grade"
_HALF: Final = 0.5

# As soon as the module is imported, which a worker that unpickles a pipeline does.
if not Doc.has_extension(_GRADE):
    Doc.set_extension(_GRADE, default=None)


@final
class OrderedClasses(Task):
    """Puts each text into one of several classes that have an order: being off by one is a smaller mistake than by two.

    The probability of each class is in `doc.cats`; `doc._.grade` is the class in the middle, from which on half of the
    probability lies below, as that makes the mean distance to the truth the least.

    Args:
        order: The classes, the lowest first. None: they're numbers, and ordered as such.

    Raises:
        ConfigError: The order has fewer than two classes, or one twice.
    """

    main_figure: ClassVar[str] = "kappa"
    options: ClassVar[frozenset[str]] = frozenset({"top", "probabilities"})

    def __init__(self, *, order: Sequence[str] | None = None) -> None:
        if order is not None and (
            isinstance(order, str) or len(order) < 2 or len({*order}) < len(order)
        ):
            raise ConfigError(
                f"`order` is {order!r}; it's a list of two distinct classes or more, the lowest first, or null",
                setting="order",
            )
        self.order = None if order is None else tuple(order)

    def annotate(self, doc: Doc, row: Row, labels: Sequence[str]) -> None:
        """Write 1.0 for the class of a row into `doc.cats`, 0.0 for the others."""
        found = row.labels or tuple(f"{number:.12g}" for number in row.numbers)
        if len(found) != 1:
            raise DataError(f"{row.source} has {len(found)} classes, and should have one")
        if self.order is None:
            _number(found[0], row.source)
        elif found[0] not in self.order:
            meant = did_you_mean(nearest(found[0], self.order))
            raise DataError(
                f'{row.source} has the class "{found[0]}", which `order` in [task] lacks'
                + (f"; {meant}" if meant else "")
            )
        doc.cats = {label: float(label in found) for label in dict.fromkeys((*labels, *found))}

    def labels(self, docs: Iterable[Doc]) -> Sequence[str]:
        """Return the classes in their order, the lowest first; see `Task.labels`.

        Raises:
            DataError: There's only one.
        """
        found = self._ordered(label for doc in docs for label in doc.cats)
        if same := next((pair for pair in pairwise(found) if self._are_same(*pair)), None):
            raise DataError(
                f'texts have the classes "{same[0]}" and "{same[1]}", which are the same number: write it in one way'
            )
        if len(found) < 2:
            raise DataError(
                f"texts have the classes {found}: there have to be two of them at least to learn their order"
            )
        return found

    def _ordered(self, labels: Iterable[str]) -> list[str]:
        there = {*labels}
        if self.order is not None:
            return [label for label in self.order if label in there]
        return sorted(there, key=lambda label: (float(label), label))

    def _are_same(self, one: str, other: str) -> bool:
        return self.order is None and float(one) == float(other)

    def truths(self, docs: Sequence[Doc], labels: Sequence[str]) -> Tensor:
        """Return 1 for the class of each doc, `[B, L]`; NaN for all of a doc without one."""
        rows = [
            [doc.cats.get(label, 0.0) for label in labels]
            if any(doc.cats.get(label) for label in labels)
            else [math.nan] * len(labels)
            for doc in docs
        ]
        return torch.tensor(rows, dtype=torch.float32).reshape(len(docs), len(labels))

    def set_predictions(
        self, docs: Sequence[Doc], scores: NDArray[np.float32], labels: Sequence[str]
    ) -> None:
        """Write the probability of each class into `doc.cats`, and the one in the middle as `doc._.grade`."""
        middles = (scores.cumsum(1) < _HALF).sum(1).clip(max=len(labels) - 1)
        for doc, row, middle in zip(docs, scores.tolist(), middles.tolist(), strict=True):
            doc.cats = dict(zip(labels, row, strict=True))
            doc._.set(_GRADE, labels[middle])

    def score(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return how near predicted classes are to the true ones.

        Returns:
            "kappa", Cohen's weighted kappa with the squares of distances for weights (Cohen 1968): 1 for no mistake, 0 for
            what chance would do; "mae", the mean distance in classes; "accuracy", the share that's right; and under "by_class"
            how many texts of each class were predicted to be of each other one.
        """
        pairs = []
        for example in examples:
            truth = next((k for k, value in example.reference.cats.items() if value >= _HALF), None)
            said = example.predicted._.get(_GRADE)
            if truth is not None and said is not None:
                pairs.append((truth, said))
        # A class that no text here has still lies between others.
        known = (doc.cats for e in examples for doc in (e.reference, e.predicted))
        names = list(self.order or self._ordered(label for cats in known for label in cats))
        counts = np.zeros((len(names), len(names)))
        for truth, said in pairs:
            counts[names.index(truth), names.index(said)] += 1
        return {**_figures(counts), "by_class": _named(names, counts)}

    def fields(self, labels: Sequence[str], wanted: Wanted) -> Sequence[Field]:
        """Return "label" and "score", or "labels" and "scores"; and "probabilities", if they're wanted."""
        return label_fields(wanted, exclusive=True)

    def output(self, doc: Doc, labels: Sequence[str], wanted: Wanted) -> Mapping[str, Any]:
        """Return the class in the middle with its probability, which needn't be the highest."""
        scores = {label: doc.cats[label] for label in labels if label in doc.cats}
        middle = doc._.get(_GRADE)
        chosen = [] if middle is None else [middle]
        return label_values(scores, chosen, wanted, exclusive=True)

    def judge(self, example: Example, labels: Sequence[str]) -> Judgement | None:
        """Return the true and the predicted class; the error is their distance in classes."""
        truths = example.reference.cats
        truth = next((label for label, value in truths.items() if value >= _HALF), None)
        said = example.predicted._.get(_GRADE)
        if truth is None or said is None:
            return None
        order = self._ordered({*labels, truth})
        return Judgement(truth, said, float(abs(order.index(truth) - order.index(said))))

    def sample(self) -> Sequence[Row]:
        """Return rows of three classes."""
        texts = [("a dull film", "1"), ("an average film", "2"), ("a fine film", "3")]
        if self.order is not None:
            texts = [(f"a text of {name}", name) for name in self.order]
        return [Row(text, (label,), f"sample:{i}") for i, (text, label) in enumerate(texts * 2)]


def _number(label: str, source: str) -> float:
    try:
        number = float(label)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DataError(
            f'{source} has the class "{label}", which isn\'t a number: name all classes by `order` in [task], the '
            "lowest first"
        )
    return number


def _named(names: Sequence[str], counts: NDArray[np.float64]) -> Mapping[str, dict[str, int]]:
    return {
        name: {other: int(count) for other, count in zip(names, row, strict=True)}
        for name, row in zip(names, counts, strict=True)
    }


def _figures(counts: NDArray[np.float64]) -> dict[str, float]:
    """Return the figures of the number of texts by true and predicted class, `[K, K]`."""
    total = counts.sum()
    if not total:
        return {"kappa": 0.0, "mae": 0.0, "accuracy": 0.0}
    distances = np.abs(np.subtract.outer(np.arange(len(counts)), np.arange(len(counts))))
    by_chance = np.outer(counts.sum(1), counts.sum(0)) / total
    chance = float((distances**2 * by_chance).sum())
    return {
        "kappa": 1 - float((distances**2 * counts).sum()) / chance if chance else 0.0,
        "mae": float((distances * counts).sum() / total),
        "accuracy": float(np.trace(counts) / total),
    }

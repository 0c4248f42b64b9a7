"""Labels that look like mistakes, by confident learning.

Northcutt, Jiang & Chuang (2021), Confident Learning: Estimating Uncertainty in Dataset Labels. Journal of Artificial
Intelligence Research 70. A model that wasn't trained on a text gives its classes probabilities; a text whose
probability of another class is as high as is usual for texts of that class is counted as one of that class.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.data._duplicates import normalised
from seqpipe.errors import DataError
from seqpipe.parts.readers import Row, split_folds

FOLDS: Final = 5
#: A million words take half a gigabyte while a model is fitted.
_MAX_WORDS: Final = 2_000_000
#: Texts that are judged at once.
_BATCH: Final = 1_000
_WORD: Final = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Mistake:
    """A label that looks like a mistake.

    Attributes:
        row: The row.
        given: Its label.
        suggested: The label that it seems to have.
        margin: The probability of the given label, less that of the most probable other one. Mistakes are
            the surer the lower it is.
    """

    row: Row
    given: str
    suggested: str
    margin: float


@dataclass(frozen=True)
class Found:
    """What confident learning found.

    Attributes:
        mistakes: The labels that look like mistakes, the surest first.
        judged: How many rows were judged.
        share: The estimated share of wrong labels.
        left_out: Classes with too few different texts to judge them.
    """

    mistakes: tuple[Mistake, ...]
    judged: int
    share: float
    left_out: tuple[str, ...]


def find_mistakes(
    rows: Sequence[Row], *, seed: int = 0, on_fold: Callable[[int], None] | None = None
) -> Found:
    """Find labels that look like mistakes.

    Args:
        rows: Rows with one label each.
        seed: Draws the folds.
        on_fold: Called before each fold, with its number from 1.

    Raises:
        DataError: The rows aren't texts with one label each, or there are too few of them.
    """
    _check(rows)
    kept, left_out = _judgeable(rows)
    labels = sorted({row.labels[0] for row in kept})
    if len(labels) < 2:
        raise DataError(
            f"labels can't be judged: fewer than two classes have {FOLDS} different texts"
        )
    folds = split_folds(kept, FOLDS, seed=seed)
    ordered = [row for fold in folds for row in fold]
    probabilities = np.concatenate(
        [
            _held_out_probabilities(folds, number, labels, on_fold)
            for number in range(FOLDS)
            if folds[number]
        ]
    )
    numbers = {label: number for number, label in enumerate(labels)}
    given = np.array([numbers[row.labels[0]] for row in ordered])
    classes = confident_classes(given, probabilities)
    margins = normalised_margins(given, probabilities)
    found = np.flatnonzero((classes >= 0) & (classes != given))
    mistakes = tuple(
        Mistake(ordered[at], labels[given[at]], labels[classes[at]], float(margins[at]))
        for at in found[np.argsort(margins[found], kind="stable")]
    )
    share = estimated_errors(given, classes, len(labels))
    return Found(mistakes, len(ordered), share, left_out)


def confident_classes(
    given: NDArray[np.int_], probabilities: NDArray[np.float32]
) -> NDArray[np.int_]:
    """Return the class that each text is confidently counted as, or -1.

    With t_j the mean probability of class j over the texts labelled j, it's the most probable of the classes j
    with p_j >= t_j (equations 1 and 2 of the paper).

    Args:
        given: The labels, `[B]`.
        probabilities: Those of the classes, by a model that wasn't trained on the text, `[B, L]`.
    """
    count = probabilities.shape[1]
    own = [probabilities[given == label, label] for label in range(count)]
    thresholds = np.array([each.mean() if each.size else np.inf for each in own])
    confident = np.where(probabilities >= thresholds, probabilities, -1.0)
    return np.where(confident.max(axis=1) >= 0, confident.argmax(axis=1), -1)


def normalised_margins(
    given: NDArray[np.int_], probabilities: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the probability of each text's label less that of the most probable other class (section 3.2)."""
    at = np.arange(len(given))
    others = probabilities.astype(np.float64)
    own = others[at, given]
    others[at, given] = -np.inf
    margins: NDArray[np.float64] = own - others.max(axis=1)
    return margins


def estimated_errors(given: NDArray[np.int_], classes: NDArray[np.int_], count: int) -> float:
    """Return the estimated share of wrong labels: what's off the diagonal of the calibrated confident joint.

    The counts of (given, confident class) are scaled so that each label has as many texts as are given (equation 3).

    Args:
        given: The labels, `[B]`.
        classes: As `confident_classes` returns them, `[B]`.
        count: How many classes there are.
    """
    joint = np.zeros((count, count))
    np.add.at(joint, (given[classes >= 0], classes[classes >= 0]), 1)
    totals = joint.sum(axis=1, keepdims=True)
    # Of a label without a confident text nothing is known; its texts count as right.
    joint = np.where(totals > 0, joint, np.eye(count))
    joint *= np.bincount(given, minlength=count)[:, None] / joint.sum(axis=1, keepdims=True)
    return float(1 - np.trace(joint) / joint.sum())


def _check(rows: Sequence[Row]) -> None:
    for row in rows:
        if len(row.labels) != 1 or row.words is not None or row.spans is not None:
            what = f"{len(row.labels)} labels" if row.labels else "none"
            if row.words is not None or row.spans is not None:
                what = "labels of its words"
            raise DataError(
                f"labels can be judged of texts that have one each, and {row.source} has {what}"
            )


def _judgeable(rows: Sequence[Row]) -> tuple[list[Row], tuple[str, ...]]:
    """Return the rows of classes with enough different texts, and the other classes."""
    texts: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        texts[row.labels[0]].add(normalised(row.text))
    left_out = tuple(sorted(label for label, found in texts.items() if len(found) < FOLDS))
    return [row for row in rows if row.labels[0] not in left_out], left_out


def _held_out_probabilities(
    folds: Sequence[Sequence[Row]],
    number: int,
    labels: Sequence[str],
    on_fold: Callable[[int], None] | None,
) -> NDArray[np.float32]:
    """Return the probabilities of the classes of a fold's texts, `[B, L]`, by a model of the other folds."""
    from seqpipe.parts.classifiers import LabelledWords
    from seqpipe.parts.classifiers.ngrams import NGramClassifier

    if on_fold is not None:
        on_fold(number + 1)
    examples = [
        LabelledWords(_words(row.text), row.labels)
        for other, fold in enumerate(folds)
        if other != number
        for row in fold
    ]
    words = sum(len(example.words) for example in examples)
    model = NGramClassifier(exclusive=True)
    model.fit(examples[:: -(-words // _MAX_WORDS) or 1], labels=labels)
    texts = [_words(row.text) for row in folds[number]]
    scores = [model.predict(texts[at : at + _BATCH]) for at in range(0, len(texts), _BATCH)]
    found = np.concatenate(scores)
    # A class that no example of a thinned sample has isn't learnt.
    probabilities = np.zeros((len(texts), len(labels)), dtype=np.float32)
    probabilities[:, [labels.index(label) for label in model.labels]] = found
    return probabilities


def _words(text: str) -> list[str]:
    return _WORD.findall(text)

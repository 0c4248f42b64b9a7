"""Labels that look like mistakes, by confident learning.

Northcutt, Jiang & Chuang (2021), Confident Learning: Estimating Uncertainty in Dataset Labels. Journal of Artificial
Intelligence Research 70. A model that wasn't trained on a text gives its classes probabilities; a text whose
probability of another class is as high as is usual for texts of that class is counted as one of that class.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.data._duplicates import folded_key
from seqpipe.errors import DataError
from seqpipe.parts.readers import Row, split_folds

FOLDS: Final = 5
#: A million words take half a gigabyte while a model is fitted.
_MAX_WORDS: Final = 2_000_000
#: However many words there are, a model learns from so many texts of each class, if it has them.
_MIN_EXAMPLES: Final = 20
#: Probabilities that differ by less are equal: the mean of equal ones needn't be quite the same.
_EQUAL: Final = 1e-6
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
    folds = _folds(kept, seed)
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
    with p_j >= t_j (equations 1 and 2 of the paper). A class that has no texts, or that no model has learnt, is never it.

    Args:
        given: The labels, `[B]`.
        probabilities: Those of the classes, by a model that wasn't trained on the text, `[B, L]`.
    """
    exact = probabilities.astype(np.float64)
    own = [exact[given == label, label] for label in range(exact.shape[1])]
    means = np.array([each.mean() if each.size else 0.0 for each in own])
    thresholds = np.where(means > _EQUAL, means - _EQUAL, np.inf)
    confident = np.where(exact >= thresholds, exact, -1.0)
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
        texts[row.labels[0]].add(folded_key(row))
    left_out = tuple(sorted(label for label, found in texts.items() if len(found) < FOLDS))
    return [row for row in rows if row.labels[0] not in left_out], left_out


def _folds(rows: Sequence[Row], seed: int) -> list[list[Row]]:
    """Cut rows into folds, those of one text (except for case and white space) in the same."""
    by_folded: defaultdict[Row, list[Row]] = defaultdict(list)
    for row in rows:
        pair = None if row.pair is None else row.pair.casefold()
        by_folded[replace(row, text=row.text.casefold(), pair=pair)].append(row)
    folded = [each for each, same in by_folded.items() for _ in same]
    folds = split_folds(folded, FOLDS, seed=seed)
    return [[by_folded[each].pop() for each in fold] for fold in folds]


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
    others = [row for other, fold in enumerate(folds) if other != number for row in fold]
    examples = [LabelledWords(_words(row), row.labels) for row in _thinned(others)]
    model = NGramClassifier(exclusive=True)
    model.fit(examples, labels=labels)
    texts = [_words(row) for row in folds[number]]
    scores = [model.predict(texts[at : at + _BATCH]) for at in range(0, len(texts), _BATCH)]
    found = np.concatenate(scores)
    # A class isn't learnt if all its texts are in this fold, as their duplicates are.
    probabilities = np.zeros((len(texts), len(labels)), dtype=np.float32)
    probabilities[:, [labels.index(label) for label in model.labels]] = found
    return probabilities


def _thinned(rows: Sequence[Row]) -> list[Row]:
    """Return rows with about as many words as a model may learn from, evenly spread over each class."""
    step = -(-sum(len(_words(row)) for row in rows) // _MAX_WORDS)
    if step <= 1:
        return list(rows)
    by_label: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_label[row.labels[0]].append(row)
    return [
        row
        for same in by_label.values()
        for row in same[:: min(step, max(len(same) // _MIN_EXAMPLES, 1))]
    ]


def _words(row: Row) -> list[str]:
    """Return the words of a text; of a pair, those of both."""
    return _WORD.findall(row.text if row.pair is None else f"{row.text}\n{row.pair}")

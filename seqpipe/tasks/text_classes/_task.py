"""Texts in classes, as spaCy's text categorizers have them: in `doc.cats`."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.tokens import Doc
from spacy.training import Example
from torch import Tensor

from seqpipe.errors import DataError
from seqpipe.parts.readers import Row
from seqpipe.tasks import Field, Judgement, Task, Wanted, label_fields, label_values


@final
class TextClasses(Task):
    """Puts each text into one class, or into any number of them.

    It has no settings: the component is one of spaCy's text categorizers, or a classifier, and what's set there holds.
    """

    main_figure: ClassVar[str] = "accuracy"
    options: ClassVar[frozenset[str]] = frozenset({"top", "probabilities", "threshold"})

    def __init__(self) -> None:
        self.exclusive = True
        self.threshold = 0.5
        #: Labels whose threshold is another one.
        self.thresholds: Mapping[str, float] = {}
        #: Whether ``doc._.decision`` has the labels that are decided on.
        self.decides = False
        self.learnt: frozenset[str] | None = None

    @classmethod
    def of_component(
        cls, *, exclusive: bool, threshold: float, labels: Iterable[str] | None = None
    ) -> "TextClasses":
        """Return the task of a component.

        Args:
            exclusive: Whether a text has exactly one class.
            threshold: From which score on a label counts as predicted, where classes aren't exclusive.
            labels: Those that the component predicts; None if no other component predicts any.
        """
        task = cls()
        task.exclusive, task.threshold = exclusive, threshold
        task.learnt = None if labels is None else frozenset(labels)
        return task

    def annotate(self, doc: Doc, row: Row, labels: Sequence[str]) -> None:
        """Write 1.0 for each label that a row has into `doc.cats`, 0.0 for the others."""
        doc.cats = {label: float(label in row.labels) for label in labels}

    def labels(self, docs: Iterable[Doc]) -> Sequence[str]:
        """Return the labels of all docs, in the order in which they occur; see `Task.labels`."""
        found = dict.fromkeys(label for doc in docs for label in doc.cats)
        if not found:
            raise DataError("there's nothing to learn: no text has categories")
        return list(found)

    def truths(self, docs: Sequence[Doc], labels: Sequence[str]) -> Tensor:
        """Return the truth of each label, `[B, L]`; NaN for all of a doc without categories."""
        rows = [
            [doc.cats.get(label, 0.0) if doc.cats else torch.nan for label in labels]
            for doc in docs
        ]
        return torch.tensor(rows, dtype=torch.float32).reshape(len(docs), len(labels))

    def set_predictions(
        self, docs: Sequence[Doc], scores: NDArray[np.float32], labels: Sequence[str]
    ) -> None:
        """Write the score of each label into `doc.cats`, beside those of other components."""
        for doc, row in zip(docs, scores.tolist(), strict=True):
            doc.cats = {**doc.cats, **dict(zip(labels, row, strict=True))}

    def score(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return what `score_classes` says of `doc.cats`, but for the labels that other components predict.

        A label that none predicts, as the training texts lack it, counts: its texts are missed.
        """
        predicted = {label for example in examples for label in example.predicted.cats}
        others = frozenset() if self.learnt is None else predicted - self.learnt
        scores = score_classes(
            [_without(example.reference.cats, others) for example in examples],
            [_without(example.predicted.cats, others) for example in examples],
            exclusive=self.exclusive,
            threshold=self.threshold,
            thresholds=self.thresholds,
        )
        return asdict(scores)

    def prediction(self, row: Row, doc: Doc) -> dict[str, Any]:
        """Return what's predicted of a row's text, as JSON can hold it.

        Returns:
            Its "place", its true labels ("truth"), those that are predicted ("prediction"), the highest score first,
            and the "score" of each. Where classes are exclusive, the one label and its score; None for both without
            a decision.
        """
        scores = {
            label: round(float(score), 6)
            for label, score in doc.cats.items()
            if self.learnt is None or label in self.learnt
        }
        labels = self._chosen(doc, scores)
        found: dict[str, Any] = {
            "truth": list(row.labels),
            "prediction": labels,
            "score": [scores[label] for label in labels],
        }
        if self.exclusive:
            found = {key: (values or [None])[0] for key, values in found.items()}
        return {"place": row.source, **found}

    def _chosen(
        self, doc: Doc, scores: Mapping[str, float], threshold: float | None = None
    ) -> list[str]:
        """Return the labels that are predicted, none if the pipeline abstains, the highest score first.

        Args:
            doc: The text.
            scores: The score of each label.
            threshold: From which score on they are, if it's not the model's to say.
        """
        if threshold is not None:
            reaching = frozenset(x for x, score in scores.items() if score >= threshold)
            chosen = reaching & _choose(scores, self.exclusive, lambda _: threshold)
        elif self.decides:
            chosen = frozenset(doc._.decision) & scores.keys()
        else:
            chosen = self.choose(scores)
        return sorted(chosen, key=lambda label: -scores[label])

    def choose(self, scores: Mapping[str, float]) -> frozenset[str]:
        """Return the labels that scores choose by themselves, as `score` counts them: an abstention isn't one of them."""
        own = self.thresholds
        return _choose(scores, self.exclusive, lambda label: own.get(label, self.threshold))

    def fields(self, labels: Sequence[str], wanted: Wanted) -> Sequence[Field]:
        """Return "label" and "score", or "labels" and "scores"; and "probabilities", if they're wanted."""
        return label_fields(wanted, exclusive=self.exclusive)

    def output(self, doc: Doc, labels: Sequence[str], wanted: Wanted) -> Mapping[str, Any]:
        """Return the labels that are predicted, with their scores."""
        scores = {label: doc.cats[label] for label in labels if label in doc.cats}
        chosen = self._chosen(doc, scores, wanted.threshold)
        return label_values(scores, chosen, wanted, exclusive=self.exclusive)

    def judge(self, example: Example, labels: Sequence[str]) -> Judgement | None:
        """Return the true and the predicted labels; the error is by how much scores favour the wrong ones."""
        truths = example.reference.cats
        scores = {label: example.predicted.cats.get(label, 0.0) for label in labels}
        true = {label for label, value in truths.items() if value >= 0.5}
        if not truths or not scores:
            return None
        chosen = self._chosen(example.predicted, scores)
        wrong = true ^ {*chosen}
        # Those that are predicted with the highest scores, and those that are missed with the lowest.
        error = sum(
            scores[label] if label in chosen else 1 - scores.get(label, 0.0) for label in wrong
        )
        return Judgement(sorted(true), chosen, float(error))

    def sample(self) -> Sequence[Row]:
        """Return a few rows of two classes."""
        texts = [("goals in the second half", "sport"), ("shares fell in London", "business")]
        return [Row(text, (label,), f"sample:{n}") for n, (text, label) in enumerate(texts * 2)]

    def check(self, parts: Mapping[str, Sequence[Row]]) -> Sequence[str]:
        """Check that there are classes to distinguish, and that each text has one if they are exclusive.

        Returns:
            Which labels can't be learnt, as only the dev or the test part has them; and where a text may have several,
            which ones these parts lack.

        Raises:
            DataError: There are fewer than two classes, or a text has not exactly one.
        """
        rows = [row for part in parts.values() for row in part]
        labels = sorted({label for row in rows for label in row.labels})
        if numbered := next((row for row in rows if row.numbers and not row.labels), None):
            raise DataError(f"{numbered.source} has {no_class(numbered)}")
        if not labels and any(row.words or row.spans for row in rows):
            raise DataError(
                "the texts have no labels, only tags or spans: for these, [head] names such as seqpipe.Crf.v1, and [task] "
                "what's learnt, such as seqpipe.Entities.v1"
            )
        if len(labels) < 2:
            raise DataError(
                f"there is nothing to distinguish: all texts have the labels {labels}; a "
                "classifier needs two classes at least"
            )
        if self.exclusive:
            wrong = [row for row in rows if len(row.labels) != 1]
            _check_one_label([row for row in wrong if row.labels])
            _check_one_label([row for row in wrong if not row.labels])
        if "train" not in parts:
            return ()
        return [*_unseen_labels(parts), *(() if self.exclusive else _absent_labels(parts))]


def no_class(row: Row) -> str:
    """Say what's wrong with a row that has numbers in the place of labels."""
    return (
        f"the number {row.numbers[0]}, which names no class: if it's a quantity to predict, let [head] name "
        "seqpipe.Regressor.v1; if it's a class, write it as a string"
    )


def _without(cats: Mapping[str, float], labels: Collection[str]) -> dict[str, float]:
    return {label: value for label, value in cats.items() if label not in labels}


def _unseen_labels(parts: Mapping[str, Sequence[Row]]) -> list[str]:
    known = {label for row in parts["train"] for label in row.labels}
    notes = []
    for part, rows in parts.items():
        unseen = sorted({label for row in rows for label in row.labels} - known)
        if unseen:
            shown = _first_of(unseen)
            notes.append(
                f"warning: the {part} part has labels that the train part lacks, which can't be learnt: {shown}"
            )
    return notes


def _first_of(labels: Sequence[str]) -> str:
    return ", ".join(labels[:5]) + (f" and {len(labels) - 5:,} more" if labels[5:] else "")


def _absent_labels(parts: Mapping[str, Sequence[Row]]) -> list[str]:
    """Return which labels of the train part the others have no text of: where texts have several, some are too rare."""
    counts = Counter(label for row in parts["train"] for label in row.labels)
    notes = []
    for part, rows in parts.items():
        there = {label for row in rows for label in row.labels}
        absent = [label for label, _ in counts.most_common() if label not in there]
        if absent:
            notes.append(f"the {part} part has no text of these labels: {_first_of(absent)}")
    return notes


def _check_one_label(rows: Sequence[Row]) -> None:
    """Raise an error for rows that all have several labels, or all none."""
    if not rows:
        return
    row = min(rows, key=_line_order)
    others = "" if len(rows) == 1 else f", and {len(rows) - 1:,} more rows have "
    if row.labels:
        has = f"{len(row.labels)} labels ({', '.join(row.labels)}){others and others + 'several'}"
        advice = "set `exclusive = false` in [head] or [classifier], or give the text one label"
    else:
        has = f"no label{others and others + 'none'}"
        advice = "give the text a label, or leave the row out"
    raise DataError(
        f"{row.source} has {has}, but each text is put into exactly one class: {advice}"
    )


def _line_order(row: Row) -> tuple[str, int]:
    """Return what sorts rows as they stand in their files; the parts of the data are shuffled."""
    file, _, line = row.source.rpartition(":")
    return (file, int(line)) if line.isdigit() else (row.source, 0)


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


# Scores of classes.


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
        calibration_error: By how much scores miss the share of predictions that are right; see `calibration_error`. None
            without predictions.
    """

    accuracy: float
    micro_f: float
    macro_f: float
    classes: dict[str, ClassScore]
    confusion: dict[str, dict[str, int]] | None
    ranked: dict[str, RankScore] | None
    calibration_error: float | None


def score_classes(
    truths: Sequence[Mapping[str, float]],
    predictions: Sequence[Mapping[str, float]],
    *,
    exclusive: bool,
    threshold: float = 0.5,
    thresholds: Mapping[str, float] | None = None,
) -> ClassificationScores:
    """Score predictions against the truth.

    Args:
        truths: For each text, 1.0 or 0.0 by class.
        predictions: For each text, a score by class.
        exclusive: Whether the class with the highest score is predicted, or each class whose score
            is at least `threshold`.
        threshold: See there.
        thresholds: Those of labels that have one of their own.
    """
    labels = sorted({label for truth in truths for label in truth})
    true = [frozenset(k for k, v in truth.items() if v >= 0.5) for truth in truths]
    own = thresholds or {}
    chosen = [_choose(p, exclusive, lambda label: own.get(label, threshold)) for p in predictions]
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
        calibration_error=calibration_error(truths, predictions, exclusive=exclusive),
    )


_BINS: Final = 10


def calibration_error(
    truths: Sequence[Mapping[str, float]],
    predictions: Sequence[Mapping[str, float]],
    *,
    exclusive: bool,
) -> float | None:
    """Return the expected calibration error (Guo et al. 2017): 0 if of all predictions with a score of 0.8, say, 80 % are right.

    Scores are put into 10 bins of the same width, and the differences between a bin's mean score and its share of right
    predictions are averaged, weighed by how many predictions each bin has. Predictions are the best label of each text
    where classes are exclusive, and each label of each text where they aren't.

    Args:
        truths: For each text, 1.0 or 0.0 by class.
        predictions: For each text, a score by class, from 0 to 1.
        exclusive: Whether a text has exactly one class.

    Returns:
        The error, from 0 to 1; None if there are no predictions.
    """
    pairs = [
        (score, float(truth.get(label, 0.0) >= 0.5))
        for truth, scores in zip(truths, predictions, strict=True)
        for label, score in (_best(scores) if exclusive else scores.items())
    ]
    if not pairs:
        return None
    scores, right = np.array(pairs).T
    bins = np.minimum((scores * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(bins, scores - right, _BINS)
    return float(np.abs(gaps).sum() / len(pairs))


def _best(scores: Mapping[str, float]) -> list[tuple[str, float]]:
    return [max(scores.items(), key=lambda each: each[1])] if scores else []


_Pairs = Sequence[tuple[frozenset[str], frozenset[str]]]


def _choose(
    scores: Mapping[str, float], exclusive: bool, threshold_of: Callable[[str], float]
) -> frozenset[str]:
    if not exclusive:
        return frozenset(k for k, score in scores.items() if score >= threshold_of(k))
    return frozenset(label for label, _ in _best(scores))


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

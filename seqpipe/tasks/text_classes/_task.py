"""Texts in classes, as spaCy's text categorizers have them: in `doc.cats`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar, final

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.tokens import Doc
from spacy.training import Example
from torch import Tensor

from seqpipe.errors import DataError
from seqpipe.parts.readers import Row
from seqpipe.tasks import Task
from seqpipe.tasks.text_classes._scores import score_classes


@final
class TextClasses(Task):
    """Puts each text into one class, or into any number of them.

    It has no settings: the component is one of spaCy's text categorizers, or a classifier, and what's set there holds.
    """

    main_figure: ClassVar[str] = "accuracy"

    def __init__(self) -> None:
        self.exclusive = True
        self.threshold = 0.5

    @classmethod
    def of_component(cls, *, exclusive: bool, threshold: float) -> "TextClasses":
        """Return the task of a component.

        Args:
            exclusive: Whether a text has exactly one class.
            threshold: From which score on a label counts as predicted, where classes aren't exclusive.
        """
        task = cls()
        task.exclusive, task.threshold = exclusive, threshold
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
        """Return what `score_classes` says of `doc.cats`."""
        scores = score_classes(
            [example.reference.cats for example in examples],
            [example.predicted.cats for example in examples],
            exclusive=self.exclusive,
            threshold=self.threshold,
        )
        return asdict(scores)

    def sample(self) -> Sequence[Row]:
        """Return a few rows of two classes."""
        texts = [("goals in the second half", "sport"), ("shares fell in London", "business")]
        return [Row(text, (label,), f"sample:{n}") for n, (text, label) in enumerate(texts * 2)]

    def check(self, parts: Mapping[str, Sequence[Row]]) -> Sequence[str]:
        """Check that there are classes to distinguish, and that each text has one if they are exclusive.

        Returns:
            Which labels can't be learnt, as only the dev or the test part has them.

        Raises:
            DataError: There are fewer than two classes, or a text has not exactly one.
        """
        rows = [row for part in parts.values() for row in part]
        labels = sorted({label for row in rows for label in row.labels})
        if len(labels) < 2:
            raise DataError(
                f"there is nothing to distinguish: all texts have the labels {labels}; a "
                "classifier needs two classes at least"
            )
        if self.exclusive:
            wrong = [row for row in rows if len(row.labels) != 1]
            _check_one_label([row for row in wrong if row.labels])
            _check_one_label([row for row in wrong if not row.labels])
        return _unseen_labels(parts) if "train" in parts else ()


def _unseen_labels(parts: Mapping[str, Sequence[Row]]) -> list[str]:
    known = {label for row in parts["train"] for label in row.labels}
    notes = []
    for part, rows in parts.items():
        unseen = sorted({label for row in rows for label in row.labels} - known)
        if unseen:
            shown = ", ".join(unseen[:5]) + (f" and {len(unseen) - 5:,} more" if unseen[5:] else "")
            notes.append(
                f"warning: the {part} part has labels that the train part lacks, which can't be learnt: {shown}"
            )
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

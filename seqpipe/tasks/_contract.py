"""What a task is."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc
from spacy.training import Example
from torch import Tensor

from seqpipe.parts.readers import Row
from seqpipe.tasks._output import Field, Judgement, Wanted, written_on


class Task(ABC):
    """What a pipeline learns from rows of data, whichever encoder and head learn it.

    The way of a row: `annotate` writes its truth on a doc; `labels` says what all docs have between them, and so
    how wide the head's output is; `truths` turns docs into the tensor that the head's loss takes; `set_predictions`
    writes what the head's scores say on a doc; `score` compares predicted docs with annotated ones.

    A task has settings by keyword only, and no state: what was learnt belongs to the component of the pipeline.
    `seqpipe.testing` holds it to all of this.
    """

    #: The figure of `score` that the best model of a training is chosen by: the higher, the better.
    main_figure: ClassVar[str]
    #: What of `Wanted` its output heeds, by name.
    options: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def annotate(self, doc: Doc, row: Row, labels: Sequence[str]) -> None:
        """Write the truth of a row on a doc of its text.

        What's written belongs where spaCy keeps it when docs are saved: `doc.cats`, attributes of tokens, spans,
        or `doc.user_data`, which extension attributes are kept in.

        Args:
            doc: The doc.
            row: The row; its labels are strings, as a file has them.
            labels: All labels of the data set, sorted.

        Raises:
            DataError: The row's labels aren't such as the task learns. The message names `row.source`.
        """

    @abstractmethod
    def labels(self, docs: Iterable[Doc]) -> Sequence[str]:
        """Return a name for each number of the head's output, from annotated docs; read once.

        Raises:
            DataError: The docs have nothing to learn.
        """

    @abstractmethod
    def truths(self, docs: Sequence[Doc], labels: Sequence[str]) -> Tensor:
        """Return what the head's loss takes for annotated docs; where the truth is unknown NaN, or -1 for numbers of labels.

        Returns:
            A row for each doc, or for each word of all docs one behind the other, as the head's `level` is.
        """

    @abstractmethod
    def set_predictions(
        self, docs: Sequence[Doc], scores: NDArray[np.float32], labels: Sequence[str]
    ) -> None:
        """Write on docs what the head's scores say, in the form that `annotate` gives truths.

        Args:
            docs: The docs, without truths.
            scores: What `Head.scores` returned for them: `[B, L]`, or `[N, L]` for heads of words.
            labels: What `labels` returned when the pipeline was initialised.
        """

    @abstractmethod
    def score(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Compare predicted docs with annotated ones.

        Returns:
            Figures for the report, as JSON can hold them; among them the `main_figure`.
        """

    @abstractmethod
    def sample(self) -> Sequence[Row]:
        """Return a few rows such as the task learns from, for the checks of `seqpipe.testing`."""

    def fields(self, labels: Sequence[str], wanted: Wanted) -> Sequence[Field]:
        """Return what `output` gives of each text, in its order; by default one field of any kind, "prediction".

        Args:
            labels: What `labels` returned when the pipeline was initialised.
            wanted: What's asked for; only what `options` names of it.
        """
        return [Field("prediction", "json", "the attributes that the pipeline has set")]

    def output(self, doc: Doc, labels: Sequence[str], wanted: Wanted) -> Mapping[str, Any]:
        """Return what's predicted of a text as plain values, for files, tables and services.

        By default it's what `set_predictions` has written into `doc.cats` and attributes of the doc (`doc._.name`).

        Args:
            doc: The doc, with predictions.
            labels: What `labels` returned when the pipeline was initialised.
            wanted: What's asked for.

        Returns:
            A value for each of `fields`, as JSON can hold it.
        """
        return {"prediction": written_on(doc, labels)}

    def judge(self, example: Example, labels: Sequence[str]) -> Judgement | None:
        """Return how wrong a prediction is, so that the worst mistakes of a model can be shown; by default None.

        Args:
            example: A predicted doc and an annotated one.
            labels: What `labels` returned when the pipeline was initialised.

        Returns:
            The judgement; None if the truth isn't known, or the task has no notion of a mistake.
        """
        return None

    def strata(self, row: Row) -> Sequence[str]:
        """Return the classes of a row that each part of a split data set has its share of; by default its labels.

        A row for which there's none may fall to any part.
        """
        return row.labels

    def check(self, parts: Mapping[str, Sequence[Row]]) -> Sequence[str]:
        """Check all rows of a data set before anything is fitted.

        Args:
            parts: The rows by part: "train", "dev", "test".

        Returns:
            What a user should know of a data set that can be learnt from all the same.

        Raises:
            DataError: They can't be learnt.
        """
        return ()

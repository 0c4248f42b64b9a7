"""The contract of tasks."""

import functools
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from torch import Tensor

from seqpipe.errors import DataError
from seqpipe.parts.readers import Row
from seqpipe.tasks import FIELD_TYPES, Field, Task, Wanted
from seqpipe.testing._check import BrokenError, Check, Factory, NotApplicable, make_check
from seqpipe.testing._making import can_be_made, is_documented


def task_checks() -> list[Check]:
    """Return the checks of a task."""
    made = make_check(can_be_made, "tasks", Task, _make)
    annotates = make_check(annotates_its_sample, needs=(made,))
    shape = make_check(truths_have_their_shape, needs=(annotates,))
    score = make_check(scores_are_figures, needs=(shape,))
    return [
        made,
        make_check(is_documented, needs=(made,)),
        annotates,
        shape,
        make_check(unknown_truths_are_nan, needs=(shape,)),
        make_check(truths_survive_saving, needs=(shape,)),
        make_check(odd_labels_are_refused_or_learnt, needs=(annotates,)),
        score,
        make_check(truths_score_best, needs=(score,)),
        make_check(output_fits_its_fields, needs=(shape,)),
    ]


def _make(factory: Factory) -> Task:
    task: Task = factory()
    return task


def _blank(row: Row) -> Doc:
    if row.words is not None:
        return Doc(_language().vocab, words=row.words, spaces=row.spaces)
    return _language()(row.text)


@functools.cache
def _language() -> Language:
    return spacy.blank("xx")


def _annotated(task: Task) -> tuple[list[Doc], list[str]]:
    """Return docs of the sample with their truths, and the labels."""
    rows = list(task.sample())
    found = sorted({label for row in rows for label in row.labels})
    docs = [_blank(row) for row in rows]
    for doc, row in zip(docs, rows, strict=True):
        task.annotate(doc, row, found)
    return docs, list(task.labels(docs))


def _truths(task: Task, docs: Sequence[Doc], labels: Sequence[str]) -> Tensor:
    truths = task.truths(docs, labels)
    if not isinstance(truths, Tensor):
        raise BrokenError(f"its truths are a {type(truths).__name__}, not a tensor")
    return truths


def annotates_its_sample(factory: Factory) -> None:
    """The sample's rows can be annotated, and have labels: strings, each once, and the same each time."""
    task = factory()
    if len(list(task.sample())) < 2:
        raise BrokenError("its sample has fewer than two rows")
    docs, labels = _annotated(task)
    if not labels or len(set(labels)) < len(labels) or not all(isinstance(x, str) for x in labels):
        raise BrokenError(f"its labels are {labels!r}")
    if list(task.labels(iter(docs))) != labels:
        raise BrokenError(f"other labels the second time, or for an iterator: {labels}")


def truths_have_their_shape(factory: Factory) -> None:
    """Truths have a row for each text or for each word, and are finite where they're known."""
    task = factory()
    docs, labels = _annotated(task)
    truths = _truths(task, docs, labels)
    words = sum(len(doc) for doc in docs)
    if len(truths) not in (len(docs), words):
        raise BrokenError(f"{len(truths)} rows of truths for {len(docs)} texts of {words} words")
    if truths.is_floating_point() and not truths.isfinite().any():
        raise BrokenError("none of its truths is finite")
    if len(_truths(task, [], labels)):
        raise BrokenError("it has truths for no texts")


def unknown_truths_are_nan(factory: Factory) -> None:
    """A text without a truth has NaN, or a negative class, so that a head can leave it out."""
    task = factory()
    _, labels = _annotated(task)
    truths = _truths(task, [_blank(row) for row in task.sample()], labels)
    unknown = truths.isnan() if truths.is_floating_point() else truths < 0
    if not unknown.all():
        raise BrokenError(f"texts without a truth have {truths.tolist()}")


def truths_survive_saving(factory: Factory) -> None:
    """Docs that are copied, or saved with their user data and read again, have the same truths."""
    task = factory()
    docs, labels = _annotated(task)
    kept = DocBin(store_user_data=True, docs=docs).to_bytes()
    read = list(DocBin(store_user_data=True).from_bytes(kept).get_docs(spacy.blank("xx").vocab))
    expected = _truths(task, docs, labels)
    for how, found in (("copied", [doc.copy() for doc in docs]), ("saved", read)):
        if not torch.equal(_truths(task, found, labels).nan_to_num(), expected.nan_to_num()):
            raise BrokenError(f"docs that were {how} have other truths")


def odd_labels_are_refused_or_learnt(factory: Factory) -> None:
    """Labels that it can't learn are refused by a DataError that names the row, and by no other."""
    task = factory()
    for labels in ((), ("-1",), ("a", "b"), ("",), ("ä\n",), ("1e999",)):
        row = Row("some words", labels, "sample.csv:17")
        try:
            task.annotate(_blank(row), row, sorted(set(labels)))
        except DataError as error:
            if row.source not in str(error):
                raise BrokenError(f"{str(error)!r} doesn't name {row.source}") from error
        except Exception as error:
            raise BrokenError(f"labels {labels} raised {type(error).__name__}: {error}") from error


def _score(task: Task, docs: Sequence[Doc], predicted: Sequence[Doc]) -> dict[str, Any]:
    return task.score([Example(p, t) for p, t in zip(predicted, docs, strict=True)])


def scores_are_figures(factory: Factory) -> None:
    """Its figures can be written as JSON, of no examples too, and the main one is a finite number."""
    task = factory()
    docs, labels = _annotated(task)
    predicted = [doc.copy() for doc in docs]
    for truths, said in ((docs, predicted), ([], [])):
        figures = _score(task, truths, said)
        json.dumps(figures, allow_nan=False)
        main = figures.get(task.main_figure)
        if not isinstance(main, float | int) or not math.isfinite(main):
            raise BrokenError(f"its main figure {task.main_figure!r} is {main!r}")
    if not labels:
        raise BrokenError("it has no labels")


#: Scores have two dimensions.
_SCORED = 2


def truths_score_best(factory: Factory) -> None:
    """Predictions like the truths score higher than ones that are the same for all texts."""
    task = factory()
    docs, labels = _annotated(task)
    truths = _truths(task, docs, labels)
    if truths.dtype == torch.int64 and truths.ndim == 1 and truths.min() >= 0:
        # The numbers of labels.
        truths = torch.nn.functional.one_hot(truths, len(labels)).float()
    fits = truths.is_floating_point() and truths.ndim == _SCORED and truths.shape[1] == len(labels)
    if not fits or not truths.isfinite().all():
        raise NotApplicable("its truths aren't of the scores' shape")

    def score_of(scores: Tensor) -> float:
        predicted = [_blank(row) for row in task.sample()]
        task.set_predictions(predicted, np.asarray(scores, dtype=np.float32), labels)
        return float(_score(task, docs, predicted)[task.main_figure])

    best, constant = score_of(truths), score_of(truths.mean(0).expand_as(truths))
    if not best > constant:
        raise BrokenError(f"the truths score {best:.3g}, and their mean {constant:.3g}")


def output_fits_its_fields(factory: Factory) -> None:
    """What it puts out of a text has the fields that it declares, in values of their types that JSON can hold."""
    task = factory()
    docs, labels = _annotated(task)
    if unknown := task.options - set(vars(Wanted())):
        raise BrokenError(f"its `options` have {sorted(unknown)}, which nothing asks for")
    everything = Wanted(
        top=1 if "top" in task.options else None,
        probabilities="probabilities" in task.options,
        threshold=0.0 if "threshold" in task.options else None,
    )
    for wanted in (Wanted(), everything):
        fields = list(task.fields(labels, wanted))
        _check_fields(fields)
        # Those with a truth stand for those with a prediction, which has the same form.
        for doc in [*docs, *(_blank(row) for row in task.sample())]:
            values = task.output(doc, labels, wanted)
            if [*values] != [field.name for field in fields]:
                raise BrokenError(f"it puts out {[*values]}, and its fields are {fields}")
            json.dumps(values, allow_nan=False)
            for field in fields:
                if not _fits(values[field.name], field):
                    raise BrokenError(
                        f"{field.name!r} is {values[field.name]!r}, and no {field.type}"
                    )


def _check_fields(fields: Sequence[Any]) -> None:
    names = [field.name for field in fields if isinstance(field, Field)]
    if not names or len(names) < len(fields) or len({*names}) < len(names):
        raise BrokenError(f"its fields are {fields!r}, not distinct `Field`s")
    if wrong := [field for field in fields if field.type not in FIELD_TYPES]:
        raise BrokenError(f"{wrong[0]} has a type that's none of {', '.join(FIELD_TYPES)}")


def _fits(value: Any, field: Field) -> bool:
    """Return whether a value is of a field's type; None is for any."""

    def is_number(each: Any) -> bool:
        return isinstance(each, int | float) and not isinstance(each, bool)

    if value is None or field.type == "json":
        return True
    if field.type in ("string", "number"):
        return isinstance(value, str) if field.type == "string" else is_number(value)
    if field.type == "scores":
        return isinstance(value, dict) and all(map(is_number, value.values()))
    of_item = {
        "strings": lambda each: isinstance(each, str),
        "numbers": is_number,
        "spans": lambda each: (
            isinstance(each, dict) and set(each) == {"start", "end", "text", "label", "confidence"}
        ),
    }[field.type]
    return isinstance(value, list) and all(map(of_item, value))

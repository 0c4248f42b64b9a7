"""Numbers as a task, and their head."""

import math

import numpy as np
import pytest
import spacy
import torch
from spacy.training import Example

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.heads import Regressor
from seqpipe.parts.readers import Row
from seqpipe.tasks.numbers import Numbers
from seqpipe.tasks.text_classes import TextClasses


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("xx")


def row(*labels, numbers=()):
    return Row("a text", labels, "x:1", numbers=numbers)


def test_numbers_are_read_from_labels_or_rows(nlp):
    doc, two = nlp("a text"), nlp("a text")
    Numbers().annotate(doc, row("-1.5e2"), [])
    assert doc._.numbers == {"number": -150.0}
    Numbers(names=["joy", "fear"]).annotate(two, row(numbers=(2.0, 2.0)), [])
    assert two._.numbers == {"joy": 2.0, "fear": 2.0}
    Numbers().annotate(two, row(numbers=(1.0, 2.0)), [])
    assert [*two._.numbers] == ["number_1", "number_2"]
    assert nlp("a text")._.numbers == {}


@pytest.mark.parametrize(
    ("given", "task", "message"),
    [
        (row("good"), Numbers(), 'x:1 has the label "good", which isn\'t a number'),
        (row("nan"), Numbers(), 'the label "nan"'),
        (row(), Numbers(), "x:1 has no number"),
        (row("1e39"), Numbers(), r"x:1 has the number 1e\+39, which is too large"),
        (row("1", "2"), Numbers(names=["a"]), r"x:1 has 2 numbers, and \[task\] has names for 1"),
    ],
)
def test_row_without_such_numbers_is_told(nlp, given, task, message):
    with pytest.raises(DataError, match=message):
        task.annotate(nlp("a text"), given, [])


def test_truths_and_predictions_are_rows_of_numbers(nlp):
    task = Numbers()
    docs = [nlp("a"), nlp("b")]
    task.annotate(docs[0], row(numbers=(1.0, 2.0)), [])
    labels = task.labels(docs)
    truths = task.truths(docs, labels)
    assert truths[0].tolist() == [1.0, 2.0]
    assert truths[1].isnan().all()
    task.set_predictions(docs, np.array([[3.0, 4.0], [5.0, 6.0]], dtype="float32"), labels)
    assert docs[1]._.numbers == {"number_1": 5.0, "number_2": 6.0}
    Numbers().annotate(docs[0], row("1"), [])
    with pytest.raises(DataError, match="texts have the numbers number and number_1, number_2"):
        task.labels(docs)
    with pytest.raises(DataError, match="no text has a number"):
        task.labels([nlp("a")])


def test_figures_are_those_of_their_definitions(nlp):
    truths, said = [1.0, 2.0, 3.0, 5.0], [1.5, 2.0, 2.0, 5.5]
    examples = []
    for truth, prediction in zip(truths, said, strict=True):
        reference, predicted = nlp("a"), nlp("a")
        reference._.numbers = {"grade": truth}
        predicted._.numbers = {"grade": prediction}
        examples.append(Example(predicted, reference))
    figures = Numbers().score(examples)
    assert figures["mae"] == pytest.approx(0.5)
    assert figures["rmse"] == pytest.approx(math.sqrt(1.5 / 4))
    assert figures["r2"] == pytest.approx(1 - 1.5 / 8.75)
    assert figures["pearson"] == pytest.approx(np.corrcoef(truths, said)[0, 1])
    assert figures["spearman"] == pytest.approx(np.corrcoef([1, 2, 3, 4], [1, 2.5, 2.5, 4])[0, 1])
    assert figures["numbers"]["grade"]["mae"] == figures["mae"]


@pytest.mark.parametrize("names", [[], [""], ["a", "a"], "ab"])
def test_names_that_cannot_be_used_are_refused(names):
    with pytest.raises(ConfigError, match="`names`"):
        Numbers(names=names)


def test_number_is_no_class():
    rows = {"train": [row(numbers=(1.1,)), row("a")]}
    with pytest.raises(DataError, match=r"x:1 has the number 1.1, which names no class.*Regressor"):
        TextClasses().check(rows)


def test_head_learns_standardised_numbers():
    head = Regressor(4, 2)
    truths = torch.tensor([[1000.0, 1.0], [3000.0, 1.0], [math.nan, math.nan]])
    head.prepare(truths)
    assert head.mean.tolist() == [2000.0, 1.0]
    assert head.deviation.tolist() == [1000.0, 1.0]
    logits = torch.tensor([[0.0, 0.0], [0.0, 0.0], [9.0, 9.0]])
    assert head.scores(logits[:1]).tolist() == [[2000.0, 1.0]]
    # Each known text has the errors 1 and 0.
    assert float(head.loss(logits, truths, torch.tensor([1, 1, 1]))) == pytest.approx(1 / 3)
    other = Regressor(4, 2)
    other.load_state_dict(head.state_dict())
    assert other.mean.tolist() == [2000.0, 1.0]


def test_row_with_another_count_of_numbers_is_told():
    rows = [Row("a", (), f"x:{n}", numbers=(1.0, 2.0)) for n in (1, 2)]
    with pytest.raises(DataError, match="x:3 has 1 numbers where most rows have 2"):
        Numbers().check({"train": rows, "dev": [Row("a", ("1",), "x:3")]})
    assert Numbers().check({"train": rows}) == ()

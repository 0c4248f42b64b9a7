"""Texts in classes: what's said of rows before anything is trained, and how docs hold truths and predictions."""

import numpy as np
import pytest
import spacy
import torch
from spacy.training import Example

from seqpipe.adapters import tasks_of
from seqpipe.errors import DataError
from seqpipe.parts.readers import Row
from seqpipe.tasks.text_classes import TextClasses


def test_labels_that_only_the_dev_or_test_part_has_are_named():
    parts = {"train": "ab", "dev": "abc", "test": "ad"}
    rows = {
        part: [Row("text", (label,), "x:1") for label in labels] for part, labels in parts.items()
    }
    dev, test = TextClasses().check(rows)
    assert "the dev part" in dev and dev.endswith(": c")
    assert "the test part" in test and test.endswith(": d")
    assert not TextClasses().check({"train": rows["train"]})


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (
            ["ab", "a", "abc", ""],
            r"x:1 has 2 labels \(a, b\), and 1 more rows have several, but .* `excl",
        ),
        (
            ["", "a", "b", ""],
            r"x:1 has no label, and 1 more rows have none, but .*: give the text a label",
        ),
        (["a", "b", ""], r"x:3 has no label, but .* leave the row out"),
    ],
)
def test_rows_without_a_label_are_told_from_those_with_several(labels, says):
    rows = [Row("text", tuple(each), f"x:{line}") for line, each in enumerate(labels, 1)]
    with pytest.raises(DataError, match=says):
        TextClasses().check({"train": rows})


def test_several_labels_are_fine_where_they_are_not_exclusive():
    rows = [Row("text", tuple(each), "x:1") for each in ("ab", "a", "")]
    assert not TextClasses.of_component(exclusive=False, threshold=0.5).check({"train": rows})


def test_single_label_leaves_nothing_to_tell_apart():
    with pytest.raises(DataError, match="nothing to distinguish"):
        TextClasses().check({"train": [Row("text", ("a",), "x:1")] * 3})


def test_truths_are_those_of_the_labels_and_nan_where_there_are_none():
    nlp, task = spacy.blank("en"), TextClasses()
    docs = [nlp("one"), nlp("two")]
    task.annotate(docs[0], Row("one", ("b",), "x:1"), ["a", "b"])
    assert task.labels(docs) == ["a", "b"]
    truths = task.truths(docs, ["b", "a"])
    assert truths[0].tolist() == [1.0, 0.0] and truths[1].isnan().all()


def test_predictions_stand_beside_those_of_others():
    doc = spacy.blank("en")("one")
    doc.cats = {"other": 1.0}
    TextClasses().set_predictions([doc], np.array([[0.25, 0.75]], dtype="float32"), ["a", "b"])
    assert doc.cats == {"other": 1.0, "a": 0.25, "b": 0.75}


def test_threshold_decides_where_classes_are_not_exclusive():
    nlp = spacy.blank("en")
    truth, said = nlp("one"), nlp("one")
    truth.cats, said.cats = {"a": 1.0, "b": 0.0}, {"a": 0.4, "b": 0.1}
    accuracy = [
        TextClasses.of_component(exclusive=False, threshold=at).score([Example(said, truth)])[
            "accuracy"
        ]
        for at in (0.3, 0.5)
    ]
    assert accuracy == [1.0, 0.0]


def test_labels_of_another_component_are_not_scored():
    nlp = spacy.blank("en")
    topic = nlp.add_pipe("textcat", name="topic")
    mood = nlp.add_pipe("textcat_multilabel", name="mood")
    truth, said = nlp.make_doc("one"), nlp.make_doc("one")
    truth.cats = {"sport": 1.0, "business": 0.0, "glad": 1.0, "angry": 0.0}
    said.cats = {"sport": 0.6, "business": 0.4, "glad": 0.0, "angry": 0.9}
    for label in ("sport", "business"):
        topic.add_label(label)
    for label in ("glad", "angry"):
        mood.add_label(label)
    [task] = tasks_of(nlp).values()
    scores = task.score([Example(said, truth)])
    assert task.exclusive and set(scores["classes"]) == {"sport", "business"}
    assert scores["accuracy"] == scores["micro_f"] == 1.0
    nlp.remove_pipe("topic")
    [task] = tasks_of(nlp).values()
    scores = task.score([Example(said, truth)])
    assert set(scores["classes"]) == {"glad", "angry"} and scores["accuracy"] == 0.0


def test_label_that_was_not_learnt_is_missed():
    nlp = spacy.blank("en")
    truth, said = nlp("one"), nlp("one")
    truth.cats, said.cats = {"a": 0.0, "b": 0.0, "new": 1.0}, {"a": 0.9, "b": 0.1}
    task = TextClasses.of_component(exclusive=True, threshold=0.5, labels=["a", "b"])
    scores = task.score([Example(said, truth)])
    assert scores["accuracy"] == 0.0 and scores["classes"]["new"]["recall"] == 0.0


def test_no_categories_are_nothing_to_learn():
    with pytest.raises(DataError, match="no text has categories"):
        TextClasses().labels([spacy.blank("en")("one")])
    assert TextClasses().truths([], ["a"]).shape == torch.Size([0, 1])


@pytest.mark.parametrize(
    ("exclusive", "expected"),
    [
        (True, {"truth": "a", "prediction": "b", "score": 0.9}),
        (False, {"truth": ["a", "c"], "prediction": ["b", "a"], "score": [0.9, 0.6]}),
    ],
)
def test_prediction_has_place_truth_labels_and_scores(exclusive, expected):
    task = TextClasses.of_component(exclusive=exclusive, threshold=0.5, labels="abc")
    doc = spacy.blank("en")("one")
    doc.cats = {"a": 0.6, "b": 0.9, "c": 0.1, "of another component": 1.0}
    assert task.prediction(Row("one", ("a", "c"), "x:1"), doc) == {"place": "x:1", **expected}


def test_labels_that_a_part_lacks_are_told_where_texts_may_have_several():
    task = TextClasses.of_component(exclusive=False, threshold=0.5)
    train = [Row("x", ("a", "b"), "1"), Row("y", ("a", "c"), "2"), Row("z", ("c",), "3")]
    parts = {"train": train, "dev": [Row("w", ("a",), "4")], "test": train}
    assert task.check(parts) == ["the dev part has no text of these labels: c, b"]
    task.exclusive = True
    one_each = {part: [Row("x", ("a",), "1"), Row("y", ("b",), "2")] for part in parts}
    assert task.check({**one_each, "dev": [Row("x", ("a",), "1")]}) == []

"""What's put out of a text as plain values: fields, labels and scores."""

import pytest
import spacy
from spacy.tokens import Doc
from testing.broken_tasks import Good

from seqpipe.tasks import Wanted, label_fields, label_values
from seqpipe.tasks.text_classes import TextClasses

SCORES = {"a": 0.2, "b": 0.5, "c": 0.3}


@pytest.fixture
def doc():
    made = spacy.blank("en")("some words")
    made.cats = {**SCORES, "other": 1.0}
    return made


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("wanted", [Wanted(), Wanted(top=2), Wanted(probabilities=True)])
def test_values_have_the_names_of_the_fields(wanted, exclusive):
    fields = label_fields(wanted, exclusive=exclusive)
    values = label_values(SCORES, ["b"], wanted, exclusive=exclusive)
    assert [field.name for field in fields] == list(values)


def test_label_is_the_chosen_one_and_score_that_of_the_best_if_none_is():
    assert label_values(SCORES, ["c"], Wanted(), exclusive=True) == {"label": "c", "score": 0.3}
    assert label_values(SCORES, [], Wanted(), exclusive=True) == {"label": None, "score": 0.5}
    assert label_values({}, [], Wanted(), exclusive=True) == {"label": None, "score": None}


def test_top_ranks_labels_by_score():
    found = label_values(SCORES, [], Wanted(top=2), exclusive=False)
    assert found == {"labels": ["b", "c"], "scores": [0.5, 0.3]}


def test_threshold_cuts_the_best_labels_off():
    found = label_values(SCORES, [], Wanted(top=3, threshold=0.3), exclusive=False)
    assert found["labels"] == ["b", "c"]


def test_labels_of_other_components_are_left_out(doc):
    task = TextClasses.of_component(exclusive=True, threshold=0.5, labels=SCORES)
    found = task.output(doc, list(SCORES), Wanted(probabilities=True))
    assert found == {"label": "b", "score": 0.5, "probabilities": SCORES}


def test_decision_of_the_pipeline_is_what_is_put_out_unless_a_threshold_is_given(doc):
    import seqpipe.adapters  # noqa: F401, as it registers the attribute

    task = TextClasses.of_component(exclusive=True, threshold=0.5, labels=SCORES)
    task.decides = True
    doc._.decision = ()
    assert task.output(doc, list(SCORES), Wanted())["label"] is None
    assert task.output(doc, list(SCORES), Wanted(threshold=0.4))["label"] == "b"
    doc._.decision = ("c",)
    assert task.output(doc, list(SCORES), Wanted())["label"] == "c"


def test_task_without_fields_of_its_own_puts_out_what_it_has_written(doc):
    if not Doc.has_extension("count_of_a_test"):
        Doc.set_extension("count_of_a_test", default=None)
    doc._.count_of_a_test = 3.5
    task = Good()
    (field,) = task.fields(["b"], Wanted())
    assert (field.name, field.type) == ("prediction", "json")
    found = task.output(doc, ["b"], Wanted())
    assert found == {"prediction": {"b": 0.5, "count_of_a_test": 3.5}}

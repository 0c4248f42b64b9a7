"""What a run says is wrong with what it has trained."""

import numpy as np
import pytest
import spacy

from seqpipe.reporting import Silent
from seqpipe.run._warnings import _advice, warn
from seqpipe.tasks.text_classes import score_classes

FALLING = [{"loss": loss} for loss in (0.5, 0.4, 0.3, 0.2, 0.1)]


def scores_of(confusion, *, exclusive=True):
    """Return the scores of a table of true and predicted classes: how many texts of each pair there are."""
    labels = list(confusion)
    pairs = [
        (true, put) for true, row in confusion.items() for put, n in row.items() for _ in range(n)
    ]
    truths = [{label: float(label == true) for label in labels} for true, _ in pairs]
    predictions = [{label: float(label == put) for label in labels} for _, put in pairs]
    found = score_classes(truths, predictions, exclusive=exclusive)
    classes = {label: vars(each) for label, each in found.classes.items()}
    return {"accuracy": found.accuracy, "classes": classes, "confusion": found.confusion}


def warnings(scores=None, history=FALLING, vectors=None, text="sea wood sea sky"):
    nlp = spacy.blank("xx")
    for word, vector in (vectors or {}).items():
        nlp.vocab.set_vector(word, np.array(vector, dtype=np.float32))
    docs = [nlp.make_doc(text)] * 3
    return warn(nlp, Silent(), scores=scores or {}, history=history, docs=docs)


GOOD = {"a": {"a": 9, "b": 1}, "b": {"a": 2, "b": 8}}


def test_nothing_is_said_of_a_model_that_learnt():
    vectors = {word: [1.0, -1.0] for word in ("sea", "wood", "sky")}
    assert warnings(scores_of(GOOD), vectors=vectors) == []


def test_one_class_for_every_text_is_said_once():
    (warning,) = warnings(scores_of({"a": {"a": 9, "b": 0}, "b": {"a": 7, "b": 0}}))
    assert "put into 'a'" in warning and "labels of the rows" in warning


@pytest.mark.parametrize("exclusive", [True, False])
def test_class_that_is_never_predicted_is_named(exclusive):
    table = {"a": {"a": 9}, "b": {"b": 9}, "rare": {"a": 5}, "few": {"b": 4}}
    table = {t: {p: row.get(p, 0) for p in table} for t, row in table.items()}
    (warning,) = warnings(scores_of(table, exclusive=exclusive))
    assert "'rare'" in warning and "'few'" not in warning and "class_weights" in warning


def test_many_missed_classes_are_counted():
    names = [f"c{n}" for n in range(9)]
    table = {t: {p: 5 * (p == names[n // 5]) for p in names} for n, t in enumerate(names)}
    (warning, *_) = warnings(scores_of(table))
    assert "'c6' and 2 more" in warning


def test_accuracy_of_the_largest_class_is_no_success():
    (warning,) = warnings(scores_of({"a": {"a": 8, "b": 4}, "b": {"a": 4, "b": 2}}))
    assert "0.5556" in warning and "largest class" in warning


def test_loss_that_does_not_fall_is_said():
    (warning,) = warnings(history=[{"loss": 0.5}] * 8)
    assert "0.5000 at first, 0.5000 in the end" in warning and "learn_rate" in warning
    # Of two or three lines chance may be the reason; a pipeline may have no loss.
    assert warnings(history=[{"loss": 0.5}] * 3) == []
    assert warnings(history=[{"loss": None}] * 9) == []


def test_words_without_vectors_are_said():
    (warning,) = warnings(vectors={"sky": [1.0, 1.0]})
    assert warning.startswith("75% of the words have no vector")
    assert warnings(vectors={"sky": [1.0, 1.0]}, text=" ") == []


@pytest.mark.parametrize("scale", [0.01, 100.0])
def test_vectors_of_another_scale_are_said(scale):
    (warning,) = warnings(vectors={word: [scale, scale] for word in ("sea", "wood", "sky")})
    assert f"is {scale:.2g}," in warning and "standardize" in warning


@pytest.mark.parametrize("standardize", [True, False, None])
def test_advice_is_not_what_the_file_does_already(standardize):
    nlp = spacy.blank("xx")
    nlp.add_pipe("textcat")
    block = {} if standardize is None else {"embedder": {"standardize": standardize}}
    nlp.config["nlp"]["vectors"] = block
    advice = _advice(nlp)
    assert "learn_rate" in advice
    assert ("standardize" in advice) == (standardize is False)

"""Scores are those of scikit-learn."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from seqpipe.evaluation import score_classes
from seqpipe.tasks.text_classes import calibration_error

LABELS = ["a", "b", "c"]
CLASSES = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1)
SCORES = st.floats(0, 1, width=16)
MANY = st.lists(
    st.tuples(st.tuples(*[st.booleans()] * 3), st.tuples(*[SCORES] * 3)), min_size=1, max_size=30
)


def one_hot(label):
    return {name: float(name == label) for name in LABELS}


def check_classes(scores, expected):
    for label, *values in zip(LABELS, *expected, strict=True):
        of_class = scores.classes[label]
        found = (of_class.precision, of_class.recall, of_class.f, of_class.texts)
        assert found == pytest.approx(tuple(values))


@given(pairs=CLASSES)
def test_exclusive_classes_equal_scikit_learn(pairs):
    true, predicted = zip(*pairs, strict=True)
    scores = score_classes(
        [one_hot(t) for t in true], [one_hot(p) for p in predicted], exclusive=True
    )
    accuracy = metrics.accuracy_score(true, predicted)
    assert scores.accuracy == pytest.approx(accuracy)
    assert scores.micro_f == pytest.approx(accuracy)
    settings = {"labels": LABELS, "zero_division": 0}
    check_classes(scores, metrics.precision_recall_fscore_support(true, predicted, **settings))
    macro = metrics.f1_score(true, predicted, average="macro", **settings)
    assert scores.macro_f == pytest.approx(macro)
    with warnings.catch_warnings():
        # Some releases warn where only one class occurs, though all are named.
        warnings.simplefilter("ignore")
        matrix = metrics.confusion_matrix(true, predicted, labels=LABELS)
    assert [[scores.confusion[t][p] for p in LABELS] for t in LABELS] == matrix.tolist()


@given(pairs=MANY, threshold=st.sampled_from([0.25, 0.5, 0.75]))
def test_independent_labels_equal_scikit_learn(pairs, threshold):
    true = np.array([t for t, _ in pairs], dtype=int)
    predicted = np.array([[s >= threshold for s in scores] for _, scores in pairs], dtype=int)
    scores = score_classes(
        [dict(zip(LABELS, map(float, t), strict=True)) for t, _ in pairs],
        [dict(zip(LABELS, s, strict=True)) for _, s in pairs],
        exclusive=False,
        threshold=threshold,
    )
    assert scores.confusion is None
    assert scores.accuracy == pytest.approx(metrics.accuracy_score(true, predicted))
    for average, found in (("micro", scores.micro_f), ("macro", scores.macro_f)):
        expected = metrics.f1_score(true, predicted, average=average, zero_division=0)
        assert found == pytest.approx(expected)
    check_classes(scores, metrics.precision_recall_fscore_support(true, predicted, zero_division=0))


@given(pairs=CLASSES)
def test_confusion_counts_every_text(pairs):
    truths, predictions = zip(*[(one_hot(t), one_hot(p)) for t, p in pairs], strict=True)
    confusion = score_classes(truths, predictions, exclusive=True).confusion
    assert sum(sum(row.values()) for row in confusion.values()) == len(pairs)


def test_class_with_the_highest_score_is_predicted():
    scores = score_classes([one_hot("b")], [{"a": 0.3, "b": 0.4, "c": 0.3}], exclusive=True)
    assert scores.accuracy == 1.0


def test_nothing_to_score_scores_zero():
    scores = score_classes([], [], exclusive=True)
    assert (scores.accuracy, scores.micro_f, scores.macro_f) == (0.0, 0.0, 0.0)
    assert scores.classes == {} and scores.confusion == {}


def test_text_without_predictions_is_wrong_and_no_error():
    scores = score_classes([one_hot("a")], [{}], exclusive=True)
    assert scores.accuracy == 0.0 and scores.confusion["a"] == {"a": 0, "b": 0, "c": 0}


def test_unequal_numbers_are_an_error():
    with pytest.raises(ValueError):
        score_classes([one_hot("a")], [], exclusive=True)


def test_calibration_error_is_the_mean_gap_of_the_bins():
    # 0.95 is right in 3 of 4 cases, 0.65 in 1 of 2.
    scores = [0.95] * 4 + [0.65] * 2
    right = [True, True, True, False, True, False]
    truths = [{"a": float(yes), "b": float(not yes)} for yes in right]
    predictions = [{"a": score, "b": 1 - score} for score in scores]
    expected = (4 * (0.95 - 0.75) + 2 * (0.65 - 0.5)) / 6
    assert calibration_error(truths, predictions, exclusive=True) == pytest.approx(expected)
    # Those of "b" are the same gaps on the other side.
    assert calibration_error(truths, predictions, exclusive=False) == pytest.approx(expected)


def test_calibration_error_of_nothing_is_none():
    assert calibration_error([], [], exclusive=True) is None
    assert calibration_error([{"a": 1.0}], [{}], exclusive=True) is None


def test_labels_may_have_thresholds_of_their_own():
    truths, predictions = [{"a": 1.0, "b": 0.0}], [{"a": 0.3, "b": 0.6}]
    for own, accuracy in (({}, 0.0), ({"a": 0.2, "b": 0.7}, 1.0), ({"a": 0.2}, 0.0)):
        scores = score_classes(truths, predictions, exclusive=False, thresholds=own)
        assert scores.accuracy == accuracy

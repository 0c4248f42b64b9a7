"""Weights of classes are what their definition says."""

import pytest

from seqpipe.errors import ClassifierError
from seqpipe.parts.class_weights import count_labels, label_weights, weigh_texts

TEXTS = [("a",)] * 9 + [("b",)] * 2 + [("a", "b"), ()]


def test_balanced_weights_give_each_label_the_same_total():
    counts = count_labels(TEXTS)
    weights = label_weights("balanced", counts)
    assert {label: weights[label] * counts[label] for label in counts} == {"a": 6.5, "b": 6.5}
    # So that the loss of exclusive classes keeps its size.
    exclusive = [("a",)] * 3 + [("b",)] * 5
    weights = label_weights("balanced", count_labels(exclusive))
    assert sum(weigh_texts(exclusive, [1.0] * 8, weights)) == pytest.approx(8)


def test_weight_of_a_text_is_the_mean_of_its_labels_times_its_own():
    weights = label_weights({"b": 3.0}, {"a": 10, "b": 2})
    assert weights == {"a": 1.0, "b": 3.0}
    labels = [("a",), ("a", "b"), (), ("b",)]
    assert weigh_texts(labels, [1.0, 2.0, 0.5, 0.0], weights) == [1.0, 4.0, 0.5, 0.0]


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (
            "sprot",
            r"for 'sprot', which no text has; did you mean \"sport\"\? labels are art, sport$",
        ),
        ("music", "for 'music', which no text has; labels are art, sport$"),
    ],
)
def test_label_that_no_text_has_is_named_with_what_was_meant(label, message):
    with pytest.raises(ClassifierError, match=message):
        label_weights({label: 2.0}, {"sport": 1, "art": 1})

"""Classes with an order: labels, predictions and figures."""

import numpy as np
import pytest
import spacy
import torch
from sklearn.metrics import cohen_kappa_score
from spacy.training import Example

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.heads import OrdinalClassifier
from seqpipe.parts.readers import Row
from seqpipe.tasks.ordered_classes import OrderedClasses


def annotated(task, *labels):
    nlp = spacy.blank("en")
    docs = []
    for number, label in enumerate(labels):
        doc = nlp.make_doc("a text")
        task.annotate(doc, Row("a text", (label,), f"rows:{number}"), sorted({*labels}))
        docs.append(doc)
    return docs


def test_numbers_are_ordered_as_numbers():
    assert OrderedClasses().labels(annotated(OrderedClasses(), "10", "9", "2")) == ["2", "9", "10"]


def test_names_are_ordered_as_the_task_says():
    task = OrderedClasses(order=["poor", "fair", "good"])
    docs = annotated(task, "good", "poor")
    assert task.labels(docs) == ["poor", "good"]
    assert task.truths(docs, ["poor", "good"]).tolist() == [[0, 1], [1, 0]]


def test_class_in_the_middle_is_predicted():
    task = OrderedClasses()
    [doc] = annotated(task, "1")
    task.set_predictions([doc], np.array([[0.4, 0.15, 0.45]], dtype="float32"), ["1", "2", "3"])
    assert doc._.grade == "2"
    assert doc.cats == pytest.approx({"1": 0.4, "2": 0.15, "3": 0.45})


def test_figures_are_those_of_scikit_learn():
    task = OrderedClasses()
    truths, said = ["1", "2", "3", "3", "2", "1"], ["1", "3", "3", "1", "2", "2"]
    examples = []
    for doc, label in zip(annotated(task, *truths), said, strict=True):
        predicted = doc.copy()
        predicted._.grade = label
        examples.append(Example(predicted, doc))
    figures = task.score(examples)
    kappa = cohen_kappa_score(truths, said, weights="quadratic")
    assert figures["kappa"] == pytest.approx(kappa)
    assert figures["mae"] == pytest.approx(4 / 6)
    assert figures["accuracy"] == pytest.approx(3 / 6)
    assert figures["by_class"]["3"] == {"1": 1, "2": 0, "3": 1}


@pytest.mark.parametrize("task", [OrderedClasses(), OrderedClasses(order=list("12345"))])
def test_classes_that_no_scored_text_has_still_lie_between_others(task):
    examples = []
    for doc, said in zip(annotated(task, "1", "5", "1"), "155", strict=True):
        doc.cats = {label: doc.cats.get(label, 0.0) for label in "12345"}
        predicted = doc.copy()
        predicted._.grade = said
        examples.append(Example(predicted, doc))
    assert task.score(examples)["mae"] == pytest.approx(4 / 3)


def test_one_number_is_one_class():
    with pytest.raises(DataError, match=r'the classes "1" and "1.0", which are the same number'):
        OrderedClasses().labels(annotated(OrderedClasses(), "1", "1.0", "2"))


@pytest.mark.parametrize(
    ("task", "label", "problem"),
    [
        (OrderedClasses(), "good", "isn't a number: name all classes by `order`"),
        (OrderedClasses(order=["poor", "good"]), "god", "which `order` in .task. lacks; did you"),
    ],
)
def test_classes_without_a_place_in_the_order_are_refused(task, label, problem):
    with pytest.raises(DataError, match=problem):
        annotated(task, label)


def test_order_has_two_classes():
    with pytest.raises(ConfigError, match="`order` is"):
        OrderedClasses(order=["one"])
    with pytest.raises(DataError, match="two of them at least"):
        OrderedClasses().labels(annotated(OrderedClasses(), "1", "1"))


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_probabilities_are_the_differences_of_the_cumulative_ones(classes):
    torch.manual_seed(0)
    head = OrdinalClassifier(4, classes, dropout=0.0, pool="mean").eval()
    for parameter in head.parameters():
        parameter.data.normal_()
    inputs, lengths = torch.randn(6, 4), torch.tensor([3, 2, 1])
    scores = head.scores(head(inputs, lengths))
    pooled = torch.stack([each.mean(0) for each in inputs.split(lengths.tolist())])
    score = pooled @ head.output.weight[0] + head.output.bias
    gaps = torch.nn.functional.softplus(head.gaps) + 1e-3
    thresholds = torch.cat([head.lowest[None], head.lowest + gaps.cumsum(0)])
    above = (score[:, None] - thresholds).sigmoid()
    bounds = torch.cat([torch.ones(3, 1), above, torch.zeros(3, 1)], 1)
    torch.testing.assert_close(scores, bounds[:, :-1] - bounds[:, 1:], atol=1e-5, rtol=1e-4)


def test_scores_far_from_all_thresholds_stay_finite():
    head = OrdinalClassifier(1, 4, dropout=0.0, pool="mean").eval()
    head.output.weight.data.fill_(1.0)
    logits = head(torch.tensor([[1e4], [-1e4]]), torch.tensor([1, 1]))
    assert head.scores(logits).argmax(1).tolist() == [3, 0]
    truths = torch.tensor([[0.0, 0, 0, 1], [1, 0, 0, 0]])
    assert head.loss(logits, truths, torch.tensor([1, 1])) < 1e-3

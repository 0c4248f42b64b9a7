"""A task as a component of spaCy's: lengths of words, which a head of each kind learns."""

import functools
import math
import types

import numpy as np
import pytest
import spacy
import torch
from spacy.training import Example
from torch import nn

from seqpipe.adapters import TaskPipe, make_classifier, perturbing, tasks_of
from seqpipe.errors import ConfigError, PluginError
from seqpipe.parts.heads import Head
from seqpipe.parts.readers import Row
from seqpipe.tasks import Task
from seqpipe.tasks.text_classes import TextClasses

TEXTS = ["a bee", "the long road", "we saw wonderful things", "no", ""]


class Lengths(Task):
    """Learns the mean length of a text's words, or that of each word."""

    main_figure = "closeness"

    def __init__(self, *, level="text"):
        self.level = level

    def annotate(self, doc, row, labels):
        doc.user_data["lengths"] = [float(len(token)) for token in doc]

    def labels(self, docs):
        list(docs)
        return ["length"]

    def truths(self, docs, labels):
        lengths = [doc.user_data.get("lengths", [math.nan] * len(doc)) for doc in docs]
        if self.level == "text":
            lengths = [[sum(each) / max(1, len(each))] for each in lengths]
        return torch.tensor([x for each in lengths for x in each]).reshape(-1, 1)

    def set_predictions(self, docs, scores, labels):
        rows = iter(scores[:, 0].tolist())
        for doc in docs:
            count = 1 if self.level == "text" else len(doc)
            doc.user_data["said"] = [next(rows) for _ in range(count)]

    def score(self, examples):
        off = [
            np.abs(
                self.truths([e.reference], ["length"])[:, 0].numpy() - e.predicted.user_data["said"]
            )
            for e in examples
        ]
        return {"closeness": -float(np.concatenate(off).mean()), "texts": len(off)}

    def sample(self):
        return [Row(text, (), "sample") for text in TEXTS]


class Mean(Head):
    """A text's number from the mean of its vectors."""

    def __init__(self, input_width: int, output_width: int) -> None:
        super().__init__()
        self.output = nn.Linear(input_width, output_width)

    def forward(self, inputs, lengths):
        texts = inputs.split(lengths.tolist())
        means = [text.mean(0) if len(text) else text.new_zeros(inputs.shape[1]) for text in texts]
        return self.output(torch.stack(means) if means else inputs.new_zeros(0, inputs.shape[1]))

    def scores(self, logits):
        return logits

    def loss(self, logits, truths, lengths):
        return (logits - truths).nan_to_num().square().mean()


class EachWord(Mean):
    """A number for each word, which looks at the vectors alone."""

    level = "word"

    def forward(self, inputs, lengths):
        return self.output(inputs)


class SeesWords(Mean):
    """A number for each word: its length, and a weight that's learnt in the loss alone."""

    level = "word"
    sees_words = True

    def __init__(self, input_width: int, output_width: int) -> None:
        super().__init__(input_width, output_width)
        self.scale = nn.Parameter(torch.zeros(()))

    def forward(self, inputs, lengths, words):
        assert [len(text) for text in words] == lengths.tolist()
        sizes = torch.tensor([float(len(word)) for text in words for word in text])
        return sizes[:, None] + 0 * self.output(inputs)

    def loss(self, logits, truths, lengths):
        return (self.scale * logits - truths).square().mean()


def pipeline(head, level):
    nlp = spacy.blank("en")
    # By vectors of the words' own, so that they differ.
    for word in {token.text for text in TEXTS for token in nlp(text)}:
        nlp.vocab.set_vector(word, np.random.default_rng(len(word)).normal(size=4))
    pipe = TaskPipe(nlp.vocab, make_classifier(head=head), "lengths", Lengths(level=level))
    examples = []
    for text in TEXTS:
        example = Example(nlp(text), nlp(text))
        pipe.task.annotate(example.reference, Row(text, (), "x"), [])
        examples.append(example)
    torch.manual_seed(0)
    pipe.initialize(lambda: examples, nlp=nlp)
    return nlp, pipe, examples


@pytest.mark.parametrize(
    ("head", "level"), [(Mean, "text"), (EachWord, "word"), (SeesWords, "word")]
)
def test_loss_falls_and_predictions_stand_on_docs(head, level):
    nlp, pipe, examples = pipeline(head, level)
    optimizer = nlp.create_optimizer()
    optimizer.learn_rate = 0.02
    losses = [pipe.update(examples, sgd=optimizer)["lengths"] for _ in range(60)]
    assert losses[-1] < 0.7 * losses[0]
    docs = [nlp.make_doc(text) for text in TEXTS]
    assert [pipe(doc) for doc in docs] == docs
    assert [len(doc.user_data["said"]) for doc in docs] == [
        1 if level == "text" else len(doc) for doc in docs
    ]


@pytest.mark.parametrize(
    ("head", "level"), [(Mean, "text"), (EachWord, "word"), (SeesWords, "word")]
)
def test_loss_is_higher_where_the_inputs_are_moved(head, level):
    _, pipe, examples = pipeline(head, level)
    for parameter in pipe.model.get_ref("output_layer").shims[0].module.parameters():
        nn.init.constant_(parameter, 0.1)
    with perturbing(types.SimpleNamespace(pipeline=[("lengths", pipe)])) as perturb:
        first = pipe.update(examples)["lengths"]
        perturb(0.1)
        second = pipe.update(examples)["lengths"]
    # One head looks at the words alone.
    assert second > first if head is not SeesWords else second == first


def test_parameters_that_only_the_loss_uses_are_trained():
    nlp, pipe, examples = pipeline(SeesWords, "word")
    pipe.update(examples, sgd=nlp.create_optimizer())
    assert pipe.model.get_ref("output_layer").shims[0].module.scale.item() > 0


def test_score_has_the_figures_and_the_main_one():
    _, pipe, examples = pipeline(Mean, "text")
    for example in examples:
        pipe(example.predicted)
    scores = pipe.score(examples)
    name = pipe.name
    assert scores["task_score"] == scores[f"{name}_score"] == scores[f"{name}_closeness"] < 0
    assert scores[f"{name}_texts"] == len(TEXTS)


@pytest.mark.parametrize("head", [Mean, SeesWords])
def test_saved_component_predicts_the_same(head, tmp_path):
    level = head.level
    nlp, pipe, _ = pipeline(head, level)
    pipe.to_disk(tmp_path / "pipe")
    again = TaskPipe(nlp.vocab, make_classifier(head=head), "lengths", Lengths(level=level))
    again.from_disk(tmp_path / "pipe")
    docs = [nlp.make_doc(text) for text in TEXTS]
    np.testing.assert_array_equal(again.predict(docs), pipe.predict(docs))
    assert again.labels == ("length",)
    data = pipe.to_bytes()
    np.testing.assert_array_equal(again.from_bytes(data).predict(docs), pipe.predict(docs))


def test_no_texts_and_texts_without_words_are_predicted_and_learnt_from():
    nlp, pipe, examples = pipeline(Mean, "text")
    assert pipe.predict([]).shape == (0, 1)
    assert pipe.update(examples[-1:]) == {"lengths": 0.0}
    assert pipe(nlp.make_doc("")).user_data["said"]


def test_task_of_a_pipeline_is_that_of_its_components():
    nlp = spacy.blank("en")
    assert tasks_of(nlp) == {}
    nlp.add_pipe("textcat_multilabel", config={"threshold": 0.3})
    [task] = tasks_of(nlp).values()
    assert isinstance(task, TextClasses) and not task.exclusive and task.threshold == 0.3


def test_what_is_no_task_is_refused():
    nlp = spacy.blank("en")
    with pytest.raises(ConfigError, match="which is none: name one of @seqpipe_tasks"):
        nlp.add_pipe(
            "seqpipe_task",
            config={
                "task": {"@seqpipe_tokenizers": "seqpipe.Whitespace.v1"},
                "model": {"@architectures": "seqpipe.Head.v1", "head": None, "tok2vec": None},
            },
        )


def test_task_that_raises_is_named():
    _, pipe, examples = pipeline(Mean, "text")
    pipe.task.truths = functools.partial(int, "x")
    with pytest.raises(PluginError, match=r"Lengths.* raised .* while it made truths of docs"):
        pipe.update(examples)


def test_copy_of_a_model_that_sees_words_has_weights_of_its_own():
    class Plain(SeesWords):
        """Depends on its weights."""

        def forward(self, inputs, lengths, words):
            return self.output(inputs)

    nlp, pipe, _ = pipeline(Plain, "word")
    docs = [nlp.make_doc(text) for text in TEXTS]
    expected = pipe.predict(docs)
    copied = pipe.model.copy()
    for parameter in pipe.model.get_ref("output_layer").shims[0].module.parameters():
        parameter.data.zero_()
    np.testing.assert_array_equal(copied.predict(docs), expected)
    assert not pipe.predict(docs).any()


def test_task_of_ours_is_the_pipelines_whatever_comes_before_it():
    nlp, pipe, _ = pipeline(Mean, "text")
    nlp.add_pipe("textcat")
    nlp._components.append(("lengths", pipe))
    assert list(tasks_of(nlp).values()) == [pipe.task]


@pytest.mark.parametrize("labels", [[], "length", ["a", "a"], [3]])
def test_labels_that_cannot_be_used_are_refused_with_the_task(labels):
    nlp, pipe, examples = pipeline(Mean, "text")
    pipe.task.labels = lambda docs: labels
    with pytest.raises(PluginError, match=r"Lengths.* distinct strings as labels"):
        pipe.initialize(lambda: examples, nlp=nlp)


@pytest.mark.parametrize("truths", [np.zeros((5, 1)), torch.zeros(17, 1)])
def test_truths_of_another_form_are_refused_with_the_task(truths):
    _, pipe, examples = pipeline(Mean, "text")
    pipe.task.truths = lambda docs, labels: truths
    with pytest.raises(PluginError, match=r"Lengths.* should return the truths of 5 texts"):
        pipe.update(examples)

"""Tasks of words in spaCy: other tokens than the truth's, white space, several processes."""

import json

import numpy as np
import pytest
import spacy
import torch
from spacy.tokens import Doc
from spacy.training import Example

from seqpipe.adapters import make_corpus, make_encoder, make_task_model
from seqpipe.adapters._task_pipe import TaskPipe
from seqpipe.errors import ConfigError
from seqpipe.parts.heads import Crf, TextClassifier, TokenClassifier
from seqpipe.parts.readers import Jsonl
from seqpipe.tasks import Task
from seqpipe.tasks.words import Entities, TokenLabels


@pytest.fixture
def nlp():
    return spacy.blank("en")


def example(nlp, predicted, words, tags):
    return Example(Doc(nlp.vocab, words=predicted), Doc(nlp.vocab, words=words, tags=tags))


def make_pipe(nlp, task, head=TokenClassifier):
    return TaskPipe(nlp.vocab, make_task_model(make_encoder(), head), "task", task)


def test_truths_stand_at_the_tokens_of_the_doc_that_is_predicted(nlp):
    examples = [
        example(nlp, ["do", "n't", "go"], ["don't", "go"], ["A", "B"]),
        example(nlp, ["now", "cannot"], ["now", "can", "not"], ["B", "A", "A"]),
        example(nlp, ["a", "b"], ["a", "b"], ["A", ""]),
    ]
    nlp.vocab.vectors = spacy.vectors.Vectors(shape=(10, 8))
    pipe = make_pipe(nlp, TokenLabels())
    pipe.initialize(lambda: examples, nlp=nlp)
    assert pipe._truths(examples).tolist() == [-1, -1, 1, 1, -1, 0, -1]


@pytest.mark.parametrize("head", [TokenClassifier, Crf])
def test_pipeline_of_words_is_trained_beside_other_tokens(nlp, head):
    nlp.vocab.vectors = spacy.vectors.Vectors(shape=(10, 8))
    pipe = make_pipe(nlp, TokenLabels(), head)
    examples = [
        example(nlp, ["do", "n't", "go"], ["don't", "go"], ["A", "B"]),
        example(nlp, ["go"], ["go"], ["B"]),
        example(nlp, [], [], []),
    ]
    pipe.initialize(lambda: examples, nlp=nlp)
    losses = pipe.update(examples)
    assert np.isfinite(losses["task"])
    assert pipe.predict([each.predicted for each in examples]).shape == (4, 2)


def test_single_words_are_no_texts(nlp):
    nlp.vocab.vectors = spacy.vectors.Vectors(shape=(10, 8))
    examples = [example(nlp, ["do", "n't"], ["don't"], ["A"]), example(nlp, ["go"], ["go"], ["B"])]
    pipe = make_pipe(nlp, TokenLabels())
    pipe.initialize(lambda: examples, nlp=nlp)
    assert pipe._truths(examples).tolist() == [-1, -1, 1]


def test_head_of_texts_for_a_task_of_words_is_refused(nlp):
    nlp.vocab.vectors = spacy.vectors.Vectors(shape=(10, 8))
    examples = [example(nlp, ["a", "b"], ["a", "b"], ["A", "B"])]
    pipe = make_pipe(nlp, TokenLabels(), TextClassifier)
    pipe.initialize(lambda: examples, nlp=nlp)
    with pytest.raises(
        ConfigError, match=r"TokenLabels is about words, and the head .* scores texts"
    ):
        pipe.update(examples)


def test_gradient_of_an_older_head_of_words_is_by_its_scores(nlp):
    class Older(TokenClassifier):
        loss = None

        def grad_logits(self, scores, grad_scores):
            torch.testing.assert_close(scores.sum(1), torch.ones(len(scores)))
            return grad_scores

    class Shares(Task):
        main_figure = "none"

        def annotate(self, doc, row, labels): ...

        def labels(self, docs):
            return ["a", "b"]

        def truths(self, docs, labels):
            return torch.full((sum(map(len, docs)), 2), 0.5)

        def set_predictions(self, docs, scores, labels): ...

        def score(self, examples):
            return {"none": 0.0}

        def sample(self):
            return ()

    nlp.vocab.vectors = spacy.vectors.Vectors(shape=(10, 8))
    pipe = make_pipe(nlp, Shares(), Older)
    examples = [example(nlp, ["a", "b"], ["a", "b"], ["A", "B"])]
    pipe.initialize(lambda: examples, nlp=nlp)
    pipe.update(examples)


def test_entities_come_back_from_other_processes(nlp, tmp_path):
    nlp.vocab.vectors = spacy.vectors.Vectors(shape=(10, 8))
    pipe = nlp.add_pipe(
        "seqpipe_task",
        config={
            "model": {
                "@architectures": "seqpipe.Head.v1",
                "head": {"@seqpipe_heads": "seqpipe.Crf.v1"},
            },
            "task": {"@seqpipe_tasks": "seqpipe.Entities.v1"},
        },
    )
    doc = Doc(nlp.vocab, words=["in", "Bath"], ents=["O", "B-LOC"])
    examples = [Example(Doc(nlp.vocab, words=["in", "Bath"]), doc)]
    nlp.initialize(lambda: examples)
    for _ in range(60):
        nlp.update(examples)
    assert isinstance(pipe.task, Entities)
    docs = list(nlp.pipe(["in Bath", "in  Bath"], n_process=2))
    for each in docs:
        assert all(0 < entity._.confidence <= 1 for entity in each.ents)
        assert "entities" in each.spans


def test_text_with_a_number_for_its_class_is_left_out_if_it_may(nlp, tmp_path):
    path = tmp_path / "texts.jsonl"
    lines = [{"text": f"text {n}", "label": "ab"[n % 2]} for n in range(40)]
    lines[7]["label"] = 1.5
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    reader = Jsonl(path.as_posix(), on_bad_row="skip")
    corpus = make_corpus("train", {"train": 0.5, "dev": 0.5}, data=reader)
    data = corpus.read(nlp)
    assert sum(map(len, data.parts.values())) == 39
    assert "it has the number 1.5, which names no class" in data.skipped[0].problem

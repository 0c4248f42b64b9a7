"""Numbers that aren't finite end a training, with an error that says when, on what, and where from."""

import contextlib
import itertools
import json
import math
import re

import pytest
import spacy
import torch
from spacy.training import Example
from thinc.api import Adam, fix_random_seed

from seqpipe import __version__
from seqpipe.adapters import make_adamw, make_corpus, torch_shims
from seqpipe.errors import NotFiniteError, PluginError
from seqpipe.parts.readers import Jsonl
from seqpipe.training import Training, train

SPLIT = {"train": 0.5, "dev": 0.5}
ENCODER = {
    "@architectures": "seqpipe.Encoder.v1",
    "trained_width": 4,
    "trained_rows": 50,
    "encoder": {
        "@seqpipe_encoders": "seqpipe.Recurrent.v1",
        "width": 4,
        "cell": {"@seqpipe_cells": "seqpipe.GRU.v1"},
    },
}


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Return the train and the dev part of a few rows."""
    file = tmp_path_factory.mktemp("data") / "rows.jsonl"
    words = [("good", "pos"), ("bad", "neg")] * 8
    rows = [{"text": f"film {n} {w}", "label": label} for n, (w, label) in enumerate(words)]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return [make_corpus(part, SPLIT, data=Jsonl(path=str(file))) for part in SPLIT]


@pytest.fixture(scope="module")
def tags():
    """Return a corpus with tags in place of labels."""

    def read(nlp):
        for text in ("a film", "the film"):
            yield Example.from_dict(nlp.make_doc(text), {"tags": ["D", "N"]})

    return [read, read]


def run(nlp, corpora, **settings):
    """Train a pipeline to the end."""
    fix_random_seed(0)
    train_corpus, dev_corpus = corpora
    nlp.initialize(lambda: train_corpus(nlp))
    given = {
        "optimizer": make_adamw(0.01),
        "batcher": lambda examples: (
            iter(lambda: list(itertools.islice(it, 5)), []) if (it := iter(examples)) else None
        ),
        "train": train_corpus,
        "dev": dev_corpus,
        "dropout": 0.0,
        "max_epochs": 3,
        "max_steps": 0,
        "patience": 0,
        "eval_frequency": 2,
        "accumulate_gradient": 1,
        "score_weights": {"cats_micro_f": 1.0},
        "frozen": [],
        "annotating": [],
        "before_update": None,
        "before_to_disk": None,
    }
    return list(train(nlp, Training(**{**given, **settings})))


def classifier():
    nlp = spacy.blank("en")
    model = {"@architectures": "seqpipe.Classifier.v1", "tok2vec": ENCODER}
    nlp.add_pipe("textcat", config={"model": model})
    return nlp


def modules_of(nlp):
    return [shim.module for _, pipe in nlp.pipeline for shim in torch_shims(pipe)]


def at_step(number, change):
    """Return a callback that does something to a pipeline before a step."""
    return lambda nlp, where: change(nlp) if where["step"] == number - 1 else None


def break_cell(nlp):
    encoder, _ = modules_of(nlp)
    with torch.no_grad():
        next(encoder.encoder.layers.parameters()).fill_(math.nan)


def test_weight_that_is_nan_ends_the_training_with_its_step_rows_layer_and_advice(corpora):
    with pytest.raises(NotFiniteError) as error:
        run(classifier(), corpora, before_update=at_step(3, break_cell))
    said = str(error.value)
    assert said.startswith("the loss of 'textcat' is nan, in step 3 (epoch 2), on the rows ")
    assert said.count("rows.jsonl:") == 3 and " and 2 more; " in said
    assert (
        f"encoder.layers.0.0 (GRU) of 'textcat', seqpipe.GRU.v1 of seqpipe {__version__}: its weight "
        "'input_weight' isn't finite" in said
    )
    assert "set a smaller `learn_rate` than 0.0" in said and "`step_clip`" in said


@pytest.mark.parametrize("optimizer", [make_adamw(1e38, warmup=0.0), Adam(1e38, L2=0.0)])
def test_learning_rate_that_is_too_large_ends_the_training(corpora, optimizer):
    with pytest.raises(NotFiniteError, match=r"in step [23] \(epoch 1|after step"):
        run(classifier(), corpora, optimizer=optimizer)


def test_layer_that_gives_nan_from_finite_numbers_is_found(corpora):
    def break_head(nlp):
        _, head = modules_of(nlp)
        head.dropout.forward = lambda pooled: pooled * math.nan

    with pytest.raises(
        NotFiniteError,
        match=r"dropout \(Dropout\) of 'textcat', a part of seqpipe\.TextClassifier\.v1 of seqpipe "
        + re.escape(__version__)
        + ": its inputs and weights are finite",
    ):
        run(classifier(), corpora, before_update=at_step(1, break_head))


def test_gradient_that_is_nan_ends_the_training_before_a_weight_changes(corpora):
    nlp, kept = classifier(), {}

    def break_gradient(nlp):
        _, head = modules_of(nlp)
        own = head.loss
        head.loss = lambda *given: own(*given) * math.inf
        kept.update({name: weight.clone() for name, weight in head.state_dict().items()})

    with pytest.raises(
        NotFiniteError, match=r"the gradient isn't, from 'output.bias' of 'textcat' on back"
    ):
        run(nlp, corpora, before_update=at_step(2, break_gradient))
    _, head = modules_of(nlp)
    assert all(torch.equal(kept[name], weight) for name, weight in head.state_dict().items())


def test_gradient_is_checked_by_spacys_own_loop_too(corpora):
    nlp = classifier()
    nlp.initialize(lambda: corpora[0](nlp))
    for parameter in modules_of(nlp)[1].parameters():
        parameter.grad = torch.full_like(parameter, math.inf)
    with pytest.raises(NotFiniteError, match="the gradient of the weight"):
        nlp.update(list(corpora[0](nlp))[:2], sgd=make_adamw())


def test_engines_and_hooks_are_as_before_after_the_search(corpora):
    nlp = classifier()
    with contextlib.suppress(NotFiniteError):
        run(nlp, corpora, before_update=at_step(1, break_cell))
    for module in [each for root in modules_of(nlp) for each in root.modules()]:
        assert not module._forward_hooks
        assert getattr(module, "engine", None) is None


def test_weights_are_checked_before_a_model_is_chosen(corpora):
    def break_unused_row(nlp):
        encoder, _ = modules_of(nlp)
        with torch.no_grad():
            encoder.trained.weight[7] = math.nan  # the row of a word that no text has

    with pytest.raises(
        NotFiniteError, match=r"the weight 'trained\.weight' of 'textcat' isn't finite"
    ):
        run(classifier(), corpora, before_update=at_step(2, break_unused_row))


def test_spacys_tagger_above_our_encoder(tags):
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy.Tagger.v2", "tok2vec": ENCODER}
    nlp.add_pipe("tagger", config={"model": model})

    def break_softmax(nlp):
        node = nlp.get_pipe("tagger").model.get_ref("softmax")
        node.set_param("W", node.get_param("W") + math.nan)

    with pytest.raises(NotFiniteError, match=r"'softmax\.W' of 'tagger' isn't finite"):
        run(
            nlp,
            tags,
            before_update=at_step(2, break_softmax),
            score_weights={"tag_acc": 1.0},
        )


@pytest.mark.parametrize(
    ("score", "error", "says"),
    [
        (
            math.nan,
            NotFiniteError,
            r"the score 'mine' is nan, after step 1 \(epoch 1\), on the rows",
        ),
        (math.inf, NotFiniteError, "the score 'mine' is inf"),
        ("good", PluginError, "the score 'mine' .* is 'good', a str, and should be a number"),
    ],
)
def test_score_that_is_no_finite_number_ends_the_training(corpora, score, error, says):
    nlp = classifier()
    nlp.get_pipe("textcat").scorer = lambda examples, **settings: {"mine": score}
    with pytest.raises(error, match=says):
        run(nlp, corpora, score_weights={"mine": 1.0}, eval_frequency=1)


def test_buffer_that_is_infinite_on_purpose_is_no_weight(corpora):
    def add_mask(nlp):
        encoder, _ = modules_of(nlp)
        encoder.register_buffer("mask", torch.full((2, 2), -math.inf).triu(1))

    assert run(classifier(), corpora, before_update=at_step(1, add_mask))

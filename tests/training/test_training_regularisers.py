"""Adversarial passes and averaged weights, in the training of a real pipeline."""

import contextlib
import itertools
import json
import math
from dataclasses import replace

import pytest
import spacy
import torch
from spacy.util import load_model_from_config
from thinc.api import Adam, Config, fix_random_seed

from seqpipe.adapters import make_adamw, make_corpus, torch_shims
from seqpipe.errors import ConfigError, NotFiniteError
from seqpipe.parts.readers import Jsonl
from seqpipe.training import RandomState, Training, resolve_training, train

SPLIT = {"train": 0.5, "dev": 0.5}
CELL = {"@seqpipe_cells": "seqpipe.GRU.v1"}
ENCODER = {
    "@architectures": "seqpipe.Encoder.v1",
    "trained_width": 4,
    "trained_rows": 50,
    "encoder": {
        "@seqpipe_encoders": "seqpipe.Recurrent.v1",
        **{"width": 4, "dropout": 0.2, "engine": "plain", "cell": CELL},
    },
}
HEAD = {
    "@architectures": "seqpipe.Classifier.v1",
    "tok2vec": {"@architectures": "spacy.Tok2VecListener.v1", "width": 4, "upstream": "tok2vec"},
    "head": {"@seqpipe_heads": "seqpipe.TextClassifier.v1"},
}


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Return the train and the dev part of a few rows."""
    file = tmp_path_factory.mktemp("data") / "rows.jsonl"
    words = [("good", "pos"), ("bad", "neg")] * 8
    rows = [{"text": f"film {n} {w}", "label": label} for n, (w, label) in enumerate(words)]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return [make_corpus(part, SPLIT, data=Jsonl(path=str(file))) for part in SPLIT]


def batches(examples):
    iterator = iter(examples)
    while batch := list(itertools.islice(iterator, 4)):
        yield batch


def started(corpora, **settings):
    """Return a pipeline with its first weights, and a training of six steps."""
    train_corpus, dev_corpus = corpora
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    nlp.add_pipe("tok2vec", config={"model": ENCODER})
    nlp.add_pipe("textcat", config={"model": HEAD})
    nlp.initialize(lambda: train_corpus(nlp))
    training = Training(
        optimizer=make_adamw(0.05),
        batcher=batches,
        train=train_corpus,
        dev=dev_corpus,
        dropout=0.1,
        max_epochs=3,
        max_steps=0,
        patience=0,
        eval_frequency=2,
        accumulate_gradient=1,
        score_weights={"cats_micro_f": 1.0},
        frozen=[],
        annotating=[],
        before_update=None,
        before_to_disk=None,
    )
    return nlp, replace(training, **settings)


def weights_of(nlp):
    shims = [shim for _, pipe in nlp.pipeline for shim in torch_shims(pipe)]
    named = [pair for shim in shims for pair in shim.module.named_parameters()]
    return {name: parameter.detach().clone() for name, parameter in named}


def outcome(corpora, **settings):
    """Return each step's loss and weights, the last weights, and the state of the random generators."""
    nlp, training = started(corpora, **settings)
    steps = [(step.loss["textcat"], weights_of(nlp)) for step in train(nlp, training)]
    losses, weights = zip(*steps, strict=True)
    return losses, weights, nlp, RandomState.capture()


def assert_same(found, expected, **tolerance):
    torch.testing.assert_close(found, expected, **(tolerance or {"rtol": 0, "atol": 0}))


def test_zeros_change_neither_weights_nor_random_numbers(corpora):
    losses, weights, _, state = outcome(corpora)
    zeros = {"adversarial": 0.0, "optimizer": make_adamw(0.05, average=0.0)}
    again, same, _, same_state = outcome(corpora, **zeros)
    assert again == losses
    assert_same(same, weights)
    assert state.python == same_state.python and torch.equal(state.torch, same_state.torch)


def test_averages_stand_in_between_steps_and_the_training_goes_on_without_them(corpora):
    _, start = started(corpora)[0], weights_of(started(corpora)[0])
    losses, weights, plain, _ = outcome(corpora)
    found, averages, nlp, _ = outcome(corpora, optimizer=make_adamw(0.05, average=0.6))
    assert found == losses and len(losses) == 6
    assert_same(weights_of(nlp), weights_of(plain))
    mean = start
    for step, (own, average) in enumerate(zip(weights, averages, strict=True), start=1):
        decay = min(0.6, (1 + step) / (10 + step))
        mean = {name: decay * mean[name] + (1 - decay) * own[name] for name in mean}
        assert_same(average, mean, rtol=1e-5, atol=1e-6)


def test_saved_model_and_its_score_are_those_of_the_averages(corpora, tmp_path):
    nlp, training = started(corpora, optimizer=make_adamw(0.05, average=0.9))
    seen = []
    for step in train(nlp, training):
        if step.is_best:
            nlp.to_disk(tmp_path)
            seen.append((weights_of(nlp), step.score))
    loaded = spacy.load(tmp_path)
    assert_same(weights_of(loaded), seen[-1][0])
    assert loaded.evaluate(list(training.dev(loaded)))["cats_micro_f"] == seen[-1][1]
    shims = [shim for _, pipe in nlp.pipeline for shim in torch_shims(pipe)]
    kept = {
        name: training.optimizer.averages[shim.id, name]
        for shim in shims
        for name, _ in shim.module.named_parameters()
    }
    assert_same(kept, seen[-1][0])
    assert any(not torch.equal(kept[name], each) for name, each in weights_of(nlp).items())


def test_training_that_is_left_early_has_its_own_weights(corpora):
    _, weights, *_ = outcome(corpora)
    nlp, training = started(corpora, optimizer=make_adamw(0.05, average=0.9))
    steps = train(nlp, training)
    next(steps)
    steps.close()
    assert_same(weights_of(nlp), weights[0])


def test_averages_of_thincs_optimizers_stand_in_too(corpora):
    _, plain, *_ = outcome(corpora, optimizer=Adam(0.05, use_averages=False))
    _, averages, *_ = outcome(corpora, optimizer=Adam(0.05))
    assert any(not torch.equal(averages[-1][name], each) for name, each in plain[-1].items())


def test_adversarial_pass_changes_the_weights_and_not_the_loss_of_the_first_pass(corpora):
    losses, weights, *_ = outcome(corpora)
    found, changed, nlp, _ = outcome(corpora, adversarial=0.5)
    again, same, *_ = outcome(corpora, adversarial=0.5)
    assert found[0] == losses[0] and found[-1] != losses[-1]
    assert any(not torch.equal(changed[-1][name], each) for name, each in weights[-1].items())
    assert found == again
    assert_same(same, changed)
    modules = [shim.module for _, pipe in nlp.pipeline for shim in torch_shims(pipe)]
    assert not any(each._forward_pre_hooks for module in modules for each in module.modules())


def test_second_pass_moves_what_the_first_one_saw(corpora, monkeypatch):
    calls = []

    @contextlib.contextmanager
    def perturbing(nlp):
        calls.append("begin")
        yield lambda size: calls.append(size)
        calls.append("end")

    nlp, training = started(corpora, adversarial=0.25, accumulate_gradient=2, max_steps=1)

    def update(batch, **settings):
        calls.append(len(batch))
        return type(nlp).update(nlp, batch, **settings)

    monkeypatch.setattr("seqpipe.training._loop.perturbing", perturbing)
    monkeypatch.setattr("seqpipe.training._loop._only_reads", lambda component: False)
    monkeypatch.setattr(nlp, "update", update)
    assert len(list(train(nlp, training))) == 1
    assert calls == ["begin", 2, 0.25, 2, "end"] * 2


def test_moved_inputs_that_overflow_end_the_training(corpora):
    nlp, training = started(corpora, adversarial=1e300)
    with pytest.raises(NotFiniteError, match=r"is nan, in step 2 .* a smaller `adversarial`"):
        list(train(nlp, training))


@pytest.mark.parametrize("value", [-0.1, math.inf, math.nan])
def test_adversarial_that_is_no_distance_is_refused(corpora, value):
    nlp, training = started(corpora, adversarial=value)
    with pytest.raises(ConfigError, match=f"`adversarial` is {value}"):
        next(train(nlp, training))


def test_adversarial_without_an_encoder_that_is_trained_is_refused(corpora):
    frozen = {"frozen": ["tok2vec"], "annotating": ["tok2vec"]}
    nlp, training = started(corpora, adversarial=0.5, **frozen)
    with pytest.raises(ConfigError, match=r"`adversarial` is 0\.5, and no component"):
        next(train(nlp, training))
    assert list(train(nlp, replace(training, adversarial=0.0)))


@pytest.mark.parametrize(("given", "found"), [({}, 0.0), ({"adversarial": 1}, 1)])
def test_adversarial_comes_from_the_configuration(given, found):
    reader = {"@readers": "spacy.JsonlCorpus.v1", "path": "rows.jsonl"}
    corpora = {"train": reader, "dev": reader}
    config = Config({"nlp": {"lang": "xx"}, "corpora": corpora})
    nlp = load_model_from_config(config, auto_fill=True)
    nlp.config["training"].update(given)
    assert resolve_training(nlp.config.interpolate()).adversarial == found

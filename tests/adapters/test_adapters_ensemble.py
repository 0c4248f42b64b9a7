"""Ensembles: encoders side by side, each with a head of its own."""

import functools

import numpy as np
import pytest
import torch
from adapter_examples import docs_of, vectors_nlp
from spacy.training import Example
from torch import nn

from seqpipe.adapters import (
    make_classifier,
    make_encoder,
    make_task_model,
    make_weigh_classes,
    perturbing,
)
from seqpipe.adapters._classifier import Truths, make_head
from seqpipe.adapters._ensemble import EncoderEnsemble, HeadEnsemble
from seqpipe.errors import ConfigError, PluginError
from seqpipe.parts.cells import GRU
from seqpipe.parts.encoders import Recurrent
from seqpipe.parts.heads import Crf, Head, TextClassifier, TokenClassifier, loss_gradient
from seqpipe.plugins import Owner, Part, note_maker

TEXTS = ["good film", "", "the film was bad bad bad", "nice"]
SMALL = functools.partial(Recurrent, cell=GRU, width=4)
LENGTHS = torch.tensor([2, 0, 3])
HEADS = {
    "text": functools.partial(TextClassifier, pool=["mean", "attention"]),
    "samples": functools.partial(TextClassifier, dropout=0.5, dropout_samples=2),
    "words": TokenClassifier,
    "crf": functools.partial(Crf, dropout=0.0),
}


def randomized(module):
    """Give weights that start at zero other values."""
    torch.manual_seed(1)
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    return module


def test_encoders_read_the_same_vectors_and_differ():
    torch.manual_seed(0)
    encoder = EncoderEnsemble(SMALL, 3, 5)
    inputs = torch.randn(5, 5)
    outputs = encoder(inputs, LENGTHS)
    assert outputs.shape == (5, encoder.width) == (5, 12)
    for part, member in zip(outputs.chunk(3, dim=1), encoder.members, strict=True):
        torch.testing.assert_close(part, member(inputs, LENGTHS), rtol=0, atol=0)
    assert not torch.equal(outputs[:, :4], outputs[:, 4:8])


@pytest.mark.parametrize("name", HEADS)
def test_predictions_are_the_mean_of_the_logits(name):
    head = randomized(HeadEnsemble(HEADS[name], 2, 8, 3)).eval()
    inputs = torch.randn(5, 8)
    alone = [m(x, LENGTHS) for m, x in zip(head.members, inputs.chunk(2, 1), strict=True)]
    logits = head(inputs, LENGTHS)
    torch.testing.assert_close(logits, (alone[0] + alone[1]) / 2)
    expected = head.members[0].sequence_scores(logits, LENGTHS)
    torch.testing.assert_close(head.sequence_scores(logits, LENGTHS), expected)


@pytest.mark.parametrize("name", ["text", "words", "crf"])
def test_each_head_learns_from_its_own_mistakes(name):
    head = randomized(HeadEnsemble(HEADS[name], 2, 8, 3)).train()
    inputs = torch.randn(5, 8)
    truths = torch.eye(3) if name == "text" else torch.tensor([0, 2, 1, -1, 0])
    dropouts = [m for m in head.modules() if isinstance(m, nn.Dropout)]
    for dropout in dropouts:
        dropout.p = 0.0
    logits = head(inputs, LENGTHS)
    loss, gradient = loss_gradient(head, logits, truths, LENGTHS)
    losses = []
    for number, part in enumerate(inputs.chunk(2, 1)):
        # The transitions of a CRF are those of the first.
        alone = head.members[number](part, LENGTHS).detach().requires_grad_()
        losses.append(head.members[0].loss(alone, truths, LENGTHS))
        losses[-1].backward()
        torch.testing.assert_close(gradient[number] * 2, alone.grad)
    torch.testing.assert_close(loss, torch.stack(losses).mean())


def test_samples_of_all_members_stand_below_each_other():
    head = HeadEnsemble(HEADS["samples"], 3, 12, 2).train()
    assert head(torch.randn(5, 12), LENGTHS).shape == (6, 3, 2)


@pytest.mark.parametrize("make", [make_classifier, make_task_model])
def test_model_of_an_ensemble_learns_and_is_copied(make):
    nlp = vectors_nlp()
    torch.manual_seed(0)
    encoder = make_encoder(SMALL, ensemble=2, trained_width=2)
    head = TextClassifier if make is make_classifier else Crf
    model = make(encoder, head, ensemble=2)
    docs = docs_of(nlp, TEXTS)
    rows = len(TEXTS) if make is make_classifier else sum(map(len, docs))
    model.initialize(X=docs, Y=np.zeros((rows, 3), dtype="f"))
    assert model.get_ref("tok2vec").get_dim("nO") == 8
    before = model.to_bytes()
    scores, backprop = model.begin_update(docs)
    assert scores.shape[-1] == 3
    truths = np.eye(3, dtype="f")[[0, 1, 2, 0]]
    backprop(
        scores - truths if make is make_classifier else Truths(torch.zeros(rows, dtype=torch.int64))
    )
    gradients = [p.grad for m in model.walk() for s in m.shims for p in s.module.parameters()]
    assert any(g is not None and g.any() for g in gradients)
    copied = model.copy().from_bytes(before)
    np.testing.assert_array_equal(copied.predict(docs), model.predict(docs))


class Older(TextClassifier):
    """A head as they were before they had a loss."""

    loss = Head.loss

    def grad_logits(self, scores, grad_scores):
        return grad_scores


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: make_encoder(ensemble=0), "`ensemble` is 0; at least 1"),
        (lambda: make_task_model(ensemble=-1), "`ensemble` is -1; at least 1"),
        (lambda: HeadEnsemble(TextClassifier, 3, 8, 2), "the encoder needs the same `ensemble`"),
        (lambda: HeadEnsemble(Older, 2, 8, 2), "Older has no `loss`"),
    ],
)
def test_ensembles_that_cannot_be_are_refused(make, says):
    with pytest.raises(ConfigError, match=says) as error:
        make()
    assert error.value.setting == "ensemble"


@pytest.mark.parametrize(
    "settings", [{"class_weights": {"a": 2.0}}, {"focal": 2.0}, {"dropout_samples": 3}]
)
def test_what_a_head_is_trained_by_goes_with_ensembles(settings):
    """Labels are learnt, whatever the loss is made of, with inputs that are moved to where it's higher."""
    nlp = vectors_nlp()
    host = {name: settings.pop(name) for name in ("class_weights",) if name in settings}
    head = {"@seqpipe_heads": "seqpipe.TextClassifier.v2", **settings}
    encoder = {"@seqpipe_encoders": "seqpipe.Recurrent.v1", "width": 8}
    encoder["cell"] = {"@seqpipe_cells": "seqpipe.GRU.v1"}
    tok2vec = {"@architectures": "seqpipe.Encoder.v1", "encoder": encoder, "ensemble": 2}
    model = {"@architectures": "seqpipe.Classifier.v1", "tok2vec": tok2vec, "head": head, **host}
    nlp.add_pipe("textcat", config={"model": {**model, "ensemble": 2}})
    truths = {"good": {"a": 1.0, "b": 0.0}, "bad": {"a": 0.0, "b": 1.0}}
    examples = [Example.from_dict(nlp.make_doc(t), {"cats": cats}) for t, cats in truths.items()]
    optimizer = nlp.initialize(lambda: examples)
    make_weigh_classes(lambda _: examples)(nlp)
    for _ in range(30):
        with perturbing(nlp) as perturb:
            nlp.update(examples, sgd=False)
            perturb(0.1)
            nlp.update(examples, sgd=False)
        nlp.get_pipe("textcat").finish_update(optimizer)
    assert [max(nlp(t).cats, key=nlp(t).cats.get) for t in truths] == ["a", "b"]


def test_part_that_breaks_its_contract_is_named_in_an_ensemble():
    class Narrow(TextClassifier):
        def forward(self, inputs, lengths):
            return super().forward(inputs, lengths)[..., :1]

    factory = functools.partial(Narrow)
    note_maker(factory, Part("heads", "acme.Narrow.v1", type(factory), Owner("acme-parts", "1.2")))
    inputs = [np.ones((2, 4), dtype="f")]
    model = make_head(factory, 2)
    model.initialize(inputs, np.eye(1, 2, dtype="f"))
    with pytest.raises(PluginError, match=r"acme\.Narrow\.v1 of acme-parts 1\.2 returned"):
        model.predict(inputs)

"""The classifier's model: exact gradients, ragged batches."""

import functools

import numpy as np
import pytest
import torch
from adapter_examples import docs_of, vectors_nlp
from thinc.api import Model

from seqpipe.adapters import make_classifier, make_encoder
from seqpipe.adapters._classifier import _gradient
from seqpipe.parts.cells import LSTM
from seqpipe.parts.encoders import Recurrent
from seqpipe.parts.heads import TextClassifier

TEXTS = ["good film", "", "the film was bad bad bad", "nice"]


@pytest.fixture
def nlp():
    return vectors_nlp()


def initialized(nlp, labels=3, **settings):
    torch.manual_seed(0)
    encoder = make_encoder(functools.partial(Recurrent, cell=LSTM, width=8), trained_width=3)
    head = functools.partial(TextClassifier, **{"pool": ["mean", "max", "attention"], **settings})
    model = make_classifier(encoder, head)
    model.initialize(X=docs_of(nlp, TEXTS), Y=np.zeros((len(TEXTS), labels), dtype="f"))
    # Weights of the output start at zero, which would hide every gradient below it.
    torch.nn.init.normal_(model.layers[1].shims[0].module.output.weight)
    return model


def truths(labels=3):
    return np.eye(labels, dtype="f")[[0, 1, 2, 0]]


@pytest.mark.parametrize("exclusive", [True, False])
def test_gradients_equal_those_of_torch(nlp, exclusive):
    model = initialized(nlp, exclusive=exclusive)
    docs = docs_of(nlp, TEXTS)
    scores, backprop = model.begin_update(docs)
    backprop(scores - truths())
    encoder, head = (layer.shims[0].module for layer in model.layers)
    parameters = {**dict(encoder.named_parameters()), **dict(head.named_parameters())}
    gradients = {name: p.grad.clone() for name, p in parameters.items()}
    for module in (encoder, head):
        module.zero_grad()
    loss_in_torch(encoder, head, docs, exclusive).backward()
    torch.testing.assert_close(gradients, {n: p.grad for n, p in parameters.items()})
    assert all(gradient.any() for name, gradient in gradients.items() if name != "pools.2.key.bias")


def loss_in_torch(encoder, head, docs, exclusive):
    tokens = [token for doc in docs for token in doc]
    fixed = torch.from_numpy(np.array([token.vector for token in tokens]))
    hashes = torch.tensor([token.lower // 2 for token in tokens])
    lengths = torch.tensor([len(doc) for doc in docs])
    logits = head(encoder(fixed, hashes, hashes, lengths), lengths)
    if exclusive:
        return torch.nn.functional.cross_entropy(logits, torch.from_numpy(truths()))
    losses = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, torch.from_numpy(truths()), reduction="sum"
    )
    return losses / len(docs)


@pytest.mark.parametrize("exclusive", [True, False])
def test_text_alone_scores_as_in_a_batch(nlp, exclusive):
    model = initialized(nlp, exclusive=exclusive)
    docs = docs_of(nlp, TEXTS)
    together = model.predict(docs)
    alone = np.concatenate([model.predict([doc]) for doc in docs])
    np.testing.assert_allclose(together, alone, atol=1e-6, rtol=0)
    np.testing.assert_allclose(model.begin_update(docs)[0], together, atol=1e-6)


def test_exclusive_scores_add_up_to_one(nlp):
    model = initialized(nlp)
    np.testing.assert_allclose(model.predict(docs_of(nlp, TEXTS)).sum(1), 1, atol=1e-6)


@pytest.mark.parametrize("texts", [[], [""], ["", ""]])
def test_batch_without_words_is_fine(nlp, texts):
    model = initialized(nlp)
    docs = docs_of(nlp, texts)
    assert model.predict(docs).shape == (len(texts), 3)
    scores, backprop = model.begin_update(docs)
    backprop(scores)


def test_sizes_come_from_the_data(nlp):
    model = initialized(nlp, labels=5)
    assert model.get_dim("nO") == 5
    assert model.predict(docs_of(nlp, ["good"])).shape == (1, 5)


def test_defaults_make_a_model(nlp):
    model = make_classifier()
    model.initialize(X=docs_of(nlp, ["good"]), Y=np.zeros((1, 2), dtype="f"))
    np.testing.assert_allclose(model.predict(docs_of(nlp, ["good"])), [[0.5, 0.5]])


def test_head_stands_on_any_tok2vec(nlp):
    def forward(model, docs, is_train):
        outputs = [np.ones((len(doc), 4), dtype="f") for doc in docs]
        return outputs, gradients.append

    gradients = []
    model = make_classifier(Model("ones", forward))
    docs = docs_of(nlp, TEXTS)
    model.initialize(X=docs, Y=truths())
    scores, backprop = model.begin_update(docs)
    backprop(scores - truths())
    assert [d.shape for d in gradients[0]] == [(2, 4), (0, 4), (6, 4), (1, 4)]


def test_model_returns_from_bytes(nlp):
    model = initialized(nlp)
    encoder = make_encoder(functools.partial(Recurrent, cell=LSTM, width=8), trained_width=3)
    head = functools.partial(TextClassifier, pool=["mean", "max", "attention"])
    other = make_classifier(encoder, head).from_bytes(model.to_bytes())
    docs = docs_of(nlp, TEXTS)
    np.testing.assert_array_equal(other.predict(docs), model.predict(docs))


def test_layers_are_found_by_the_names_that_spacy_gives_them():
    encoder = make_encoder(trained_width=4)
    model = make_classifier(encoder)
    assert model.get_ref("tok2vec") is encoder
    assert model.get_ref("output_layer") is model.layers[1]


@pytest.mark.parametrize(("exclusive", "learns"), [(True, False), (False, True)])
def test_text_without_classes_is_learnt_from_only_where_it_may_have_none(exclusive, learns):
    head = TextClassifier(2, 2, exclusive=exclusive)
    # As at first: two sigmoids of 0.5 add up to 1 too.
    logits = torch.zeros(1, 2)
    scores = head.scores(logits)
    d_scores = scores.numpy().copy()
    gradient = _gradient(head, logits, scores, torch.tensor([1]), d_scores, torch.device("cpu"))
    assert bool(gradient.abs().max() > 0) == learns

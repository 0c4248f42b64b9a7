"""Tuning the vocabulary's vectors with the encoder."""

import numpy as np
import pytest
import spacy
import torch
from adapter_examples import Letters, Same, docs_of, vectors_nlp

from seqpipe.adapters import make_encoder, make_vectors
from seqpipe.errors import ConfigError


def model_of(nlp, **settings):
    model = make_encoder(encoder=Same, **settings)
    model.initialize(X=docs_of(nlp, ["good film"]))
    return model


def nlp_with(*embedders):
    nlp = spacy.blank("en")
    for embedder in embedders:
        embedder.fit([["good", "film", "bad"]])
    named = {f"e{number}": embedder for number, embedder in enumerate(embedders)}
    nlp.vocab.vectors = make_vectors(embedders=named)(nlp.vocab)
    return nlp


def push(model, docs):
    """Move the output of each word up by a step of plain gradient descent."""
    outputs, backprop = model.begin_update(docs)
    backprop([-np.ones_like(output) for output in outputs])
    for parameter in model.shims[0].module.parameters():
        parameter.data -= parameter.grad
        parameter.grad = None


def test_untrained_offsets_change_nothing():
    nlp = vectors_nlp()
    docs = docs_of(nlp, ["good film unheard"])
    plain, tuned = (model_of(nlp, tune=tune).predict(docs)[0] for tune in (False, True))
    np.testing.assert_array_equal(plain, tuned)


def test_known_words_are_tuned_and_unknown_ones_are_not():
    nlp = vectors_nlp()
    docs = docs_of(nlp, ["good unheard good film"])
    model = model_of(nlp, tune=True)
    before = model.predict(docs)[0].copy()
    push(model, docs)
    # "good" is there twice, so it's moved twice as far.
    moved = model.predict(docs)[0] - before
    np.testing.assert_allclose(moved, np.outer([2, 0, 2, 1], np.ones(6)), atol=1e-6)


def test_word_known_in_lower_case_is_tuned_by_that_form():
    nlp = vectors_nlp()
    model = model_of(nlp, tune=True)
    push(model, docs_of(nlp, ["good"]))
    docs = docs_of(nlp, ["Good GOOD bad"])
    moved = model.predict(docs)[0] - model_of(nlp).predict(docs)[0]
    np.testing.assert_allclose(moved, np.outer([1, 1, 0], np.ones(6)), atol=1e-6)


def test_one_of_several_embedders_is_tuned():
    nlp = nlp_with(Letters(2), Letters(3), Letters(4))
    docs = docs_of(nlp, ["good"])
    model = model_of(nlp, tune=["e1"])
    before = model.predict(docs)[0].copy()
    push(model, docs)
    moved = model.predict(docs)[0] - before
    np.testing.assert_allclose(moved, [[0, 0, 1, 1, 1, 0, 0, 0, 0]], atol=1e-6)


def test_most_frequent_words_are_tuned_where_there_are_too_many():
    nlp = vectors_nlp()
    assert len(model_of(nlp, tune=True, tuned_words=3).shims[0].module.offsets.keys) == 3


def test_tuned_model_is_the_same_once_saved():
    nlp = vectors_nlp()
    docs = docs_of(nlp, ["good film unheard"])
    model = model_of(nlp, tune=True, trained_width=2)
    push(model, docs)
    read = make_encoder(encoder=Same, tune=True, trained_width=2).from_bytes(model.to_bytes())
    np.testing.assert_array_equal(read.predict(docs)[0], model.predict(docs)[0])


def test_gradients_of_offsets_equal_finite_differences():
    nlp = vectors_nlp()
    module = model_of(nlp, tune=True).shims[0].module.offsets.double()
    keys = module.keys[torch.tensor([2, 0, 2])]
    vectors = torch.randn(3, 6, dtype=torch.float64, requires_grad=True)
    module.weight.data.normal_()
    torch.autograd.gradcheck(
        lambda v, w: torch.func.functional_call(module, {"weight": w}, (v, keys, keys)),
        (vectors, module.weight),
    )


@pytest.mark.parametrize(
    ("embedders", "tune"),
    [([Letters()], ["e1"]), ([Letters(), Letters(), Letters()], ["e0", "e2"])],
)
def test_embedders_that_cannot_be_tuned_are_refused(embedders, tune):
    with pytest.raises(ConfigError, match="`tune` names the embedders"):
        model_of(nlp_with(*embedders), tune=tune)


def test_nothing_to_tune_is_refused():
    nlp = spacy.blank("en")
    nlp.vocab.reset_vectors(width=5)
    with pytest.raises(ConfigError, match="know no word to tune"):
        model_of(nlp, tune=True)


def test_no_words_at_the_most_are_refused():
    with pytest.raises(ConfigError, match="tuned_words"):
        make_encoder(tune=True, tuned_words=0)

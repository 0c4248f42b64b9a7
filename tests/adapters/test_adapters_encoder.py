"""The encoder as spaCy's tok2vec: exact gradients, ragged batches, every kind of vector table."""

import functools

import numpy as np
import pytest
import spacy
import torch
from adapter_examples import WORDS, docs_of, vectors_nlp
from spacy.pipeline.tok2vec import Tok2Vec, Tok2VecListener
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vectors import Vectors
from thinc.api import NumpyOps

from seqpipe.adapters import _encoder, make_encoder, update_encoder
from seqpipe.errors import ConfigError
from seqpipe.parts.cells import GRU, LSTM
from seqpipe.parts.encoders import Recurrent

TEXTS = ["good film", "", "the film was bad bad bad", "nice"]
SMALL = functools.partial(Recurrent, cell=GRU, width=8)


def initialized(nlp, **settings):
    torch.manual_seed(0)
    model = make_encoder(**{"encoder": SMALL, **settings})
    model.initialize(X=docs_of(nlp, ["good film"]))
    return model


@pytest.fixture
def nlp():
    return vectors_nlp()


@pytest.mark.parametrize("trained_width", [0, 5])
def test_output_has_a_row_for_each_token(nlp, trained_width):
    model = initialized(nlp, trained_width=trained_width)
    assert [y.shape for y in model.predict(docs_of(nlp, TEXTS))] == [(2, 8), (0, 8), (6, 8), (1, 8)]
    assert model.get_dim("nO") == 8


@pytest.mark.parametrize("trained_width", [0, 5])
def test_text_alone_equals_text_in_a_batch(nlp, trained_width):
    model = initialized(nlp, trained_width=trained_width)
    docs = docs_of(nlp, TEXTS)
    for doc, together in zip(docs, model.predict(docs), strict=True):
        alone = model.predict([doc])[0]
        np.testing.assert_allclose(together, alone, atol=1e-6, rtol=0)


@pytest.mark.parametrize("texts", [[], [""], ["", ""]])
def test_batch_without_words_is_fine(nlp, texts):
    model = initialized(nlp, trained_width=3)
    docs = docs_of(nlp, texts)
    assert [y.shape for y in model.predict(docs)] == [(0, 8)] * len(texts)
    outputs, backprop = model.begin_update(docs)
    assert backprop(outputs) == []


def test_gradients_equal_those_of_torch(nlp):
    model = initialized(nlp, trained_width=5)
    docs = docs_of(nlp, TEXTS)
    outputs, backprop = model.begin_update(docs)
    weights = [
        np.random.default_rng(i).normal(size=y.shape).astype("f") for i, y in enumerate(outputs)
    ]
    assert backprop(weights) == []
    module = model.shims[0].module
    gradients = {name: p.grad.clone() for name, p in module.named_parameters()}
    module.zero_grad()
    module(*plain_inputs(docs)).backward(torch.from_numpy(np.concatenate(weights)))
    torch.testing.assert_close(gradients, {n: p.grad for n, p in module.named_parameters()})
    assert all(gradient.any() for gradient in gradients.values())


def plain_inputs(docs):
    tokens = [token for doc in docs for token in doc]
    fixed = torch.from_numpy(np.array([token.vector for token in tokens]))
    # The half of the hash is taken in Python's own numbers.
    keys = torch.tensor([token.orth // 2 for token in tokens])
    lower = torch.tensor([token.lower // 2 for token in tokens])
    return fixed, keys, lower, torch.tensor([len(doc) for doc in docs])


def test_training_and_prediction_agree(nlp):
    model = initialized(nlp, trained_width=2)
    docs = docs_of(nlp, TEXTS)
    for trained, predicted in zip(model.begin_update(docs)[0], model.predict(docs), strict=True):
        np.testing.assert_allclose(trained, predicted, atol=1e-6)


def inputs_of(model, docs):
    """Return what the module is given for some docs: vectors, keys, lower-cased keys and lengths."""
    seen = []
    module = model.shims[0].module
    handle = module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs))
    model.predict(docs)
    handle.remove()
    vectors, keys, lower, lengths, *_, places = seen[0]
    if places is None:
        return [tensor.numpy() for tensor in (vectors, keys, lower, lengths)]
    # Each word is there once.
    assert len(keys.unique()) == len(keys)
    return [tensor.numpy() for tensor in (vectors[places], keys[places], lower[places], lengths)]


def test_unknown_words_have_zeros_and_known_ones_their_row(nlp):
    # The last row of the table is no word's stand-in.
    fixed, _, _, lengths = inputs_of(initialized(nlp), docs_of(nlp, ["was unheard-of good", "was"]))
    table = {word: nlp.vocab.vectors[nlp.vocab.strings[word]] for word in WORDS}
    zeros = np.zeros(6, dtype="float32")
    np.testing.assert_array_equal(fixed, [table["was"], zeros, table["good"], table["was"]])
    assert lengths.tolist() == [3, 1]


def test_empty_table_that_has_a_width_gives_zeros():
    nlp = spacy.blank("en")
    nlp.vocab.reset_vectors(width=5)
    fixed, *_ = inputs_of(initialized(nlp), docs_of(nlp, ["any word"]))
    np.testing.assert_array_equal(fixed, np.zeros((2, 5)))


def test_table_of_lower_cased_words_is_asked_for_those(nlp):
    data = nlp.vocab.vectors.data
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, data=data, keys=WORDS, attr="LOWER")
    fixed, *_ = inputs_of(initialized(nlp), docs_of(nlp, ["GOOD good Good"]))
    np.testing.assert_array_equal(fixed, [data[0]] * 3)


def test_floret_table_gives_its_own_vectors():
    nlp = spacy.blank("en")
    data = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
    nlp.vocab.vectors = Vectors(
        strings=nlp.vocab.strings, data=data, mode="floret", minn=2, maxn=3, hash_count=2
    )
    docs = docs_of(nlp, ["never seen before", "", "seen"])
    fixed, *_ = inputs_of(initialized(nlp), docs)
    np.testing.assert_allclose(fixed, [token.vector for doc in docs for token in doc], atol=1e-6)
    assert fixed.any(axis=1).all()
    assert initialized(nlp).predict(docs_of(nlp, [""]))[0].shape == (0, 8)


def test_trained_vectors_go_by_the_lower_cased_word(nlp):
    _, _, hashes, _ = inputs_of(initialized(nlp, trained_width=2), docs_of(nlp, ["Film film was"]))
    assert hashes[0] == hashes[1] != hashes[2]
    assert (hashes >= 0).all()


def test_trained_vectors_stand_alone_without_a_table():
    nlp = spacy.blank("en")
    model = initialized(nlp, trained_width=7, trained_rows=11)
    assert model.shims[0].module.trained.weight.shape == (11, 7)
    assert model.predict(docs_of(nlp, ["any words"]))[0].shape == (2, 8)


def test_no_vectors_at_all_is_refused():
    with pytest.raises(ConfigError, match="trained_width"):
        initialized(spacy.blank("en"))


def test_encoder_has_a_default():
    nlp = spacy.blank("en")
    model = make_encoder(trained_width=4)
    assert model.get_dim("nO") == 128
    model.initialize(X=docs_of(nlp, ["a"]))
    (forwards, _backwards), *rest = model.shims[0].module.encoder.layers
    assert isinstance(forwards, LSTM) and not rest


def test_width_of_the_output_is_known_before_and_after_initialisation(nlp):
    assert make_encoder(SMALL).get_dim("nO") == 8
    late = make_encoder(lambda input_width: SMALL(input_width))
    assert late.has_dim("nO") is None
    late.initialize(X=docs_of(nlp, ["good"]))
    assert late.get_dim("nO") == 8


def test_model_returns_from_bytes(nlp):
    model = initialized(nlp, trained_width=3)
    other = make_encoder(SMALL, trained_width=3).from_bytes(model.to_bytes())
    docs = docs_of(nlp, TEXTS)
    for expected, got in zip(model.predict(docs), other.predict(docs), strict=True):
        np.testing.assert_array_equal(expected, got)


def test_doc_without_vectors_of_a_longer_text_is_read_whole(nlp):
    doc = Doc(nlp.vocab, words=["good"] * 500)
    assert initialized(nlp).predict([doc])[0].shape == (500, 8)


def test_vectors_given_after_initialisation_change_nothing():
    blank, other = spacy.blank("en"), vectors_nlp()
    model = initialized(blank, trained_width=5)
    docs = docs_of(blank, TEXTS)
    before = model.predict(docs)
    blank.vocab.vectors = other.vocab.vectors
    blank.vocab.set_vector("film", np.ones(6))
    for first, second in zip(before, model.predict(docs), strict=True):
        np.testing.assert_array_equal(first, second)
    model.begin_update(docs)


def test_vocabulary_that_lost_its_vectors_is_named(nlp):
    model = initialized(nlp, trained_width=5)
    message = "the vocabulary has no vectors, and this encoder was trained on ones of width 6: "
    with pytest.raises(ConfigError, match=message):
        model.predict(docs_of(spacy.blank("en"), ["film"]))


def test_vocabulary_with_vectors_of_another_width_is_named(nlp):
    model = initialized(nlp)
    message = "has vectors of width 3, and this encoder was trained on ones of width 6: "
    with pytest.raises(ConfigError, match=message):
        model.begin_update(docs_of(vectors_nlp(width=3), ["film"]))


@pytest.mark.parametrize("cut", [[], [3], [0, 2, 2, 5]])
def test_arrays_that_lie_side_by_side_are_joined_without_a_copy(cut):
    ops, whole = NumpyOps(), np.arange(10, dtype="f").reshape(5, 2)
    joined = _encoder.flattened(ops, np.split(whole, cut))
    assert (joined == whole).all()
    assert np.shares_memory(joined, whole)


def test_arrays_that_lie_elsewhere_are_copied():
    ops, whole = NumpyOps(), np.arange(10, dtype="f").reshape(5, 2)
    for arrays in (
        [whole[3:], whole[:3]],
        [whole[:2], whole[3:]],
        [whole[:3, :1], whole[3:, :1]],
        [whole[:2], whole[2:].copy()],
        [whole[:2], whole.copy()[2:]],
    ):
        joined = _encoder.flattened(ops, arrays)
        assert (joined == np.concatenate(arrays)).all()
        assert not np.shares_memory(joined, whole)
    assert _encoder.flattened(ops, []).shape == (0, 0)


@pytest.mark.parametrize("texts", [TEXTS, ["", ""], ["film"]])
@pytest.mark.parametrize("listeners", [1, 2])
def test_encoder_is_updated_as_spacy_does_it(nlp, texts, listeners):
    found = []
    for update in (update_encoder, Tok2Vec.update):
        component = Tok2Vec(nlp.vocab, initialized(nlp))
        for _ in range(listeners):
            component.add_listener(Tok2VecListener("tok2vec", 8), "textcat")
        docs = docs_of(nlp, texts)
        examples = [Example(doc, doc.copy()) for doc in docs]
        losses = {}
        torch.manual_seed(0)
        update(component, examples, drop=0.0, losses=losses)
        for listener in component.listeners:
            outputs, backprop = listener(docs, is_train=True)
            backprop(component.model.ops.unflatten(np.cos(np.concatenate(outputs)), lengths(docs)))
        gradients = [p.grad for p in component.model.shims[0].module.parameters()]
        found.append((losses, gradients))
    (losses, gradients), (expected, others) = found
    assert losses == pytest.approx(expected, rel=1e-5)
    torch.testing.assert_close(gradients, others, rtol=0, atol=0)


def lengths(docs):
    return np.array([len(doc) for doc in docs])

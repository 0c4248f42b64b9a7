"""Inputs of the encoder that are trained with it: features of words, and vectors from their characters."""

from typing import get_args

import numpy as np
import pytest
import spacy
import torch
from adapter_examples import Same, docs_of, encoder_config, vectors_nlp
from spacy.tokens import Doc
from torch import nn

from seqpipe.adapters import make_encoder, pair_of, perturbing
from seqpipe.adapters._characters import CHARACTER_ENCODERS, CharacterEncoderName
from seqpipe.adapters._trained_inputs import FEATURES, Feature, features_of
from seqpipe.config._schema import HOST_SETTINGS
from seqpipe.errors import ConfigError

TEXTS = ["Good film", "", "the FILM was bad bad bad", "unheard-of 1984"]
EVERYTHING = {
    "trained_width": 3,
    "trained_rows": 50,
    "trained_features": ["lower", "norm", "prefix", "suffix", "shape"],
    "characters": 4,
    "tune": True,
}
with_characters = pytest.mark.parametrize("character_encoder", list(CHARACTER_ENCODERS))


def initialized(nlp, **settings):
    torch.manual_seed(0)
    model = make_encoder(**{"encoder": Same, **settings})
    model.initialize(X=docs_of(nlp, ["good film"]))
    return model


def predicted(model, docs):
    return np.concatenate(model.predict(docs))


@pytest.mark.parametrize("names", [["suffix"], ["shape", "lower"], ["norm", "prefix"]])
def test_each_feature_has_a_table_of_its_own(names):
    nlp = spacy.blank("en")
    model = initialized(nlp, trained_width=3, trained_rows=50, trained_features=names)
    docs = docs_of(nlp, TEXTS)
    tables = model.shims[0].module.trained.weight.detach().split(50)
    assert len(tables) == len(names)
    hashes = {
        name: [getattr(token, name) // 2 % 50 for doc in docs for token in doc] for name in names
    }
    expected = [
        nn.functional.embedding(torch.tensor(hashes[name]), table)
        for name, table in zip(names, tables, strict=True)
    ]
    np.testing.assert_array_equal(predicted(model, docs), torch.cat(expected, dim=1).numpy())


def test_norm_is_that_of_the_token_not_of_the_word():
    nlp = spacy.blank("en")
    model = initialized(nlp, trained_width=3, trained_features=["norm"])
    same, other = docs_of(nlp, ["colour", "color"])
    assert (predicted(model, [same]) != predicted(model, [other])).any()
    same[0].norm_ = "color"
    other[0].norm_ = "color"
    np.testing.assert_array_equal(predicted(model, [same]), predicted(model, [other]))


def test_lower_cased_form_alone_is_the_default():
    nlp = vectors_nlp()
    docs = docs_of(nlp, TEXTS)
    default = predicted(initialized(nlp, trained_width=3), docs)
    named = predicted(initialized(nlp, trained_width=3, trained_features=["lower"]), docs)
    np.testing.assert_array_equal(default, named)


def test_share_of_the_features_vectors_is_dropped_in_training_each_as_a_whole():
    nlp = spacy.blank("en")
    settings = {"trained_width": 3, "trained_features": ["norm", "suffix"]}
    docs = docs_of(nlp, TEXTS * 100)
    whole = predicted(initialized(nlp, **settings), docs)
    model = initialized(nlp, **settings, trained_dropout=0.3)
    np.testing.assert_array_equal(predicted(model, docs), whole)
    dropped = np.concatenate(model.begin_update(docs)[0]).reshape(-1, 2, 3)
    is_zero = dropped == 0
    np.testing.assert_array_equal(is_zero.any(2), is_zero.all(2))
    np.testing.assert_array_equal(dropped, np.where(is_zero, 0, whole.reshape(-1, 2, 3)))
    # Each feature by itself: of 1,000 words 300 lose one, with a deviation of 14, and 90 both.
    assert (abs(is_zero[:, :, 0].sum(0) - 300) < 70).all()
    assert 50 < is_zero.all((1, 2)).sum() < 130


@with_characters
def test_inputs_stand_side_by_side(character_encoder):
    nlp = vectors_nlp()
    model = initialized(nlp, **EVERYTHING, character_encoder=character_encoder)
    docs = docs_of(nlp, TEXTS)
    vectors = predicted(model, docs)
    assert vectors.shape == (10, 6 + 5 * 3 + 4)
    np.testing.assert_array_equal(vectors[:, :6], [token.vector for doc in docs for token in doc])
    assert vectors[:, 6:].any(axis=1).all()


@with_characters
def test_characters_stand_alone_without_a_table(character_encoder):
    nlp = spacy.blank("en")
    model = initialized(nlp, characters=4, character_encoder=character_encoder)
    assert predicted(model, docs_of(nlp, TEXTS)).shape == (10, 4)


@with_characters
@pytest.mark.parametrize("texts", [[], [""], ["", ""]])
def test_batch_without_words_is_fine(character_encoder, texts):
    nlp = spacy.blank("en")
    model = initialized(nlp, characters=4, character_encoder=character_encoder)
    outputs, backprop = model.begin_update(docs_of(nlp, texts))
    assert [y.shape for y in outputs] == [(0, 4)] * len(texts)
    assert backprop(outputs) == []


@with_characters
def test_text_alone_equals_text_in_a_batch(character_encoder):
    nlp = vectors_nlp()
    model = initialized(nlp, **EVERYTHING, character_encoder=character_encoder)
    docs = docs_of(nlp, TEXTS)
    for doc, together in zip(docs, model.predict(docs), strict=True):
        np.testing.assert_allclose(together, model.predict([doc])[0], atol=1e-6, rtol=0)


@with_characters
def test_all_weights_are_trained(character_encoder):
    nlp = vectors_nlp()
    model = initialized(nlp, **EVERYTHING, character_encoder=character_encoder)
    outputs, backprop = model.begin_update(docs_of(nlp, ["good film"]))
    backprop([np.ones_like(each) for each in outputs])
    gradients = {n: p.grad for n, p in model.shims[0].module.named_parameters()}
    assert {name.partition(".")[0] for name in gradients} == {"trained", "offsets", "characters"}
    assert all(gradient.any() for gradient in gradients.values())


@with_characters
def test_pipeline_returns_from_disk(tmp_path, character_encoder):
    nlp = vectors_nlp()
    encoder = encoder_config(**EVERYTHING, character_encoder=character_encoder)
    nlp.add_pipe("tok2vec", config={"model": encoder})
    nlp.initialize()
    nlp.to_disk(tmp_path / "model")
    loaded = spacy.load(tmp_path / "model")
    for text in filter(None, TEXTS):
        expected, found = nlp(text).tensor, loaded(text).tensor
        assert expected.any()
        np.testing.assert_array_equal(expected, found)


def test_words_of_merged_tokens_are_spelled_anew():
    nlp = spacy.blank("en")
    model = initialized(nlp, characters=4)
    doc, merged = Doc(nlp.vocab, words=["New", "York"]), Doc(nlp.vocab, words=["New York"])
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[:2])
    np.testing.assert_array_equal(predicted(model, [doc]), predicted(model, [merged]))


@with_characters
def test_adversarial_steps_move_all_inputs(character_encoder):
    nlp = vectors_nlp()
    encoder = encoder_config(**EVERYTHING, character_encoder=character_encoder)
    tok2vec = nlp.add_pipe("tok2vec", config={"model": encoder})
    nlp.initialize()
    docs, seen = docs_of(nlp, TEXTS), []
    with perturbing(nlp) as perturb:
        inner = tok2vec.model.shims[0].module.encoder
        handle = inner.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
        for _ in range(2):
            outputs, backprop = tok2vec.model.begin_update(docs)
            backprop([np.ones_like(each) for each in outputs])
            perturb(0.5)
        handle.remove()
    assert seen[0].shape[1] == 6 + 5 * 3 + 4
    assert (seen[0] != seen[1]).any(dim=0).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"trained_features": ["sufix"]}, '`trained_features` names "sufix"; there are "lower"'),
        ({"trained_features": ["lower", "lower"]}, "names a feature twice"),
        ({"trained_features": []}, "`trained_features` is empty"),
        ({"trained_width": 0, "trained_features": ["suffix"]}, "needs a `trained_width` above 0"),
        ({"trained_width": 3, "trained_dropout": 1.0}, "`trained_dropout` is 1.0; it must be"),
        ({"characters": -1}, "`characters` is -1; at least 0 is needed"),
        ({"character_encoder": "lstm"}, '`character_encoder` is "lstm"'),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        make_encoder(**{"trained_width": 4, **settings})


def test_pipeline_file_takes_what_the_encoder_takes():
    settings = HOST_SETTINGS["embedder"]
    assert settings["trained_features"] == list[Feature] | None
    assert settings["character_encoder"] == CharacterEncoderName
    assert get_args(Feature) == tuple(FEATURES)
    assert get_args(CharacterEncoderName) == tuple(CHARACTER_ENCODERS)


def test_bigram_is_a_word_with_the_one_after_it():
    nlp = spacy.blank("en")
    docs = [nlp.make_doc("big red big"), nlp.make_doc("red big Red"), pair_of(nlp, "big", "red")]
    first, second, pair = np.split(features_of(docs, ["bigram"])[:, 0], [3, 6])
    # "big red" is in both, whichever case; "red big" is another.
    assert first[0] == second[1]
    assert first[1] == second[0]
    assert first[0] != first[1]
    # What ends a text has none after it, and neither has the first text of a pair.
    assert first[2] == pair[0] != first[0]
    assert second[2] == pair[1]

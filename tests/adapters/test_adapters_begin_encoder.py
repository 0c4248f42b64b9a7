"""Encoders that begin as a language model."""

import functools
import random

import numpy as np
import pytest
import spacy
import torch
from adapter_examples import WORDS, docs_of, encoder_config, vectors_nlp
from spacy.training import Example

from seqpipe.adapters import make_begin_encoder
from seqpipe.errors import ConfigError
from seqpipe.parts.recurrence import unroll

SETTINGS = {"unit": "word", "width": 6, "epochs": 1, "min_count": 1, "batch_size": 2}


def save(path, **settings):
    nlp = spacy.blank("xx")
    nlp.add_pipe("seqpipe_language_model", config={**SETTINGS, **settings})
    draw = random.Random(0)
    texts = [" ".join(draw.choices([*WORDS[:-1], "other"], k=6)) for _ in range(30)]
    nlp.initialize(lambda: [Example.from_dict(nlp.make_doc(text), {}) for text in texts])
    nlp.to_disk(path)
    return nlp.get_pipe("seqpipe_language_model").trained


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Save language models, each once."""
    folder = tmp_path_factory.mktemp("models")

    @functools.cache
    def saved(name, **settings):
        return str(folder / name), save(folder / name, **settings)

    return saved


FORWARD = ("forward", {})
BACKWARD = ("backward", {"direction": "backward"})
DEEP = ("deep", {"layers": 2})
CHARACTERS = ("characters", {"unit": "character"})


def begun(path, *, embeddings=False, encoder=None, **settings):
    """Return an initialised pipeline that the callback was called with."""
    recurrent = {"@seqpipe_encoders": "seqpipe.Recurrent.v1", "width": 12, **(encoder or {})}
    recurrent.setdefault("cell", {"@seqpipe_cells": "seqpipe.LSTM.v1"})
    if recurrent["@seqpipe_encoders"] != "seqpipe.Recurrent.v1":
        del recurrent["cell"]
    nlp = vectors_nlp(settings.pop("vectors", 6))
    model = encoder_config(encoder=recurrent, **{"trained_width": 0, **settings})
    nlp.add_pipe("tok2vec", config={"model": model})
    nlp.initialize(lambda: [Example.from_dict(nlp.make_doc("good film"), {})])
    assert make_begin_encoder(path, embeddings)(nlp) is nlp
    return nlp


def unlike(cell, weights):
    return all((value != weights[name]).any() for name, value in cell.state_dict().items())


@pytest.mark.parametrize(("model", "place"), [(FORWARD, 0), (BACKWARD, 1)])
def test_cells_that_read_the_same_way_have_its_weights(models, model, place):
    path, trained = models(model[0], **model[1])
    cells = begun(path).get_pipe("tok2vec").model.shims[0].module.encoder.layers[0]
    expected = trained.model.layers[0].state_dict()
    for name, value in cells[place].state_dict().items():
        np.testing.assert_array_equal(value, expected[name])
    assert unlike(cells[1 - place], expected)


def test_both_directions_begin_as_models_of_their_own(models):
    nlp = begun(models(FORWARD[0], **FORWARD[1])[0])
    make_begin_encoder(models(BACKWARD[0], **BACKWARD[1])[0])(nlp)
    cells = nlp.get_pipe("tok2vec").model.shims[0].module.encoder.layers[0]
    for cell, (name, settings) in zip(cells, (FORWARD, BACKWARD), strict=True):
        expected = models(name, **settings)[1].model.layers[0].state_dict()
        for key, value in cell.state_dict().items():
            np.testing.assert_array_equal(value, expected[key])


def test_all_layers_have_its_weights(models):
    path, trained = models(DEEP[0], **DEEP[1])
    encoder = {"width": 6, "depth": 2, "bidirectional": False}
    layers = begun(path, encoder=encoder).get_pipe("tok2vec").model.shims[0].module.encoder.layers
    for layer, source in zip(layers, trained.model.layers, strict=True):
        for name, value in layer[0].state_dict().items():
            np.testing.assert_array_equal(value, source.state_dict()[name])


def test_each_member_of_an_ensemble_begins_as_it(models):
    path, trained = models(FORWARD[0], **FORWARD[1])
    encoder = begun(path, ensemble=2).get_pipe("tok2vec").model.shims[0].module.encoder
    expected = trained.model.layers[0].state_dict()
    for member in encoder.members:
        for name, value in member.layers[0][0].state_dict().items():
            np.testing.assert_array_equal(value, expected[name])


def test_known_words_begin_with_its_vectors_and_are_read_as_it_does(models):
    path, trained = models(FORWARD[0], **FORWARD[1])
    encoder = {"width": 6, "bidirectional": False}
    nlp = begun(path, embeddings=True, encoder=encoder, tune=True)
    doc = docs_of(nlp, ["good bad the film good"])[0]
    numbers = torch.tensor(trained.vocabulary.encode([token.text for token in doc]))
    cell = trained.model.layers[0]
    with torch.no_grad():
        expected = unroll(cell, trained.model.embedding(numbers), torch.tensor([5]))[0]
    np.testing.assert_allclose(nlp("good bad the film good").tensor, expected, atol=1e-5)


def test_words_that_it_does_not_know_keep_their_vectors(models):
    path, trained = models(FORWARD[0], **FORWARD[1])
    nlp = begun(path, embeddings=True, tune=True)
    offsets = nlp.get_pipe("tok2vec").model.shims[0].module.offsets
    assert WORDS[-1] not in trained.vocabulary.units
    assert (~offsets.weight.detach().any(dim=1)).sum() == 1


def test_pipeline_returns_from_disk(models, tmp_path):
    nlp = begun(models(FORWARD[0], **FORWARD[1])[0], embeddings=True, tune=True)
    nlp.to_disk(tmp_path / "model")
    loaded = spacy.load(tmp_path / "model")
    np.testing.assert_array_equal(nlp("good film").tensor, loaded("good film").tensor)


ATTENTION = {"@seqpipe_encoders": "seqpipe.SelfAttention.v1"}
ONE_WAY = {"width": 6, "bidirectional": False}
GRU = {"cell": {"@seqpipe_cells": "seqpipe.GRU.v1"}}
REFUSED = {
    "attention": (FORWARD, {"encoder": ATTENTION}, "the encoder is a SelfAttention"),
    "direction": (BACKWARD, {"encoder": ONE_WAY}, "set `bidirectional = true`"),
    "depth": (DEEP, {}, "it has 2 layers, and the encoder's `depth` is 1"),
    "cell": (FORWARD, {"encoder": GRU}, "its layer 1 is LSTM.*the encoder's GRU"),
    "width": (FORWARD, {"encoder": {"width": 8}}, "from width 6 to 6.*from width 6 to 4"),
    "input": (FORWARD, {"vectors": 7}, "from width 6 to 6.*from width 7 to 6"),
    "tune": (FORWARD, {"embeddings": True}, "needs `tune = true`"),
    "beside": (
        FORWARD,
        {"embeddings": True, "tune": True, "vectors": 4, "trained_width": 2},
        "vectors have a width of 6, the tuned ones 4, and the encoder's input 6",
    ),
    "characters": (CHARACTERS, {"embeddings": True, "tune": True}, "knows none of the words"),
}


@pytest.mark.parametrize(("model", "settings", "said"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_an_error(models, model, settings, said):
    with pytest.raises(ConfigError, match=said):
        begun(models(model[0], **model[1])[0], **settings)


def test_pipeline_without_our_encoder_is_an_error(models):
    begin = make_begin_encoder(models(FORWARD[0], **FORWARD[1])[0])
    with pytest.raises(ConfigError, match="the pipeline has none"):
        begin(spacy.blank("xx"))


def test_missing_model_is_an_error_at_once(tmp_path):
    with pytest.raises(ConfigError, match=r"`path` names .*, which isn't there") as caught:
        make_begin_encoder(str(tmp_path / "missing"))
    assert caught.value.setting == "path"

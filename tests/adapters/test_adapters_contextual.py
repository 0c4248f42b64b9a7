"""Contextual string embeddings: what language models of characters know at each word."""

import random
import shutil

import numpy as np
import pytest
import spacy
import torch
from adapter_examples import Same, docs_of, encoder_config, vectors_nlp
from spacy.tokens import Doc
from spacy.training import Example
from torch import nn

from seqpipe.adapters import (
    _contextual,
    _state_cache,
    input_shims,
    keeping_states,
    make_encoder,
    pair_of,
)
from seqpipe.adapters._state_cache import StateFolder, digest
from seqpipe.errors import ConfigError, NotFiniteError, SavedModelError
from seqpipe.parts.language_models._vocabulary import END

TEXTS = ["Good film", "", "the film was bad bad bad", "unheard-of 1984 √ 🙂 x", "bad"]
MODELS = {
    "forward": {"width": 6, "layers": 2, "cell": {"@seqpipe_cells": "seqpipe.LSTM.v1"}},
    "backward": {"width": 5, "direction": "backward", "cell": {"@seqpipe_cells": "seqpipe.GRU.v1"}},
}
WIDTH = 11


def save_language_model(path, **settings):
    nlp = spacy.blank("en")
    nlp.add_pipe(
        "seqpipe_language_model",
        name="letters",
        config={"epochs": 1, "min_count": 1, **settings},
    )
    draw = random.Random(0)
    texts = ["".join(draw.choice("abdefgilmorstw ") for _ in range(30)) for _ in range(20)]
    nlp.initialize(lambda: [Example.from_dict(nlp.make_doc(text), {}) for text in texts])
    nlp.to_disk(path)
    return nlp


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for name, settings in MODELS.items():
        save_language_model(folder / name, **settings)
    return [str(folder / name) for name in MODELS]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Keep states elsewhere, but not the kernels."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(_state_cache, "cache_folder", lambda: folder)
    return folder


def initialized(nlp, paths, **settings):
    torch.manual_seed(0)
    model = make_encoder(**{"encoder": Same, "language_models": paths, **settings})
    model.initialize(X=docs_of(nlp, ["good film", "the film was bad"]))
    return model


def by_hand(path, text, start, end):
    """Return the state at a word: each character is read by the model's own network, one after another."""
    trained = spacy.load(path).get_pipe("letters").trained
    numbers = trained.vocabulary.encode(text)
    read = numbers[:end] if trained.direction == "forward" else numbers[start:][::-1]
    states, one = None, torch.tensor([1])
    with torch.no_grad():
        for number in [END, *read]:
            hidden, states = trained.model(torch.tensor([number]), one, states)
    return hidden[0].numpy()


@pytest.mark.parametrize("place", [0, 1])
def test_states_are_those_of_reading_character_by_character(paths, place):
    nlp = spacy.blank("xx")
    model = initialized(nlp, [paths[place]])
    scale = model.shims[1].readers[0].scale
    docs = docs_of(nlp, TEXTS)
    for doc, vectors in zip(docs, model.predict(docs), strict=True):
        text = doc.text.rstrip()
        for token, vector in zip(doc, vectors, strict=True):
            expected = by_hand(paths[place], text, token.idx, token.idx + len(token))
            np.testing.assert_allclose(vector, expected * scale, atol=1e-5)


def test_vectors_have_a_root_mean_square_of_one(paths):
    nlp = spacy.blank("xx")
    docs = docs_of(nlp, ["good film", "the film was bad"])
    vectors = np.concatenate(initialized(nlp, paths).predict(docs))
    for part in (vectors[:, :6], vectors[:, 6:]):
        assert np.sqrt((part**2).mean()) == pytest.approx(1, abs=1e-6)


def test_they_stand_beside_all_other_inputs(paths):
    nlp = vectors_nlp()
    docs = docs_of(nlp, TEXTS)
    alone = np.concatenate(initialized(nlp, paths).predict(docs))
    everything = {"trained_width": 3, "characters": 4, "tune": True}
    together = np.concatenate(initialized(nlp, paths, **everything).predict(docs))
    assert alone.shape[1] == 6 + WIDTH and together.shape[1] == 6 + 3 + 4 + WIDTH
    np.testing.assert_array_equal(alone[:, 6:], together[:, 13:])
    np.testing.assert_array_equal(alone[:, :6], together[:, :6])


def test_same_word_has_another_vector_elsewhere(paths):
    nlp = spacy.blank("xx")
    first, second = initialized(nlp, paths).predict(docs_of(nlp, ["bad film", "film was bad"]))
    assert not np.allclose(first[0], second[2], atol=1e-3)


def test_each_text_of_a_pair_is_read_by_itself(paths):
    nlp = spacy.blank("xx")
    model = initialized(nlp, paths)
    pair = pair_of(nlp, "good film", "it was bad")
    found = model.predict([pair])[0]
    alone = model.predict([nlp.make_doc("good film"), nlp.make_doc("it was bad")])
    np.testing.assert_array_equal(found, np.concatenate(alone))


@pytest.mark.parametrize("texts", [("", "good film"), ("good film", ""), ("", "")])
def test_pair_with_an_empty_text_is_fine(paths, texts):
    nlp = spacy.blank("xx")
    assert initialized(nlp, paths).predict([pair_of(nlp, *texts)])[0].shape == (
        2 * any(texts),
        WIDTH,
    )


def test_text_has_the_same_bytes_alone_and_in_a_batch(tmp_path):
    # Wide enough for the kernels that compute several sequences at once.
    save_language_model(tmp_path / "wide", width=160)
    nlp = spacy.blank("xx")
    model = initialized(nlp, [str(tmp_path / "wide")])
    docs = docs_of(nlp, TEXTS)
    for doc, together in zip(docs, model.predict(docs), strict=True):
        np.testing.assert_array_equal(together, model.predict([doc])[0])


def test_any_number_of_threads_computes_the_same_bytes(tmp_path):
    save_language_model(tmp_path / "wide", width=160)
    nlp = spacy.blank("xx")
    model = initialized(nlp, [str(tmp_path / "wide")])
    docs = docs_of(nlp, ["the film was bad " * 40])
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(model.predict(docs)[0].tobytes())
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1] == found[2]


def test_blank_at_the_end_is_not_read(paths):
    nlp = spacy.blank("xx")
    docs = [Doc(nlp.vocab, words=["bad", "film"], spaces=[True, last]) for last in (True, False)]
    with_blank, without = initialized(nlp, paths).predict(docs)
    np.testing.assert_array_equal(with_blank, without)


def test_merged_words_are_read_anew(paths):
    nlp = spacy.blank("xx")
    model = initialized(nlp, paths)
    doc = nlp.make_doc("the film was bad")
    shim = model.shims[1]
    shim.keep()
    before = model.predict([doc])[0]
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[1:3])
    after = model.predict([doc])[0]
    np.testing.assert_array_equal(after[[0, 2]], before[[0, 3]])
    np.testing.assert_array_equal(after[1], np.concatenate([before[2][:6], before[1][6:]]))


def test_long_text_is_read_in_parts(paths, monkeypatch):
    nlp = spacy.blank("xx")
    model = initialized(nlp, paths)
    docs = docs_of(nlp, TEXTS)
    whole = model.predict(docs)
    monkeypatch.setattr("seqpipe.parts.language_models._states._MAX_STEPS", 3)
    for expected, found in zip(whole, model.predict(docs), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_language_models_stay_as_they_are(paths):
    nlp = spacy.blank("xx")
    nlp.add_pipe(
        "tok2vec", config={"model": encoder_config(language_models=paths, trained_width=0)}
    )
    optimizer = nlp.initialize(lambda: [example(nlp)])
    (shim,) = input_shims(nlp.get_pipe("tok2vec"))
    before = shim.to_bytes()
    docs = [nlp.make_doc("good film")]
    model = nlp.get_pipe("tok2vec").model
    vectors, backprop = model.begin_update(docs)
    backprop([np.ones_like(each) for each in vectors])
    model.finish_update(optimizer)
    assert shim.to_bytes() == before
    assert not np.array_equal(model.predict(docs)[0], vectors[0])


def example(nlp):
    return Example.from_dict(nlp.make_doc("the film was bad"), {})


def test_pipeline_returns_from_disk_without_the_originals(tmp_path, paths):
    for path in paths:
        shutil.copytree(path, tmp_path / path.rpartition("/")[2])
    copies = [str(tmp_path / name) for name in MODELS]
    nlp = vectors_nlp()
    nlp.add_pipe("tok2vec", config={"model": encoder_config(language_models=copies)})
    nlp.initialize(lambda: [example(nlp)])
    nlp.to_disk(tmp_path / "model")
    for copy in copies:
        shutil.rmtree(copy)
    loaded = spacy.load(tmp_path / "model")
    for text in filter(None, TEXTS):
        np.testing.assert_array_equal(nlp(text).tensor, loaded(text).tensor)
    copied = nlp.get_pipe("tok2vec").model.copy()
    doc = nlp.make_doc(TEXTS[0])
    np.testing.assert_array_equal(copied.predict([doc])[0], nlp(TEXTS[0]).tensor)
    loaded.to_disk(tmp_path / "again")
    weights = [(tmp_path / name / "tok2vec" / "model").read_bytes() for name in ("model", "again")]
    assert weights[0] == weights[1]


def reads(monkeypatch):
    """Return a list that every text goes into which a model reads."""
    found = []
    read = _contextual.StateReader.read

    def reading(self, text, spans):
        found.append(text)
        return read(self, text, spans)

    monkeypatch.setattr(_contextual.StateReader, "read", reading)
    return found


def test_kept_vectors_are_the_computed_ones(paths, monkeypatch):
    nlp = spacy.blank("xx")
    docs = docs_of(nlp, TEXTS)
    computed = [each.tobytes() for each in initialized(nlp, paths).predict(docs)]
    model = initialized(nlp, paths)
    read = reads(monkeypatch)
    first, _ = model.begin_update(docs)
    assert len(read) == 2 * 4
    again, _ = model.begin_update(docs)
    third = model.predict(docs)
    assert len(read) == 2 * 4
    # Another training finds them on disk.
    other = initialized(nlp, paths)
    read.clear()
    stored, _ = other.begin_update(docs)
    assert read == []
    for found in (first, again, third, stored):
        assert [each.tobytes() for each in found] == computed


def test_another_model_has_other_states_on_disk(tmp_path, paths, monkeypatch):
    nlp = spacy.blank("xx")
    docs = docs_of(nlp, TEXTS)
    initialized(nlp, paths[:1]).begin_update(docs)
    save_language_model(tmp_path / "other", **{**MODELS["forward"], "epochs": 2})
    other = initialized(nlp, [str(tmp_path / "other")])
    read = reads(monkeypatch)
    other.begin_update(docs)
    assert len(read) == 4


def test_what_does_not_fit_is_computed_each_time(paths, monkeypatch, cache):
    monkeypatch.setattr(_contextual, "_MAX_KEPT", 4 * 2 * WIDTH)
    nlp = spacy.blank("xx")
    docs = docs_of(nlp, ["Good film", "the film was bad"])
    model = initialized(nlp, paths)
    read = reads(monkeypatch)
    first, _ = model.begin_update(docs)
    again, _ = model.begin_update(docs)
    assert read == ["Good film"] * 2 + ["the film was bad"] * 4
    assert len([path for path in cache.rglob("*") if path.is_file()]) == 2
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_nothing_is_kept_outside_of_a_training(paths, monkeypatch, cache):
    nlp = spacy.blank("xx")
    nlp.add_pipe("tok2vec", config={"model": encoder_config(language_models=paths)})
    nlp.initialize(lambda: [example(nlp)])
    read = reads(monkeypatch)
    nlp("good film")
    nlp("good film")
    assert len(read) == 4 and not cache.exists()
    with keeping_states(nlp):
        nlp("good film")
        nlp("good film")
    assert len(read) == 6
    nlp("good film")
    assert len(read) == 8


@pytest.mark.parametrize("damage", [lambda data: data[:-4], lambda data: data[:-1] + b"?"])
def test_damaged_states_on_disk_are_computed_again(paths, cache, damage):
    nlp = spacy.blank("xx")
    docs = docs_of(nlp, TEXTS)
    expected, _ = initialized(nlp, paths).begin_update(docs)
    files = [path for path in cache.rglob("*") if path.is_file()]
    assert len(files) == 8
    whole = {path: path.read_bytes() for path in files}
    for path in files:
        path.write_bytes(damage(whole[path]))
    found, _ = initialized(nlp, paths).begin_update(docs)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert {path: path.read_bytes() for path in files} == whole


def test_unusable_cache_does_no_harm(paths, cache):
    cache.write_text("no folder", encoding="utf-8")
    nlp = spacy.blank("xx")
    vectors, _ = initialized(nlp, paths).begin_update(docs_of(nlp, TEXTS))
    assert len(vectors) == len(TEXTS)


def test_states_of_others_are_not_read(cache):
    key, states = digest(b"text"), np.ones((1, 2), dtype="float32")
    StateFolder(b"model").write(key, states)
    np.testing.assert_array_equal(StateFolder(b"model").read(key, (1, 2)), states)
    (cache / "states" / b"model".hex()).chmod(0o777)
    assert StateFolder(b"model").read(key, (1, 2)) is None


def test_states_that_nobody_uses_are_removed(cache, monkeypatch):
    key, states = digest(b"text"), np.ones((1, 2), dtype="float32")
    old = StateFolder(b"old")
    old.write(key, states)
    now = _state_cache.time.time()
    monkeypatch.setattr(_state_cache.time, "time", lambda: now + 31 * 24 * 60 * 60)
    StateFolder(b"new")
    assert old.read(key, (1, 2)) is None


def save_untrained(path):
    nlp = spacy.blank("en")
    nlp.add_pipe("seqpipe_language_model")
    nlp.to_disk(path)


WRONG = {
    "words": (lambda path: save_language_model(path, unit="word", width=4), "one of words"),
    "untrained": (save_untrained, "hasn't been trained"),
    "none": (lambda path: spacy.blank("en").to_disk(path), "has no language model"),
    "broken": (lambda path: path.mkdir(), "can't be loaded"),
    "missing": (lambda path: None, "isn't there; looked for"),
}


@pytest.mark.parametrize(("save", "said"), WRONG.values(), ids=WRONG)
def test_wrong_pipelines_are_refused(tmp_path, save, said):
    save(tmp_path / "given")
    with pytest.raises(ConfigError, match=said) as caught:
        initialized(spacy.blank("xx"), [str(tmp_path / "given")])
    assert caught.value.setting == "language_models"
    assert str(tmp_path / "given") in str(caught.value)


def test_states_that_are_not_finite_are_an_error(paths):
    nlp = spacy.blank("xx")
    model = initialized(nlp, paths)
    nn.init.constant_(model.shims[1].readers[0].trained.model.embedding.weight, float("nan"))
    with pytest.raises(NotFiniteError, match="aren't finite"):
        model.predict(docs_of(nlp, TEXTS))


def test_encoder_before_initialisation_has_no_language_models(paths):
    model = make_encoder(language_models=paths)
    assert model.shims[1].to_bytes() == b""
    with pytest.raises(SavedModelError, match="no language models yet"):
        _ = model.shims[1].width


def test_other_number_of_models_is_an_error(paths):
    shim = initialized(spacy.blank("xx"), paths).shims[1]
    with pytest.raises(SavedModelError, match="another number"):
        _contextual.ContextShim(paths[:1]).from_bytes(shim.to_bytes())

"""What neurons do: gates, units and states beside the encoder, scikit-learn and scipy, and the page of them."""

import base64
import hashlib
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import torch
from scipy.cluster.hierarchy import leaves_list, linkage, to_tree
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from seqpipe.errors import ConfigError, DataError
from seqpipe.explanation import (
    Activations,
    LabelledTexts,
    _units,
    draw_all,
    draw_neurons,
    find_contexts,
    fit_each,
    look_at_neurons,
    place_states,
    read_units,
    record_gates,
    similar_order,
    tell_labels,
)
from seqpipe.explanation import Path as Way
from seqpipe.explanation._colours import LEVELS, png, scale
from seqpipe.explanation._encoding import Given
from seqpipe.explanation._gates import _record
from seqpipe.inference import load_pipeline
from seqpipe.parts.cells import GRU, LSTM, RNN, LayerNormLSTM
from seqpipe.parts.encoders import Recurrent
from seqpipe.parts.recurrence import GATING, observe

SAVED = Path(__file__).parents[1] / "saved_models"
#: Each has another cell.
MODELS = ["text-classifier", "several-labels", "trained-and-tuned", "side-by-side", "pretrained"]
TEXT = "the gull near the reef of an oak"
TEXTS = ["the gull near the reef", "an oak of the wood", "wave", "the reef of the wave", "oak owl"]


@pytest.fixture(scope="module", params=MODELS)
def nlp(request):
    return load_pipeline(str(SAVED / request.param))


@pytest.fixture(scope="module")
def classifier():
    return load_pipeline(str(SAVED / "text-classifier"))


@pytest.fixture(scope="module")
def corpus(classifier):
    docs = [classifier.make_doc(text) for text in TEXTS]
    return LabelledTexts(docs, [["sea"], ["wood"], ["sea"], ["sea"], ["wood"]])


# Gates.


def test_hidden_states_of_the_last_layer_are_what_the_encoder_puts_out(nlp):
    doc = nlp.make_doc(TEXT)
    hidden = [strip for strip in record_gates(nlp, doc) if strip.name == "hidden state"]
    encoded = Way(nlp, nlp.pipe_names[1], doc).encoded()
    found = np.concatenate([strip.values for strip in hidden], axis=1)
    np.testing.assert_array_equal(found[:, -encoded.shape[1] :], encoded.numpy())


@pytest.mark.parametrize("make", [LSTM, GRU, RNN, LayerNormLSTM])
def test_watched_steps_are_those_of_the_engine(make):
    torch.manual_seed(0)
    zoneout = 0.25 if make is not LayerNormLSTM else 0.0
    module = Recurrent(3, cell=make, width=8, depth=2, window=4, zoneout=zoneout).eval()
    given = Given(torch.randn(13, 3), torch.tensor([9, 0, 4]))
    with torch.no_grad():
        layers = module.hidden_states(*given)
        assert torch.equal(layers[-1], module(*given))
    recorded = _record(module, given)
    found = [torch.cat([one.after[0], two.after[0]], dim=1) for one, two in pairs(recorded)]
    for states, expected in zip(found, layers, strict=True):
        torch.testing.assert_close(states, expected, rtol=1e-4, atol=1e-5)


def pairs(items):
    return zip(items[::2], items[1::2], strict=True)


def test_gates_of_an_lstm_fulfil_its_equations():
    nlp = load_pipeline(str(SAVED / "text-classifier"))
    for direction in (1, -1):
        place = "1.forward" if direction > 0 else "1.backward"
        strips = record_gates(nlp, nlp.make_doc(TEXT))
        by_name = {s.name: s.values[::direction] for s in strips if str(s.place) == place}
        i, f, g, o = (by_name[name] for name in ("input", "forget", "candidate", "output"))
        cell = by_name["cell state"]
        before = np.concatenate([np.zeros_like(cell[:1]), cell[:-1]])
        np.testing.assert_allclose(cell, f * before + i * g, atol=1e-5)
        np.testing.assert_allclose(by_name["hidden state"], o * np.tanh(cell), atol=1e-5)


def test_rectified_gates_are_observed_too():
    cell = RNN(2, 3, activation="relu")
    state = cell.initial_state(4, torch.zeros(1, 1))
    (call,) = observe(cell, torch.randn(4, 2), state, GATING).items()
    assert call[0] == "hidden" and call[1].function == "relu"


class InPlace(RNN):
    """An RNN that overwrites what it computes."""

    def step(self, x, h, state):
        self.summed = x["hidden"] + h["hidden"]
        gate = torch.sigmoid_(self.summed.clone())
        rectified = torch.nn.functional.relu(torch.tanh(input=gate) - 0.5, inplace=True)
        rectified.mul_(0)
        return (rectified,)


def test_functions_that_overwrite_their_argument_are_observed_as_they_were():
    torch.manual_seed(0)
    cell, inputs = InPlace(2, 3), torch.randn(4, 2)
    calls = observe(cell, inputs, cell.initial_state(4, torch.zeros(1, 1)), GATING)
    assert [call.function for call in calls.values()] == ["sigmoid", "tanh", "relu"]
    sigmoid, tanh, relu = calls.values()
    torch.testing.assert_close(sigmoid.argument, cell.summed)
    torch.testing.assert_close(sigmoid.value, sigmoid.argument.sigmoid())
    torch.testing.assert_close(tanh.argument, sigmoid.value)
    torch.testing.assert_close(relu.argument, tanh.argument.tanh() - 0.5)
    torch.testing.assert_close(relu.value, relu.argument.relu())
    assert relu.value.any() and (relu.argument < 0).any()


def test_no_hooks_stay_behind(classifier):
    record_gates(classifier, classifier.make_doc(TEXT))
    modules = [
        m for _, pipe in classifier.pipeline for s in shims(pipe) for m in s.module.modules()
    ]
    assert modules
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in modules)


def shims(pipe):
    return [shim for node in pipe.model.walk() for shim in node.shims]


# Order.


def test_clusters_of_scipy_stand_together():
    rows = np.random.default_rng(0).normal(size=(40, 6))
    place = np.argsort(similar_order(rows))
    tree = linkage(rows, "average")
    for node in to_tree(tree, rd=True)[1]:
        places = place[node.pre_order()]
        assert places.max() - places.min() == len(places) - 1
    assert sorted(leaves_list(tree)) == sorted(place)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_rows_have_an_order(count):
    assert sorted(similar_order(np.ones((count, 3)))) == list(range(count))


# Units.


def test_activations_are_those_of_each_text_alone(classifier, corpus, monkeypatch):
    monkeypatch.setattr(_units, "_AT_ONCE", 7)
    found = read_units(classifier, corpus.docs)
    assert found.units == [f"1.{d}.{i}" for d in ("forward", "backward") for i in (0, 1)]
    for number, doc in enumerate(corpus.docs):
        states = Way(classifier, "textcat", doc).encoded().numpy()
        np.testing.assert_allclose(found.means[number], states.mean(0), atol=1e-6)
        np.testing.assert_allclose(found.highest[number], states.max(0), atol=1e-6)
        np.testing.assert_array_equal(found.lowest_at[number], states.argmin(0))
        drawn = found.states[found.texts == number]
        assert len(drawn) == min(4, len(doc))
        assert all(np.abs(states - each).max(1).min() < 1e-6 for each in drawn)


def test_contexts_have_the_words_around_and_one_place_in_each_text(classifier, corpus):
    found = read_units(classifier, corpus.docs)
    high, low = find_contexts(found, corpus.docs, "1.backward.1", count=3)
    assert [each.value for each in high] == sorted(found.highest[:, 3], reverse=True)[:3]
    assert len({each.text for each in low}) == 3
    assert low[0].value == found.lowest[:, 3].min()
    for each in [*high, *low]:
        whole = " ".join(filter(None, (each.before, each.word, each.after)))
        assert whole == TEXTS[each.text]


def test_context_that_several_texts_share_is_told_once(classifier):
    docs = [classifier.make_doc(text) for text in ("wave oak", "wave oak", "the gull")]
    high, low = find_contexts(read_units(classifier, docs), docs, "1.forward.0")
    assert len(high) == len(low) == 2


def test_regressions_are_those_of_scikit_learn():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(80, 3))
    features = (features - features.mean(0)) / features.std(0)
    noise = generator.logistic(size=80)
    truths = np.stack([2 * features[:, 0] + noise > 1, features[:, 1] > 0.2], axis=1)
    slopes, intercepts, losses = fit_each(features, truths)
    for unit, label in np.ndindex(3, 2):
        model = LogisticRegression(C=1 / (1e-3 * 80), tol=1e-10, max_iter=10_000)
        model.fit(features[:, [unit]], truths[:, label])
        assert slopes[unit, label] == pytest.approx(model.coef_[0, 0], rel=1e-3, abs=1e-4)
        assert intercepts[unit, label] == pytest.approx(model.intercept_[0], rel=1e-3, abs=1e-4)
        says = model.predict_proba(features[:, [unit]])[np.arange(80), truths[:, label].astype(int)]
        assert losses[unit, label] == pytest.approx(-np.log(says).mean(), rel=1e-3)


def activations(means):
    nothing = np.zeros((0, 0))
    names = [f"1.forward.{i}" for i in range(means.shape[1])]
    return Activations(names, means, *(nothing,) * 6)


def test_unit_that_tells_a_label_is_found_and_scored_on_other_texts():
    generator = np.random.default_rng(1)
    truths = generator.random((400, 2)) < [0.3, 0.5]
    means = generator.normal(size=(400, 5))
    means[:, 3] -= 6 * truths[:, 0]
    (first, second) = tell_labels(activations(means), ["a", "b"], truths, ~truths)
    assert (first.label, first.unit, first.texts) == ("a", "1.forward.3", 200)
    assert first.slope < 0 and first.accuracy > 0.97 and first.pipeline == 0
    assert 0.6 < first.majority < 0.8
    # Nothing tells b, and a score on what it was fitted to would be above chance.
    assert second.accuracy < 0.6


def test_labels_that_all_texts_have_or_none_are_left_out():
    truths = np.array([[True, False]] * 8)
    means = np.random.default_rng(0).normal(size=(8, 2))
    assert tell_labels(activations(means), ["a", "b"], truths, truths) == []


def test_many_units_are_fitted_in_parts_alike(monkeypatch):
    generator = np.random.default_rng(2)
    features, truths = generator.normal(size=(50, 7)), generator.random((50, 2)) < 0.5
    whole = fit_each(features, truths)
    monkeypatch.setattr(_units, "_MOST_NUMBERS", 200)
    for one, other in zip(whole, fit_each(features, truths), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


# The trajectory of the state.


def test_states_are_placed_as_by_the_pca_of_scikit_learn():
    generator = np.random.default_rng(0)
    states, others = generator.normal(size=(9, 5)), generator.normal(size=(20, 5))
    way = place_states(states, others)
    model = PCA(2).fit(np.concatenate([states, others]))
    expected = model.transform(np.concatenate([states, others]))
    found = np.concatenate([way.points, way.others])
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-9)
    np.testing.assert_allclose(way.shares, model.explained_variance_ratio_, atol=1e-9)


def test_one_state_stands_in_the_middle():
    way = place_states(np.ones((1, 3)))
    assert way.points.tolist() == [[0.0, 0.0]] and way.shares == (0.0, 0.0)


# All together, and its drawings.


def test_shown_words_are_the_first_and_the_layers_read_all(classifier):
    whole = look_at_neurons(classifier, TEXT)
    part = look_at_neurons(classifier, TEXT, most_words=3)
    assert part.text == "the gull near" and part.left_out == 5 and len(part.words) == 3
    for one, other in zip(whole.strips, part.strips, strict=True):
        np.testing.assert_array_equal(one.values[:3], other.values)


def test_unit_of_the_texts_label_is_traced(classifier, corpus):
    found = look_at_neurons(classifier, TEXT, corpus=corpus, seed=1)
    label = max(classifier(TEXT).cats, key=classifier(TEXT).cats.get)
    (best,) = [each.unit for each in found.classifiers if each.label == label]
    assert [trace.unit for trace in found.traces] == [best]
    assert set(found.labels) <= {"sea", "wood"} and found.texts == 5


def test_neurons_can_be_written_as_json(classifier, corpus):
    told = look_at_neurons(classifier, TEXT, corpus=corpus).to_json()
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    names = [each["name"] for each in told["gates"]]
    assert names[:6] == ["input", "forget", "candidate", "output", "hidden state", "cell state"]
    trajectory = told["trajectory"]
    assert len(trajectory["points"]) == 8
    assert len(trajectory["others"]) == len(trajectory["labels"]) > 4
    assert set(trajectory["labels"]) == {"sea", "wood"}


def test_pixels_have_the_colours_of_their_levels():
    levels = np.arange(LEVELS - 1, dtype=np.uint8).reshape(2, -1)
    for diverging in (False, True):
        palette = scale(diverging=diverging)
        data = base64.b64decode(png(levels, palette).partition(",")[2])
        pixels = matplotlib.image.imread(io.BytesIO(data), format="png")
        np.testing.assert_array_equal((pixels[..., :3] * 255).round(), palette[levels])


HOSTILE = 'wave </script><b onload="x">oak</b> \u202e "gull" &amp; reef'


def test_page_is_one_file_that_loads_nothing_and_runs_its_own_script(classifier):
    page = draw_neurons(look_at_neurons(classifier, HOSTILE), title="a & <b>")
    assert "a &amp; &lt;b&gt;" in page and "<b onload" not in page and "</script><b" not in page
    addresses = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert addresses and all(each.startswith("data:image/png;base64,") for each in addresses)
    for kind in ("style", "script"):
        inside = re.search(rf"<{kind}>(.*?)</{kind}>", page, re.S)[1]
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in page


def test_numbers_under_the_pointer_are_those_of_the_gates(classifier):
    neurons = look_at_neurons(classifier, HOSTILE)
    page = draw_neurons(neurons, title="")
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])
    assert data["words"] == list(neurons.words)
    cell, strip = data["cells"][0], neurons.strips[0]
    own = cell["strips"][0]
    levels = np.frombuffer(base64.b64decode(own["levels"]), dtype=np.uint8)
    values = own["low"] + levels / (LEVELS - 1) * (own["high"] - own["low"])
    expected = strip.values.T[cell["order"]]
    np.testing.assert_allclose(values.reshape(expected.shape), expected, atol=1 / 254)


@pytest.mark.parametrize("forbidden", ["", "\x00", "\x01", "\x0c", "\x1b", "\ud800", "\ufffe"])
def test_drawings_are_well_formed_and_named(classifier, corpus, forbidden):
    import xml.etree.ElementTree as ET

    found = look_at_neurons(classifier, HOSTILE, corpus=corpus)
    words = [f"{word}{forbidden}." for word in found.words]
    labels = [f"{label}{forbidden}!" for label in found.labels]
    drawings = draw_all(replace(found, words=words, labels=labels))
    assert {name.split("-")[0] for name in drawings} == {"gates", "unit", "states"}
    for drawing in drawings.values():
        texts = "".join(ET.fromstring(drawing).itertext())
        assert (f"{found.words[-1]}\ufffd." in texts) == bool(forbidden)


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        (None, {}, "neither a text nor a corpus"),
        ("", {}, "the text has 0 words"),
        (TEXT, {"units": ["1.forward.9"]}, "4 from 1.forward.0 to 1.backward.1"),
        (TEXT, {"component": "ner"}, "there's no component 'ner', only tok2vec, textcat"),
    ],
)
def test_what_cannot_be_shown_is_an_error(classifier, text, settings, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        look_at_neurons(classifier, text, **settings)


def test_pipeline_without_recurrent_layers_says_so():
    for name in ("embedding", "fasttext-classifier"):
        with pytest.raises(ConfigError, match="no recurrent encoder"):
            look_at_neurons(load_pipeline(str(SAVED / name)), TEXT)


def test_corpus_without_words_is_an_error(classifier):
    with pytest.raises(DataError, match="texts that have words"):
        read_units(classifier, [classifier.make_doc("")])

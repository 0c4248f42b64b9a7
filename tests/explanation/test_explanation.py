"""Which words mattered: integrated gradients beside captum's, leaving words out, attention, and the page."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import spacy
import torch
from captum.attr import IntegratedGradients

from seqpipe.errors import ConfigError
from seqpipe.explanation import Path as Way
from seqpipe.explanation import draw_page, explain, integrate_gradients, random_baselines
from seqpipe.inference import load_pipeline

SAVED = Path(__file__).parents[1] / "saved_models"
#: Each has another cell, and other vectors.
MODELS = ["text-classifier", "several-labels", "trained-and-tuned", "side-by-side", "pretrained"]
TEXT = "the gull near the reef of an oak"


@pytest.fixture(params=MODELS)
def nlp(request):
    return load_pipeline(str(SAVED / request.param))


@pytest.fixture
def classifier():
    return load_pipeline(str(SAVED / "text-classifier"))


def way(nlp, text=TEXT):
    return Way(nlp, nlp.pipe_names[1], nlp.make_doc(text))


def test_logits_are_those_behind_the_scores(nlp):
    path = way(nlp)
    scores = path.head.scores(path.logits(path.inputs[None]))[0].tolist()
    # What stands in doc.cats, without anything that's mixed with it.
    cats = nlp(TEXT).cats
    assert [cats[label] for label in path.labels] == pytest.approx(scores, abs=1e-6)


def test_contributions_are_those_of_captum(nlp):
    path = way(nlp)
    oracle = IntegratedGradients(path.logits)
    for label in range(len(path.labels)):
        found = integrate_gradients(path, label, steps=40)
        expected = oracle.attribute(
            path.inputs[None],
            baselines=0.0,
            target=label,
            n_steps=40,
            method="gausslegendre",
        )
        np.testing.assert_allclose(found.words, expected[0].sum(1).detach(), atol=1e-4)


def test_contributions_to_a_random_text_are_those_of_captum(classifier):
    path, doc = way(classifier), classifier.make_doc(TEXT)
    (baseline,) = random_baselines(classifier, "textcat", doc, count=1)
    found = integrate_gradients(path, 0, baselines=[baseline], steps=20)
    expected = IntegratedGradients(path.logits).attribute(
        path.inputs[None], baselines=baseline[None], target=0, n_steps=20
    )
    np.testing.assert_allclose(found.words, expected[0].sum(1).detach(), atol=1e-4)


def test_contributions_add_up_to_the_difference(nlp):
    found = explain(nlp, TEXT, labels=list(nlp.get_pipe(nlp.pipe_names[1]).labels))
    for each in found.explained:
        assert abs(sum(each.words) - each.total) <= 0.01 * max(abs(each.total), 0.1)


class Tipping:
    """A way on which the logit jumps, as on that of a network with two states."""

    def __init__(self):
        self.inputs = torch.tensor([[1.0], [3.0]])
        self.sharpness = 1e6

    def logits(self, inputs):
        total = inputs.sum((1, 2))
        return (torch.sigmoid(self.sharpness * (total - 1.23456)) + total)[:, None]


def test_jump_that_gradients_step_over_is_shared_out_and_told():
    found = integrate_gradients(Tipping(), 0)
    assert found.difference == pytest.approx(5.0)
    assert found.error < 1e-5 and found.shared_out == pytest.approx(1.0, abs=0.01)
    # In proportion to what they contribute otherwise, 1 to 3.
    assert found.words == pytest.approx([1.25, 3.75], abs=0.01)
    plain = integrate_gradients(Tipping(), 0, steps=50)
    assert plain.error == pytest.approx(1.0, abs=0.01) and plain.shared_out == 0


def test_smooth_logit_needs_few_points_and_shares_nothing_out_to_speak_of(classifier):
    found = integrate_gradients(way(classifier), 0)
    assert found.points == 32 and found.shared_out < 1e-3


def test_same_seed_compares_with_the_same_random_words(classifier):
    first, again, other = (explain(classifier, TEXT, seed=seed) for seed in (0, 0, 1))
    assert first == again and first != other


def test_random_words_are_frequent_ones_more_often(classifier):
    vectors = classifier.vocab.vectors
    words = [classifier.vocab.strings[key] for key in vectors.keys()]  # noqa: SIM118
    doc = spacy.tokens.Doc(classifier.vocab, words=["x"] * 3000)
    (inputs,) = random_baselines(classifier, "textcat", doc, count=1)
    first, last = (torch.tensor(classifier.vocab[w].vector) for w in (words[0], words[-1]))
    counts = [int((inputs[:, : len(first)] == each).all(1).sum()) for each in (first, last)]
    assert counts[0] > 3 * counts[1] > 0


def test_gradients_are_whole_where_training_cuts_them_off(classifier):
    path = way(classifier)
    before = integrate_gradients(path, 0, steps=8)
    recurrent = [m for m in path._encoder.modules() if hasattr(m, "tbptt")]
    for module in recurrent:
        module.tbptt = 2
    cut = integrate_gradients(path, 0, steps=8)
    assert recurrent and recurrent[0].tbptt == 2
    np.testing.assert_allclose(cut.words, before.words, atol=1e-6)


# Other ways.


def test_word_that_is_left_out_is_missing_from_the_text(classifier):
    found = explain(classifier, "wave of oak", method="leave-one-out", labels=["sea", "wood"])

    def log_odds(text, label):
        score = classifier(text).cats[label]
        return np.log(score / (1 - score))

    for each in found.explained:
        whole = log_odds("wave of oak", each.label)
        expected = [
            whole - log_odds(text, each.label) for text in ("of oak", "wave oak", "wave of")
        ]
        assert each.words == pytest.approx(expected, abs=1e-4) and each.total is None


def test_attention_adds_up_to_one_and_is_that_of_the_head():
    nlp = load_pipeline(str(SAVED / "several-labels"))
    found = explain(nlp, TEXT, method="attention")
    (each,) = found.explained
    assert sum(each.words) == pytest.approx(1) and min(each.words) > 0
    path = way(nlp)
    pooled = torch.tensor(each.words) @ path.encoded()
    logits = path.head.output(pooled)
    torch.testing.assert_close(logits, path.logits(path.inputs[None])[0], atol=1e-5, rtol=0)


def test_best_label_is_explained_unless_others_are_named(classifier):
    found = explain(classifier, TEXT)
    assert [each.label for each in found.explained] == [max(found.scores, key=found.scores.get)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"labels": ["see"]}, "there's no label 'see', only sea, wood; did you mean \"sea\"?"),
        (
            {"method": "magic"},
            "`method` is 'magic'; it may be gradients, leave-one-out or attention",
        ),
        ({"component": "ner"}, "no component 'ner' puts texts into classes, only textcat"),
        ({"method": "attention"}, "the head has no attention to show"),
    ],
)
def test_what_cannot_be_explained_is_an_error(classifier, settings, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        explain(classifier, TEXT, **settings)


def test_only_word_of_a_text_cannot_be_left_out(classifier):
    with pytest.raises(ConfigError, match="a text of one word has nothing left without it"):
        explain(classifier, "wave \n", method="leave-one-out")


def test_text_without_words_is_an_error(classifier):
    with pytest.raises(ConfigError, match="no words"):
        explain(classifier, "")


def test_pipelines_without_classes_or_gradients_say_so():
    with pytest.raises(ConfigError, match="puts no texts into classes"):
        explain(load_pipeline(str(SAVED / "embedding")), TEXT)
    nlp = load_pipeline(str(SAVED / "fasttext-classifier"))
    with pytest.raises(ConfigError, match="isn't a head on a recurrent encoder"):
        explain(nlp, TEXT)
    assert len(explain(nlp, TEXT, method="leave-one-out").explained[0].words) == 8


# The page.


def test_page_shows_the_text_as_it_is_and_loads_nothing(classifier):
    text = "wave <b>oak</b>\n of  the reef"
    page = draw_page(explain(classifier, text, labels=["sea", "wood"]), title="a & b")
    shown = re.sub(r"<[^>]+>", "", page.split('<p class="text">')[1].split("</p>")[0])
    assert shown.replace("&lt;", "<").replace("&gt;", ">") == text
    assert "a &amp; b" in page and "<script" not in page and not re.search(r"(?:src|href)=", page)
    assert page.count("<h2>") == 2 and re.search(r'class="[pn]9" title="[+-]0\.\d{4}"', page)


def test_explanation_can_be_written_as_json(classifier):
    told = explain(classifier, TEXT).to_json()
    assert json.loads(json.dumps(told, allow_nan=False)) == told

"""Calibrated scores, and decisions on labels."""

import json

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.language import Language
from spacy.training import Example

from seqpipe.adapters import DecisionPipe, decision_of, make_tune_mix
from seqpipe.adapters._decision_pipe import best_threshold
from seqpipe.errors import ConfigError, SavedModelError

LABELS = ("sea", "wood")


@Language.factory("tests_decision_before")
def make_before(nlp, name):
    """Set the scores that a text's words name: "0.9 0.1"."""

    def annotate(doc):
        doc.cats = {
            label: float(word) for label, word in zip(LABELS, doc.text.split(), strict=False)
        }
        return doc

    return annotate


def made(exclusive=True, **settings):
    nlp = spacy.blank("xx")
    nlp.add_pipe("tests_decision_before", name="before")
    nlp.add_pipe("seqpipe_decision", name="decision", config={"exclusive": exclusive, **settings})
    nlp.initialize(lambda: examples(nlp, [("0.5 0.5", {"sea": 1.0, "wood": 0.0})]))
    return nlp


def examples(nlp, texts):
    return [Example.from_dict(nlp.make_doc(text), {"cats": cats}) for text, cats in texts]


def truth(*labels):
    return {label: float(label in labels) for label in LABELS}


def tuned(nlp, texts):
    make_tune_mix(lambda nlp: examples(nlp, texts))(nlp)
    return nlp


def test_temperature_is_the_one_of_least_cross_entropy():
    # Scores of 0.9 are right in 7 of 10 cases: they should have been 0.7.
    texts = [("0.9 0.1", truth("sea"))] * 7 + [("0.9 0.1", truth("wood"))] * 3
    nlp = tuned(made(), texts)
    assert nlp("0.9 0.1").cats["sea"] == pytest.approx(0.7, abs=1e-4)
    temperature = decision_of(nlp)["temperature"]
    assert temperature == pytest.approx(np.log(9) / np.log(7 / 3), rel=1e-3)


@pytest.mark.parametrize("exclusive", [True, False])
def test_temperature_changes_no_decision(exclusive):
    given = {} if exclusive else {"thresholds": 0.5}
    plain, hot = (made(exclusive, temperature=t, **given) for t in (1.0, 3.0))
    for text in ("0.9 0.1", "0.2 0.7", "0.51 0.49", "0.8 0.7", "0.1 0.2"):
        if not exclusive or text not in ("0.8 0.7", "0.1 0.2"):
            assert plain(text)._.decision == hot(text)._.decision
            assert abs(hot(text).cats["sea"] - 0.5) < abs(plain(text).cats["sea"] - 0.5)


def test_text_below_the_bound_is_not_decided_on():
    nlp = made(temperature=1.0, abstain_below=0.7)
    assert nlp("0.9 0.1")._.decision == ("sea",)
    assert nlp("0.3 0.7")._.decision == ("wood",)
    assert nlp("0.6 0.4")._.decision == ()
    texts = [("0.9 0.1", truth("sea")), ("0.8 0.2", truth("wood")), ("0.6 0.4", truth("wood"))]
    scores = nlp.evaluate(examples(nlp, texts))
    assert scores["decision_answered"] == pytest.approx(2 / 3)
    assert scores["decision_accuracy"] == pytest.approx(1 / 2)


def test_labels_have_thresholds_of_their_own():
    # For "sea" 0.3 is enough, for "wood" 0.6 isn't.
    texts = [("0.4 0.6", truth("sea"))] * 6 + [("0.1 0.9", truth("wood"))] * 6
    nlp = tuned(made(exclusive=False), texts)
    assert nlp("0.4 0.6")._.decision == ("sea",)
    assert nlp("0.1 0.9")._.decision == ("wood",)
    found = decision_of(nlp)["thresholds"]
    assert found["sea"] < 0.5 < found["wood"]


def test_rare_label_has_the_threshold_of_all_decisions():
    texts = [("0.4 0.1", truth("sea"))] * 9 + [("0.1 0.05", truth("wood"))]
    nlp = tuned(made(exclusive=False, temperature=1.0), texts)
    found = decision_of(nlp)
    assert set(found["thresholds"]) == {"sea"}
    assert found["threshold"] == pytest.approx(0.25)


def test_given_settings_are_not_tuned():
    given = {"temperature": 2.0, "thresholds": {"wood": 0.9}}
    nlp = made(exclusive=False, **given)
    before = decision_of(nlp)
    assert before == {"temperature": 2.0, "threshold": 0.5, "thresholds": {"wood": 0.9}}
    assert decision_of(tuned(nlp, [("0.4 0.6", truth("sea"))] * 9)) == before


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=12))
def test_threshold_has_the_best_f_score_of_all(pairs):
    scores = np.array([score / 6 for score, _ in pairs])
    truths = np.array([is_true for _, is_true in pairs], dtype=bool)
    if not truths.any():
        assert best_threshold(scores, truths) == 0.5
        return

    def f(threshold):
        chosen = scores >= threshold
        return 2 * (chosen & truths).sum() / (chosen.sum() + truths.sum())

    assert f(best_threshold(scores, truths)) == max(f(each) for each in scores)


def test_labels_of_others_and_texts_without_scores_stay_as_they_are():
    nlp = made(temperature=2.0)
    assert nlp("")._.decision == () and nlp("").cats == {}
    doc = nlp.make_doc("x")
    doc.cats = {"sea": 0.9, "wood": 0.1, "mood": 0.25}
    assert nlp.get_pipe("decision")(doc).cats["mood"] == 0.25


@pytest.mark.parametrize("exclusive", [True, False])
def test_saved_pipeline_decides_the_same(exclusive, tmp_path):
    texts = [("0.9 0.1", truth("sea"))] * 7 + [("0.8 0.3", truth("wood"))] * 6
    nlp = tuned(made(exclusive), texts)
    nlp.to_disk(tmp_path / "model")
    loaded, copied = spacy.load(tmp_path / "model"), made(exclusive)
    copied.get_pipe("decision").from_bytes(nlp.get_pipe("decision").to_bytes())
    for text in ("0.9 0.1", "0.2 0.7", "0.4 0.4"):
        for other in (loaded, copied):
            assert other(text).cats == nlp(text).cats
            assert other(text)._.decision == nlp(text)._.decision


@pytest.mark.parametrize(
    "damage",
    [{"temperature": 0.0}, {"threshold": 2.0}, {"thresholds": {"sea": "x"}}, {"labels": [1]}],
)
def test_damaged_file_is_refused(damage, tmp_path):
    pipe = made(exclusive=False).get_pipe("decision")
    pipe.to_disk(tmp_path)
    file = tmp_path / "decision.json"
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **damage}), "utf-8")
    with pytest.raises(SavedModelError):
        pipe.from_disk(tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": 0.0}, "`temperature` is 0.0; it's a number above 0"),
        ({"exclusive": False, "thresholds": 1.5}, "`thresholds` has 1.5; thresholds lie between"),
        ({"exclusive": False, "thresholds": {"sea": -1.0}}, "`thresholds` has -1.0"),
        ({"abstain_below": 1.5}, "`abstain_below` is 1.5"),
        ({"exclusive": False, "abstain_below": 0.5}, "`abstain_below` is for exclusive classes"),
        (
            {"exclusive": False, "thresholds": {"see": 0.5}},
            "of the component 'decision' has the label 'see', and no text has that; did you mean \"sea\"",
        ),
        ({"thresholds": 0.4}, "`thresholds` are for classes that aren't exclusive"),
    ],
)
def test_unusable_setting_is_named(settings, message):
    with pytest.raises(ConfigError, match=message):
        made(**settings)


def test_component_is_a_decision_pipe_and_has_nothing_to_train():
    nlp = made()
    pipe = nlp.get_pipe("decision")
    assert isinstance(pipe, DecisionPipe) and pipe.labels == LABELS
    assert pipe.update([], losses={"before": 1.0}) == {"before": 1.0}


def test_whole_numbers_among_thresholds_are_saved(tmp_path):
    nlp = made(exclusive=False, temperature=2, thresholds={"sea": 1, "wood": 0})
    nlp.to_disk(tmp_path / "model")
    assert decision_of(spacy.load(tmp_path / "model")) == decision_of(nlp)
    assert decision_of(nlp)["thresholds"] == {"sea": 1.0, "wood": 0.0}


def test_initialising_again_forgets_what_was_tuned():
    nlp = tuned(made(exclusive=False), [("0.4 0.6", truth("sea"))] * 9)
    assert decision_of(nlp) != decision_of(made(exclusive=False))
    nlp.initialize(lambda: examples(nlp, [("0.5 0.5", {"town": 1.0, "sea": 0.0})]))
    assert decision_of(nlp) == {"temperature": 1.0, "threshold": 0.5, "thresholds": {}}
    assert nlp.get_pipe("decision").labels == ("town", "sea")


@pytest.mark.parametrize(("label", "bound"), [("sea", 0.1), ("wood", 10.0)])
def test_temperature_of_texts_that_are_all_right_or_all_wrong_is_bounded(label, bound):
    nlp = tuned(made(), [("0.6 0.4", truth(label))] * 5)
    assert decision_of(nlp)["temperature"] == pytest.approx(bound)


def test_text_without_a_label_that_is_decided_on_is_not_answered():
    nlp = made(exclusive=False, temperature=1.0, thresholds=0.5)
    scores = nlp.evaluate(examples(nlp, [("0.9 0.1", truth("sea")), ("0.1 0.1", truth())]))
    assert scores["decision_answered"] == 0.5 and scores["decision_accuracy"] == 1.0


def test_scores_in_the_description_are_those_of_what_was_tuned():
    texts = [("0.6 0.4", truth("sea"))] * 9
    nlp = made(exclusive=False, temperature=1.0)
    nlp.meta["performance"] = {"decision_accuracy": 0.0, "other": 0.5}
    tuned(nlp, texts)
    assert nlp.meta["performance"] == {"decision_accuracy": 1.0, "other": 0.5}

"""What predictions are worth: figures with intervals, slices, calibration, mistakes, comparisons, and their page."""

import json
import re

import numpy as np
import pytest
import scipy.stats
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.training import Example
from testing.broken_tasks import Good

from seqpipe.evaluation.predictions import Predicted, compare, draw_history, draw_page, evaluate
from seqpipe.evaluation.predictions._resample import bootstrap, interval, mcnemar
from seqpipe.parts.readers import Row
from seqpipe.tasks.numbers import Numbers
from seqpipe.tasks.text_classes import TextClasses

NLP = spacy.blank("en")


def predicted(pairs, *, exclusive=True, texts=None, labels="ab"):
    """Return predictions: for each text its true labels and its scores."""
    task = TextClasses.of_component(exclusive=exclusive, threshold=0.5, labels=labels)
    rows, examples = [], []
    for number, (true, scores) in enumerate(pairs):
        text = texts[number] if texts else f"text {number}"
        reference, said = NLP.make_doc(text), NLP.make_doc(text)
        reference.cats = {label: float(label in true) for label in labels}
        said.cats = dict(zip(labels, scores, strict=True))
        rows.append(Row(text, tuple(true), f"texts:{number}"))
        examples.append(Example(said, reference))
    return Predicted(task, tuple(labels), rows, examples)


# Resampling.


def test_interval_of_a_share_is_about_that_of_the_normal_distribution():
    right = np.arange(400) < 300
    samples = bootstrap(lambda places: {"share": float(right[places].mean())}, 400)
    assert len(samples["share"]) == 1000
    margin = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert interval(samples["share"]) == pytest.approx([0.75 - margin, 0.75 + margin], abs=0.008)


def test_same_seed_draws_the_same_and_nothing_comes_of_nothing():
    first, second, third = (
        bootstrap(lambda places: {"sum": float(places.sum())}, 9, seed=seed)["sum"]
        for seed in (0, 0, 1)
    )
    assert (first == second).all() and (first != third).any()
    assert bootstrap(lambda places: {"x": 1.0}, 0) == {}


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60))
def test_mcnemar_is_the_binomial_test_of_the_texts_that_differ(pairs):
    found = mcnemar([a for a, _ in pairs], [b for _, b in pairs])
    first = sum(a and not b for a, b in pairs)
    second = sum(b and not a for a, b in pairs)
    assert (found["only_first"], found["only_second"]) == (first, second)
    n = first + second
    assert found["p"] == pytest.approx(scipy.stats.binomtest(first, n).pvalue if n else 1.0)


def test_mcnemar_of_many_texts_does_not_overflow():
    found = mcnemar([True] * 3000 + [False] * 2000, [False] * 3000 + [True] * 2000)
    assert 0 < found["p"] < 1e-40


# Figures.

_SCORES = st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.7, 1.0]), min_size=3, max_size=3)


@given(
    st.lists(
        st.tuples(st.sets(st.sampled_from("abc"), max_size=3), _SCORES), min_size=1, max_size=12
    ),
    st.booleans(),
)
def test_figures_over_arrays_are_those_of_the_task(pairs, exclusive):
    if exclusive:
        pairs = [({min(true)} if true else {"a"}, scores) for true, scores in pairs]
    each = predicted(pairs, exclusive=exclusive, labels="abc")
    found = each.figures_of()(np.arange(len(pairs)))
    expected = each.task.score(each.examples)
    assert found == pytest.approx({name: expected[name] for name in found})
    twice = each.figures_of()(np.array([0, 0]))
    assert twice["accuracy"] == each.task.score(each.examples[:1] * 2)["accuracy"]


def test_labels_of_other_components_do_not_count():
    each = predicted([("a", (0.9, 0.1)), ("b", (0.2, 0.8))])
    for example in each.examples:
        example.predicted.cats = {**example.predicted.cats, "other": 1.0}
        example.reference.cats = {**example.reference.cats, "other": 0.0}
    assert each.figures_of()(np.arange(2)) == {"accuracy": 1.0, "micro_f": 1.0, "macro_f": 1.0}


def test_evaluation_has_intervals_around_its_figures():
    pairs = [("a", (0.9, 0.1))] * 70 + [("a", (0.1, 0.9))] * 30
    found = evaluate(predicted(pairs))
    assert found["figures"]["accuracy"] == 0.7 and found["resamples"] == 1000
    low, high = found["intervals"]["accuracy"]
    assert 0.58 < low < 0.65 and 0.75 < high < 0.82
    json.dumps(found, allow_nan=False)


def test_worst_mistakes_come_first_and_right_ones_are_none():
    pairs = [("a", (0.9, 0.1)), ("a", (0.4, 0.6)), ("b", (0.99, 0.01)), ("b", (0.8, 0.2))]
    found = evaluate(predicted(pairs), most=2)["mistakes"]
    assert [each["place"] for each in found] == ["texts:2", "texts:3"]
    assert (found[0]["truth"], found[0]["prediction"]) == (["b"], ["a"])


def test_calibration_has_the_share_of_right_ones_by_score():
    pairs = [("a", (0.85, 0.15))] * 3 + [("b", (0.85, 0.15))] + [("a", (1.0, 0.0))]
    low, high = evaluate(predicted(pairs))["calibration"]
    assert (low["from"], low["texts"], low["right"]) == (0.8, 4, 0.75)
    assert (high["to"], high["texts"], high["right"]) == (1.0, 1, 1.0)
    assert evaluate(predicted(pairs, exclusive=False))["calibration"] is None


def test_slices_part_all_texts_by_length():
    texts = [" ".join(["word"] * n) for n in (1, 1, 1, 2, 3, 50)]
    found = evaluate(predicted([("a", (0.9, 0.1))] * 6, texts=texts))["slices"]
    assert {each["by"] for each in found} == {"words"}
    assert sum(each["texts"] for each in found) == 6
    assert (found[0]["from"], found[-1]["to"]) == ("1", "50")


def test_texts_of_one_length_have_no_slices():
    assert evaluate(predicted([("a", (0.9, 0.1))] * 6))["slices"] == []


def test_numbers_have_errors_and_no_rights_and_wrongs():
    task = Numbers()
    rows, examples = [], []
    for number in range(30):
        reference, said = NLP.make_doc(f"text {number}"), NLP.make_doc(f"text {number}")
        reference._.numbers, said._.numbers = {"number": float(number)}, {"number": number * 0.9}
        rows.append(Row("text", (str(number),), f"texts:{number}"))
        examples.append(Example(said, reference))
    each = Predicted(task, ("number",), rows, examples)
    found = evaluate(each)
    assert found["mistakes"][0]["place"] == "texts:29" and found["calibration"] is None
    low, high = found["intervals"]["mae"]
    assert low < found["figures"]["mae"] < high
    other = compare(each, each)
    assert other["differences"]["mae"] == {"difference": 0.0, "interval": [0.0, 0.0]}


def test_task_of_a_stranger_has_figures_with_intervals():
    task = Good()
    rows = list(task.sample()) * 4
    examples = []
    for row in rows:
        reference, said = NLP.make_doc(row.text), NLP.make_doc(row.text)
        task.annotate(reference, row, [])
        said.user_data["long"] = 1.0
        examples.append(Example(said, reference))
    found = evaluate(Predicted(task, ("long",), rows, examples))
    assert found["figures"] == {"right": 0.5} and found["mistakes"] == []
    assert found["intervals"]["right"][0] < 0.5 < found["intervals"]["right"][1]


def test_comparison_has_the_difference_and_who_is_right_alone():
    truths = ["a"] * 50 + ["b"] * 50
    first = predicted([(t, (0.9, 0.1)) for t in truths])
    second = predicted(
        [(t, (0.9, 0.1) if t == "a" and n else (0.1, 0.9)) for n, t in enumerate(truths)]
    )
    found = compare(first, second)
    assert found["differences"]["accuracy"]["difference"] == pytest.approx(0.49)
    low, high = found["differences"]["accuracy"]["interval"]
    assert 0.3 < low < 0.49 < high < 0.65
    assert (found["right"]["only_first"], found["right"]["only_second"]) == (1, 50)
    assert found["right"]["p"] < 1e-6


def test_classes_that_a_sample_lacks_do_not_lower_its_mean():
    labels = [chr(ord("a") + n) for n in range(20)]
    pairs = [(label, [float(x == label) for x in labels]) for label in labels]
    found = evaluate(predicted(pairs, labels="".join(labels)))
    assert found["figures"]["macro_f"] == 1.0 and found["intervals"]["macro_f"] == [1.0, 1.0]


def test_figure_that_some_samples_lack_has_the_interval_of_the_others_and_a_rare_one_none():
    def figures_of(places):
        often = {"often": 1.0} if 0 in places else {}
        return {
            "always": 2.0,
            **often,
            **({"rarely": 3.0} if (places == np.arange(9)).all() else {}),
        }

    samples = bootstrap(figures_of, 9)
    assert interval(samples["often"]) == [1.0, 1.0] and interval(samples["always"]) == [2.0, 2.0]
    assert interval(samples["rarely"]) is None


@pytest.mark.parametrize("common", [1, 9])
def test_value_that_most_texts_share_is_a_slice_by_itself(common):
    lengths = [common] * 80 + [3] * 5 + [5] * 15
    texts = [" ".join(["word"] * n) for n in lengths]
    found = evaluate(predicted([("a", (0.9, 0.1))] * 100, texts=texts))["slices"]
    assert sorted(each["texts"] for each in found) == [20, 80]
    assert {each["from"] for each in found if each["texts"] == 80} == {str(common)}


# The page.


def page_of(each, **settings):
    found = {"texts": 4, "skipped": [], "heads": {"textcat": evaluate(each)}, "comparison": {}}
    return draw_page(found, title="<b>model</b>", **settings)


def test_page_loads_nothing_and_escapes_what_comes_from_data():
    texts = ["<script>alert(1)</script>"] * 4
    pairs = [("a", (0.9, 0.1)), ("b", (0.9, 0.1)), ("a", (0.6, 0.4)), ("b", (0.4, 0.6))]
    page = page_of(predicted(pairs, texts=texts))
    assert "<script" not in page and "&lt;script&gt;alert" in page and "&lt;b&gt;model" in page
    assert not re.search(r"(?:src|href)=", page)
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    for part in ("Classes", "Confusion", "Calibration", "The worst mistakes"):
        assert f">{part}<" in page


def test_page_has_the_curves_of_a_training():
    history = [
        {"step": 10 * n, "loss": 1 / n, "score": 0.5 + n / 10, "is_best": n == 3}
        for n in (1, 2, 3, 4)
    ]
    assert draw_history(history) in page_of(predicted([("a", (0.9, 0.1))] * 4), history=history)
    curve = draw_history(history)
    assert curve.count("<polyline") == 2 and "step 30: 0.8000" in curve
    assert "<polyline" not in draw_history(
        [{"step": 1, "loss": 1.0, "score": None}, {"step": 2, "loss": None}]
    )

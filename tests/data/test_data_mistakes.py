"""Confident learning: flipped labels are found, and the formulas give what they give by hand."""

import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from seqpipe.data import find_mistakes
from seqpipe.data._mistakes import (
    _folds,
    _thinned,
    confident_classes,
    estimated_errors,
    normalised_margins,
)
from seqpipe.errors import DataError
from seqpipe.parts.readers import Row

TOPICS = {
    "sport": [
        "goal",
        "match",
        "team",
        "striker",
        "coach",
        "league",
        "cup",
        "score",
        "referee",
        "season",
    ],
    "music": [
        "song",
        "piano",
        "concert",
        "band",
        "singer",
        "album",
        "chorus",
        "guitar",
        "melody",
        "drum",
    ],
    "food": [
        "soup",
        "bread",
        "cheese",
        "oven",
        "salt",
        "pepper",
        "dinner",
        "recipe",
        "onion",
        "butter",
    ],
}
COMMON = [
    "the",
    "a",
    "of",
    "and",
    "in",
    "with",
    "we",
    "they",
    "was",
    "were",
    "it",
    "that",
    "this",
    "for",
    "on",
    "at",
    "by",
    "from",
]


def make_rows(count, *, seed=0):
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        label = draw.choice(list(TOPICS))
        words = draw.choices(COMMON, k=9) + draw.sample(TOPICS[label], 3)
        draw.shuffle(words)
        rows.append(Row(" ".join(words), (label,), f"a.csv:{number}"))
    return rows


def flipped(rows, share, *, seed=1):
    draw = random.Random(seed)
    places = set(draw.sample(range(len(rows)), round(share * len(rows))))
    changed = [
        replace(row, labels=(draw.choice([each for each in TOPICS if each != row.labels[0]]),))
        if place in places
        else row
        for place, row in enumerate(rows)
    ]
    return changed, {rows[place].source: rows[place].labels[0] for place in places}


def test_most_flipped_labels_are_among_the_first_found():
    rows, truth = flipped(make_rows(600), 0.05)
    found = find_mistakes(rows)
    first = found.mistakes[: len(truth)]
    hits = [each for each in first if each.row.source in truth]
    assert len(hits) >= 0.9 * len(truth)
    assert [each.suggested for each in hits] == [truth[each.row.source] for each in hits]
    assert found.judged == 600 and 0.03 < found.share < 0.08
    assert [each.margin for each in found.mistakes] == sorted(e.margin for e in found.mistakes)


def test_right_labels_are_not_found():
    assert len(find_mistakes(make_rows(300)).mistakes) <= 3


def test_same_rows_give_the_same():
    rows, _ = flipped(make_rows(150), 0.1)
    assert find_mistakes(rows) == find_mistakes(rows[::-1])


def test_class_with_too_few_texts_is_left_out():
    rows = [*make_rows(60), Row("one", ("rare",), "a.csv:98"), Row("two", ("rare",), "a.csv:99")]
    found = find_mistakes(rows)
    assert found.left_out == ("rare",) and found.judged == 60


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (Row("a", ("x", "y"), "a.csv:7"), "a.csv:7 has 2 labels"),
        (Row("a", (), "a.csv:7", numbers=(1.5,)), "a.csv:7 has none"),
        (Row("a", (), "a.csv:7", words=("a",), spaces=(False,)), "labels of its words"),
    ],
)
def test_other_data_than_classes_is_refused(row, message):
    with pytest.raises(DataError, match=message):
        find_mistakes([*make_rows(20), row])


def test_one_class_is_refused():
    with pytest.raises(DataError, match="fewer than two classes"):
        find_mistakes([Row(f"text {n}", ("x",), f"a:{n}") for n in range(9)])


# By hand: the mean of what texts labelled 0 have for class 0 is 0.6, and that of class 1 is 0.7.
GIVEN = np.array([0, 0, 0, 1, 1])
PROBABILITIES = np.array(
    [[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.1, 0.9], [0.5, 0.5]], dtype=np.float32
)


def test_confident_classes_by_hand():
    assert confident_classes(GIVEN, PROBABILITIES).tolist() == [0, 0, 1, 1, -1]


def test_class_without_texts_is_never_confident():
    more = np.column_stack([PROBABILITIES, np.ones(5, dtype=np.float32)])
    assert 2 not in confident_classes(GIVEN, more)


def test_margins_by_hand():
    margins = normalised_margins(GIVEN, PROBABILITIES)
    assert margins == pytest.approx([0.8, 0.4, -0.6, 0.8, 0.0])


def test_estimated_errors_by_hand():
    # The counts [[2, 1], [0, 1]] become [[2, 1], [0, 2]], as five texts were given.
    classes = confident_classes(GIVEN, PROBABILITIES)
    assert estimated_errors(GIVEN, classes, 2) == pytest.approx(1 / 5)
    assert estimated_errors(np.array([0, 1]), np.array([-1, 1]), 2) == 0.0


def test_class_with_probability_zero_is_never_confident():
    given = np.array([0, 0, 1, 1, 2])
    unsure = np.array([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9], [0.5, 0.5], [0.5, 0.5]])
    classes = confident_classes(given, np.column_stack([unsure, np.zeros(5)]).astype(np.float32))
    assert classes.tolist() == [0, -1, 1, -1, -1]


def test_probabilities_as_good_as_equal_reach_their_mean():
    # What equal texts have differs in the last digits.
    near = np.array([0.7, 0.7, np.nextafter(0.7, 1, dtype=np.float32)], dtype=np.float32)
    classes = confident_classes(np.array([1, 1, 1]), np.column_stack([1 - near, near]))
    assert classes.tolist() == [1, 1, 1]


def test_thinned_sample_has_texts_of_every_class(monkeypatch):
    monkeypatch.setattr("seqpipe.data._mistakes._MAX_WORDS", 12 * 400 // 10)
    rare = [Row(f"opera {number}", ("opera",), f"a.csv:{number}") for number in range(5)]
    rows = [*make_rows(200), *rare, *make_rows(200, seed=2)]
    counts = Counter(row.labels[0] for row in _thinned(rows))
    assert counts.pop("opera") == 5
    # Of a class that has more, 20 at least.
    assert counts.keys() == TOPICS.keys() and all(20 <= count < 30 for count in counts.values())


def test_rare_class_is_not_found_where_a_sample_is_learnt_from(monkeypatch):
    monkeypatch.setattr("seqpipe.data._mistakes._MAX_WORDS", 12 * 400 * 4 // 5 // 10)
    rare = [Row(f"the opera number {n} of the evening", ("zz",), f"b.csv:{n}") for n in range(6)]
    found = find_mistakes([*make_rows(400), *rare])
    assert [each for each in found.mistakes if "zz" in (each.given, each.suggested)] == []


def test_no_text_is_judged_by_a_model_that_learnt_it_in_capitals():
    # There's nothing to learn from other texts.
    texts = [" ".join(f"w{number}x{place}" for place in range(6)) for number in range(60)]
    draw = random.Random(0)
    rows = []
    for number, text in enumerate(texts):
        label = draw.choice(["x", "y"])
        rows += [Row(form, (label,), f"a.csv:{number}") for form in (text, text.upper())]
    assert len(find_mistakes(rows).mistakes) > 20


def test_folds_keep_together_what_differs_in_case_and_white_space():
    rows = [
        replace(row, text=text)
        for row in make_rows(40)
        for text in (row.text, row.text.upper(), f" {row.text.title()}")
    ]
    folds = _folds(rows, 0)
    texts = [{" ".join(row.text.lower().split()) for row in fold} for fold in folds]
    assert sorted(map(id, (row for fold in folds for row in fold))) == sorted(map(id, rows))
    assert sum(map(len, texts)) == len(set.union(*texts)) == 40


def test_both_texts_of_a_pair_are_judged():
    rows = [replace(row, text="what's it about?", pair=row.text) for row in make_rows(200)]
    rows, truth = flipped(rows, 0.05)
    first = find_mistakes(rows).mistakes[: len(truth)]
    assert len([each for each in first if each.row.source in truth]) >= 0.6 * len(truth)

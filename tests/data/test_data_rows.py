"""Counts, lengths, duplicates and leaks, on rows made by hand."""

import pytest

from seqpipe.data import find_duplicates, find_leaks, summarise
from seqpipe.parts.readers import BadRow, Row, Span


def row(text, *labels, at=1, **more):
    return Row(text, labels, f"a.csv:{at}", **more)


def test_labels_are_counted_the_most_frequent_first():
    rows = [row("a", "x"), row("b", "y"), row("c", "y"), row("d", "x", "y", "z")]
    summary = summarise(rows)
    assert list(summary.labels.items()) == [("y", 3), ("x", 2), ("z", 1)]
    assert summary.rows == 4 and summary.several == 1 and not summary.marks


def test_lengths_have_quartiles_and_the_place_of_the_longest():
    rows = [row("a " * count, "x", at=count) for count in (1, 5, 2, 4, 3)]
    summary = summarise(rows)
    assert summary.words.quartiles == (1, 2, 3, 4, 5)
    assert summary.characters.quartiles == (2, 4, 6, 8, 10)
    assert summary.characters.longest == summary.words.longest == "a.csv:5"


def test_words_tags_and_spans_are_counted():
    tagged = row(
        "New York sleeps",
        words=("New York", "sleeps"),
        spaces=(True, False),
        tags={"pos": ("NOUN", None)},
        spans=(Span(0, 8, "GPE"),),
    )
    summary = summarise([tagged])
    assert summary.words.quartiles[-1] == 2
    assert summary.marks == {"pos": {"NOUN": 1}, "spans": {"GPE": 1}}


def test_numbers_are_summed_up():
    assert summarise([row("a", numbers=(1.0,)), row("b", numbers=(4.0,))]).numbers == (1, 2.5, 4)


def test_bad_rows_are_grouped_by_what_is_wrong():
    skipped = [
        BadRow("a.csv:1", "its text is empty"),
        BadRow("a.csv:2", "it has 3 cells where the header has 2"),
        BadRow("a.csv:9", "it has 4 cells where the header has 2"),
    ]
    problems = summarise([row("a", "x")], skipped).problems
    assert [problem.places for problem in problems] == [("a.csv:2", "a.csv:9"), ("a.csv:1",)]
    assert problems[0].text == skipped[1].problem


def test_duplicates_differ_in_case_and_white_space_only_and_contradictions_come_first():
    rows = [
        row("One  text", "x", at=1),
        row("one text\n", "x", at=2),
        row("ONE text", "x", at=3),
        row("other", "x", at=4),
        row("Other ", "y", at=5),
        row("one text.", "x", at=6),
    ]
    found = find_duplicates(rows)
    assert [each.disagrees for each in found] == [True, False]
    assert [[r.source for r in each.rows] for each in found] == [
        ["a.csv:4", "a.csv:5"],
        ["a.csv:1", "a.csv:2", "a.csv:3"],
    ]


@pytest.mark.parametrize(
    "more", [{"tags": {"pos": ("A",)}}, {"spans": (Span(0, 1, "A"),)}, {"numbers": (2.0,)}]
)
def test_texts_with_different_tags_spans_or_numbers_disagree(more):
    (found,) = find_duplicates([row("a"), row("A", **more)])
    assert found.disagrees


def test_order_of_labels_makes_no_difference():
    (found,) = find_duplicates([row("a", "x", "y"), row("a", "y", "x")])
    assert not found.disagrees


def test_leaks_are_pairs_with_their_share():
    train = [row("one", "x", at=1), row("two", "y", at=2), row("Two", "y", at=3)]
    test = [row("TWO", "x", at=8), row("three", "x", at=9)]
    dev = [row("four", "x", at=7)]
    leaks = find_leaks({"train": train, "dev": dev, "test": test})
    assert [(leak.part, leak.other, len(leak.pairs)) for leak in leaks] == [
        ("test", "train", 1),
        ("dev", "train", 0),
        ("test", "dev", 0),
    ]
    (pair,) = leaks[0].pairs
    assert [each.source for each in pair] == ["a.csv:8", "a.csv:2"]
    assert leaks[0].share == 0.5


def test_whole_is_compared_as_train_is():
    assert len(find_leaks({"data": [row("a", "x")], "test": [row("a", "x")]})[0].pairs) == 1
    assert find_leaks({"data": [row("a", "x")]}) == []


def test_pairs_are_equal_if_both_texts_are():
    rows = [
        row("One", "x", at=1, pair="two"),
        row("one", "y", at=2, pair="three"),
        row("one", "x", at=3),
        row("TWO ", "x", at=4, pair="one"),
    ]
    (found,) = find_duplicates(rows)
    assert [each.source for each in found.rows] == ["a.csv:1", "a.csv:4"]
    (leak,) = find_leaks({"train": rows[:1], "test": rows[1:]})
    assert [(a.source, b.source) for a, b in leak.pairs] == [("a.csv:4", "a.csv:1")]

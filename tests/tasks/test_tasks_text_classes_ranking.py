"""Precision and recall at k, as fastText's `test` has them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqpipe.evaluation import RankScore, score_classes, score_ranking

LABELS = "abcdefg"
scores = st.dictionaries(st.sampled_from(LABELS), st.floats(0, 1), min_size=1)
truths = st.fixed_dictionaries({label: st.sampled_from([0.0, 1.0]) for label in LABELS})


def test_first_labels_are_counted():
    truth = {"a": 1.0, "b": 1.0, "c": 0.0}
    found = score_ranking([truth, truth], [{"a": 0.9, "b": 0.1, "c": 0.5}] * 2, first=(1, 2))
    assert found == {"1": RankScore(1.0, 0.5), "2": RankScore(0.5, 0.5)}


def test_labels_and_texts_that_nothing_is_known_of_do_not_count():
    truths = [{"a": 1.0, "new": 1.0}, {"new": 1.0}]
    assert score_ranking(truths, [{"a": 1.0, "b": 0.0}] * 2)["1"] == RankScore(1.0, 1.0)
    assert score_ranking([{"new": 1.0}], [{"a": 1.0}])["1"] == RankScore(0.0, 0.0)


@given(st.lists(st.tuples(truths, scores), min_size=1))
def test_all_labels_found_are_all_the_recall_there_is(pairs):
    found = score_ranking(*map(list, zip(*pairs, strict=True)), first=(1, len(LABELS)))
    known = any(truth[label] for truth, score in pairs for label in score)
    assert found[str(len(LABELS))].recall == float(known)
    assert found["1"].recall <= 1 and found["1"].precision <= 1


@pytest.mark.parametrize("exclusive", [True, False])
def test_it_stands_with_the_scores_of_classes_that_are_not_exclusive(exclusive):
    truths, predictions = [{"a": 1.0, "b": 0.0}], [{"a": 0.7, "b": 0.6}]
    found = score_classes(truths, predictions, exclusive=exclusive)
    expected = None if exclusive else score_ranking(truths, predictions)
    assert found.ranked == expected

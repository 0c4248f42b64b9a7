"""The updates are the papers'."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts.embedders.retrofit_examples import (
    counter_fitted_one_by_one,
    random_units,
    retrofitted_one_by_one,
)

from seqpipe.errors import EmbedderError
from seqpipe.parts.embedders.retrofit import _counterfit, _lists, _retrofit
from seqpipe.parts.embedders.retrofit._counterfit import Objective, counter_fit, near_pairs

WORDS = 12
NOTHING = np.zeros((0, 2), dtype=np.int64)


def as_pairs(chosen):
    """Return the pairs as arrays, the lower row first, each once, in ascending order."""
    return np.array(sorted({(min(p), max(p)) for p in chosen}), dtype=np.int64).reshape(-1, 2)


rows = st.integers(0, WORDS - 1)
pair_lists = st.lists(st.tuples(rows, rows).filter(lambda pair: pair[0] != pair[1]), max_size=40)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Few links at a time, so that the small examples have several blocks."""
    monkeypatch.setattr(_lists, "BLOCK", 5)
    monkeypatch.setattr(_retrofit, "BLOCK", 5)
    monkeypatch.setattr(_counterfit, "_ROWS", 5)


@settings(max_examples=60, deadline=None)
@given(pair_lists, st.integers(1, 4), st.sampled_from([0.0, 0.5, 1.0, 3.0]), st.integers(0, 99))
def test_retrofitting_is_what_going_through_the_words_gives(chosen, iterations, own_weight, seed):
    vectors, pairs = random_units(WORDS, seed=seed), as_pairs(chosen)
    moved = _retrofit.retrofit(vectors, pairs, iterations=iterations, own_weight=own_weight)
    expected = retrofitted_one_by_one(vectors, pairs, iterations, own_weight)
    np.testing.assert_allclose(moved, expected, rtol=0, atol=1e-6)


def test_retrofitting_ends_where_a_linear_system_says():
    vectors = random_units(WORDS)
    pairs = as_pairs([(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (0, 7)])
    links = np.zeros((WORDS, WORDS))
    links[tuple(pairs.T)] = links[tuple(pairs.T[::-1])] = 1
    degree = links.sum(axis=1, keepdims=True)
    means = np.divide(links, degree, out=np.zeros_like(links), where=degree > 0)
    own = np.where(degree > 0, 1.0, 2.0)
    expected = np.linalg.solve(2 * np.eye(WORDS) - means, own * vectors)
    moved = _retrofit.retrofit(vectors, pairs, iterations=60, own_weight=1.0)
    np.testing.assert_allclose(moved, expected, atol=1e-6)


def test_retrofitting_leaves_what_it_was_given():
    vectors = random_units(WORDS)
    before = vectors.copy()
    _retrofit.retrofit(vectors, as_pairs([(0, 1)]), iterations=2, own_weight=1.0)
    assert np.array_equal(vectors, before)


@settings(max_examples=60, deadline=None)
@given(
    pair_lists,
    pair_lists,
    st.sampled_from([Objective(), Objective(0.3, 0.05, 0.2, 0.7, 0.1, 0.9), Objective(0, 0.1, 0)]),
    st.integers(0, 99),
)
def test_counter_fitting_is_the_sum_over_the_pairs(synonyms, antonyms, objective, seed):
    units = random_units(WORDS, width=3, seed=seed)
    fitted = counter_fit(
        units,
        synonyms=as_pairs(synonyms),
        antonyms=as_pairs(antonyms),
        near=near_pairs(units, objective.neighbour_distance, most=1000),
        objective=objective,
        iterations=3,
    )
    expected = counter_fitted_one_by_one(units, synonyms, antonyms, objective, 3)
    np.testing.assert_allclose(fitted, expected, atol=1e-9)


def test_pair_in_both_lists_is_one_of_antonyms():
    units = np.array([[1.0, 0.0], [0.8, 0.6]])
    both = as_pairs([(0, 1)])
    given = {"near": both, "objective": Objective(), "iterations": 1}
    fitted = counter_fit(units, synonyms=both, antonyms=both, **given)
    alone = counter_fit(units, synonyms=NOTHING, antonyms=both, **given | {"near": NOTHING})
    assert fitted[0] @ fitted[1] < 0.8
    assert np.array_equal(fitted, alone)


def test_antonyms_are_pushed_to_their_distance_and_no_farther():
    units = np.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [-0.6, 0.8]])
    fitted = counter_fit(
        units,
        synonyms=NOTHING,
        antonyms=as_pairs([(0, 1), (2, 3)]),
        near=NOTHING,
        objective=Objective(antonym_distance=0.5),
        iterations=100,
    )
    assert fitted[0] @ fitted[1] == pytest.approx(0.5, abs=0.1)
    assert np.array_equal(fitted[2:], units[2:])


def test_neighbours_follow_a_word_that_is_moved():
    units = np.array([[1.0, 0.0], [0.8, 0.6], [0.99, 0.141067]])
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    given = {"synonyms": NOTHING, "antonyms": as_pairs([(0, 1)]), "iterations": 20}
    near = near_pairs(units, 0.05, most=10)
    assert near.tolist() == [[0, 2]]
    alone = counter_fit(units, near=NOTHING, objective=Objective(), **given)
    together = counter_fit(units, near=near, objective=Objective(), **given)
    assert np.array_equal(alone[2], units[2])
    assert together[0] @ together[2] > alone[0] @ alone[2]


def test_pairs_that_nothing_moves_stay_to_the_bit():
    units = random_units(200, width=5).astype("float32")
    near = near_pairs(units, 0.4, most=10**6)
    given = {"synonyms": NOTHING, "antonyms": NOTHING, "objective": Objective(), "iterations": 5}
    assert len(near) > 100
    assert np.array_equal(counter_fit(units, near=near, **given), units)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 30), st.floats(0.01, 1.5), st.integers(0, 9))
def test_neighbours_are_found_by_their_distance(words, distance, seed):
    units = random_units(words, width=3, seed=seed)
    distances = 1 - units @ units.T
    expected = np.argwhere(np.triu(distances <= distance, k=1))
    found = near_pairs(units, distance, most=1000)
    assert sorted(found.tolist()) == expected.tolist()


def test_too_many_neighbours_are_refused_before_they_fill_the_memory():
    units = np.ones((40, 1))
    with pytest.raises(EmbedderError, match="more than 100 pairs of words"):
        near_pairs(units, 0.2, most=100)

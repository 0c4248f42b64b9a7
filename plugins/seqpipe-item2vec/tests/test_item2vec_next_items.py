"""Hidden items, guessed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqpipe.errors import ConfigError
from seqpipe.evaluation import Fitted
from seqpipe.parts.embedders import Embedder

from seqpipe_item2vec import _rankers
from seqpipe_item2vec._next_items import make_next_items
from seqpipe_item2vec._rankers import by_item_cosine, by_popularity, count_items, gains, rank_of
from seqpipe_item2vec._trials import Trial, draw_trials

NUMBERS = {"a": 0, "b": 1, "c": 2, "d": 3}
BASKETS = [["a", "b"], ["a", "b", "c", "a"], ["c", "d", "x"], ["a"], []]


class Fixed(Embedder):
    """Vectors that are given."""

    width = 2

    def __init__(self, vectors):
        self.vectors = vectors

    @property
    def vocabulary(self):
        return tuple(self.vectors)

    def embed(self, words):
        return np.array([self.vectors[word] for word in words], dtype=np.float32)

    def fit(self, sequences, *, seed=0, on_progress=None):
        raise NotImplementedError

    to_disk = from_disk = fit


def draw(baskets=BASKETS, *, hide="each", most=1000, seed=0):
    return draw_trials(baskets, NUMBERS, hide=hide, most=most, seed=seed)


def test_each_item_is_hidden_once():
    drawn = draw()
    assert drawn.trials == (
        *(Trial((1,), 0), Trial((0,), 1)),
        *(Trial((2, 0), 1), Trial((1, 0), 2), Trial((1, 2), 0)),
        *(Trial((3,), 2), Trial((2,), 3)),
    )
    # "x" is hidden too, and isn't known.
    assert (drawn.baskets, drawn.hidden, drawn.askable) == (3, 8, 7)


def test_the_last_item_is_hidden():
    drawn = draw(hide="last")
    assert drawn.trials == (Trial((0,), 1), Trial((1, 2), 0))
    assert (drawn.hidden, drawn.askable) == (3, 2)


def test_an_item_is_hidden_by_chance():
    assert draw(hide="random").trials == draw(hide="random").trials
    assert len({draw(hide="random", seed=seed).trials for seed in range(20)}) > 5
    assert draw(hide="random").hidden == 3


def test_trials_are_drawn_evenly():
    every = draw().trials
    drawn = [draw(most=2, seed=seed) for seed in range(700)]
    assert all(len(each.trials) == 2 and each.askable == 7 for each in drawn)
    times = [sum(trial in each.trials for each in drawn) for trial in every]
    # 200 each, with a deviation of 12.
    assert min(times) > 140 and max(times) < 260


def test_items_and_pairs_are_counted(monkeypatch):
    monkeypatch.setattr(_rankers, "_BASKETS_AT_ONCE", 2)
    counts = count_items(BASKETS, NUMBERS)
    assert counts.single.tolist() == [3, 2, 2, 1]
    assert counts.pairs.toarray().tolist() == [
        [0, 2, 1, 0],
        [2, 0, 1, 0],
        [1, 1, 0, 1],
        [0, 0, 1, 0],
    ]


@given(st.lists(st.lists(st.sampled_from("abcdx"), max_size=6), max_size=12))
def test_cosines_are_those_of_the_tables_columns(baskets):
    counts = count_items(baskets, NUMBERS)
    table = np.array([[item in basket for item in NUMBERS] for basket in baskets], dtype=float)
    table = table.reshape(-1, 4)
    lengths = np.maximum(np.linalg.norm(table, axis=0), 1e-9)
    cosines = table.T @ table / np.outer(lengths, lengths)
    np.fill_diagonal(cosines, 0)
    assert np.allclose(by_item_cosine(counts)([1, 3]), cosines[[1, 3]].sum(axis=0))
    assert np.array_equal(by_popularity(counts)([1]), table.sum(axis=0))


def test_rank_leaves_out_the_basket_and_halves_ties():
    scores = np.array([5.0, 3.0, 3.0, 1.0, 3.0])
    assert rank_of(3, scores, [0]) == 4
    assert rank_of(1, scores, [0]) == 2
    assert rank_of(1, scores, [4]) == 2.5
    assert rank_of(0, scores, []) == 1


def test_gains_end_at_k():
    assert list(gains([1, 2.5, 3, 4], 3)) == [1, 0.4, 1 / 3, 0]


def score(embedder, train=BASKETS, test=BASKETS, **settings):
    return make_next_items(**settings)(Fitted(embedder, lambda: iter(train), lambda: iter(test)))


def test_ranks_become_rates():
    embedder = Fixed({"a": (1, 0), "b": (1, 0.1), "c": (0, 1), "d": (0.1, 1)})
    told = score(embedder, test=[["a", "b"], ["c", "d"], ["a", "d"]], k=1)
    assert told["similar"] == {"hit_rate": pytest.approx(4 / 6), "mrr": pytest.approx(4 / 6)}
    assert {key: told[key] for key in ("k", "items", "baskets", "trials", "coverage")} == {
        "k": 1,
        "items": 4,
        "baskets": 3,
        "trials": 6,
        "coverage": 1.0,
    }
    assert set(told) >= {"popularity", "item_cosine"} and "predicted" not in told


def test_what_was_fitted_on_is_needed_for_what_it_should_beat():
    told = score(Fixed({"a": (1, 0), "b": (0, 1)}), train=[])
    assert "similar" in told and "popularity" not in told


def test_without_held_out_baskets_nothing_is_scored():
    for test in ([], [["a"]], [["x", "y"]]):
        told = score(Fixed({"a": (1, 0), "b": (0, 1)}), test=test)
        assert (told["trials"], told["coverage"]) == (0, 0.0)
        assert "similar" not in told


def test_predictions_find_what_goes_together(fitted, baskets):
    told = score(fitted, train=baskets, test=baskets[:60], k=3)
    assert told["predicted"]["hit_rate"] > told["popularity"]["hit_rate"] + 0.2
    assert told["predicted"]["mrr"] > told["popularity"]["mrr"]


@pytest.mark.parametrize("settings", [{"k": 0}, {"most": 0}, {"hide": "first"}])
def test_settings_that_cant_be_used_are_refused(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        make_next_items(**settings)

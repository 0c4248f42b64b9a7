"""What seqpipe's own trainer learns of baskets, and what it's given."""

import io
import itertools

import numpy as np
import pytest
from item2vec_examples import GROUPS
from seqpipe.errors import ConfigError, EmbedderError, SavedModelError
from seqpipe.parts.cooccurrence import END, Training

from seqpipe_item2vec._item2vec import Item2Vec
from seqpipe_item2vec._item2vec2 import Item2Vec2
from seqpipe_item2vec._tokens import BasketTokens


@pytest.fixture(scope="module")
def fitted(baskets):
    embedder = Item2Vec2(width=8, epochs=40, min_count=1)
    embedder.fit(baskets, seed=1)
    return embedder


def test_items_of_a_group_are_alike(fitted):
    vectors = fitted.embed([*GROUPS[0], *GROUPS[1]])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    alike = vectors @ vectors.T
    assert alike[:4, :4].mean() > 0.3 + alike[:4, 4:].mean()


def test_prediction_is_what_was_beside_the_items(fitted, baskets):
    items = list(fitted.vocabulary)
    for given in items:
        found = fitted.predict([given])
        beside = np.array(
            [sum(i in b and given in b and i != given for b in baskets) for i in items]
        )
        assert found.sum() == pytest.approx(1)
        # A distance of 1 is the largest there is.
        assert np.abs(found - beside / beside.sum()).sum() / 2 < 0.2


def test_items_far_apart_in_a_long_basket_are_beside_each_other():
    # Half of what's beside an item are items of the other half of its basket; a slice of a small corpus has 50 to 100.
    halves = [(["a", "b"], ["c", "d"]), (["e", "f"], ["g", "h"])] * 10
    draw = np.random.default_rng(0)
    baskets = [[*draw.choice(one, 80), *draw.choice(other, 80)] for one, other in halves]
    embedder = Item2Vec2(width=8, epochs=20, min_count=1)
    embedder.fit([list(map(str, basket)) for basket in baskets])
    likely = dict(zip(embedder.vocabulary, embedder.predict(["a"]), strict=True))
    assert likely["c"] + likely["d"] > 0.4
    assert sum(likely[item] for item in "efgh") < 0.05


def test_no_pair_reaches_into_another_basket():
    """Each basket has two items of its own; those of others are never beside them."""
    baskets = [[f"a{n}", f"b{n}"] for n in range(10)] * 20
    embedder = Item2Vec2(width=16, epochs=40, min_count=1)
    embedder.fit(baskets)
    items = list(embedder.vocabulary)
    for n in range(10):
        assert items[embedder.predict([f"a{n}"]).argmax()] == f"b{n}"


def test_vectors_are_the_same_for_any_number_of_threads(baskets):
    tables = []
    for threads in (1, 3, None):
        embedder = Item2Vec2(width=8, epochs=2, min_count=1, threads=threads)
        embedder.fit(iter(baskets), seed=4)
        tables.append([embedder._tables.arrays[name].tobytes() for name in ("items", "outputs")])
    assert tables[0] == tables[1] == tables[2]


def test_predictions_come_along(fitted, tmp_path):
    fitted.to_disk(tmp_path)
    again = Item2Vec2(width=8, negative_exponent=0.0)
    again.from_disk(tmp_path)
    assert np.array_equal(again.predict(["rice"]), fitted.predict(["rice"]))
    with pytest.raises(SavedModelError):
        Item2Vec(width=8).from_disk(tmp_path)


def test_the_exponent_decides_how_often_rare_items_are_negatives(baskets):
    embedders = [Item2Vec2(width=8, min_count=1, negative_exponent=e) for e in (-1.0, 1.0)]
    for embedder in embedders:
        embedder.fit(baskets, seed=1)
    rare, popular = (embedder.embed(["bread"]) for embedder in embedders)
    assert not np.array_equal(rare, popular)


def test_an_exponent_that_cant_be_computed_with_is_told(baskets):
    with pytest.raises(EmbedderError, match="`negative_exponent` is 500"):
        Item2Vec2(min_count=1, negative_exponent=500.0).fit(baskets)


LONG = [f"i{n}" for n in range(2500)]


def tokens_of(baskets, shuffle, min_count=1):
    return BasketTokens.read(baskets, io.BytesIO(), min_count=min_count, shuffle=shuffle)


def epoch(tokens, step):
    """Return what an epoch reads, a few tokens at a time."""
    bounds = [*range(0, tokens.size, step), tokens.size]
    return np.concatenate([tokens.numbers(*pair) for pair in itertools.pairwise(bounds)])


@pytest.mark.parametrize("step", [7, 600, 100_000])
def test_long_baskets_are_cut_and_shuffled_anew_in_each_epoch(step):
    baskets = [["i1", "i2"], LONG, ["i3", "i4"], LONG]
    tokens = tokens_of(baskets, shuffle=1)
    plain = tokens_of(baskets, shuffle=None).numbers(0, tokens.size)
    first, second = epoch(tokens, step), epoch(tokens, step)
    assert (first == epoch(tokens_of(baskets, shuffle=1), 1000)).all()
    for found in (first, second):
        assert np.diff(np.flatnonzero(found == END), prepend=-1).max() <= 1001
        assert ((found == END) == (plain == END)).all()
        assert (found[:3] == plain[:3]).all()
        assert sorted(found[3:2506]) == sorted(plain[3:2506])
        assert (found[3:2506] != plain[3:2506]).any()
    assert (first != second).any()


def test_long_baskets_are_found_where_rare_items_are_left_out():
    tokens = tokens_of([[], ["x"], LONG, LONG[:1500], ["y"]], shuffle=3, min_count=2)
    found = epoch(tokens, 100)
    assert (found != END).sum() == 3000
    assert set(found[:-1]) == {END, *range(1500)}


def test_sequences_are_whole_for_the_trainer():
    embedder = Item2Vec2(window=3)
    assert isinstance(embedder._training, Training)
    assert embedder._training.whole_sequences and embedder._training.window == 3


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        ([["a", "b"], ["a"]], "0 of the 2 words in 2 sequences occur 5 times or more"),
        (["a text"], "sequence 1 is a string"),
        ([], "nothing to fit|no word in 0 sequences"),
    ],
)
def test_what_cant_be_fitted_on_is_refused(sequences, message):
    with pytest.raises(EmbedderError, match=message):
        Item2Vec2().fit(sequences)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, 0) for name in ("width", "window", "epochs", "negatives", "min_count")),
        *((name, 0) for name in ("threads", "learning_rate", "subsample")),
        ("negatives", 62),
        ("learning_rate", 1.5),
        ("negative_exponent", float("inf")),
    ],
)
def test_settings_that_cant_be_used_are_refused(name, value):
    with pytest.raises(ConfigError, match=f"`{name}` is"):
        Item2Vec2(**{name: value})

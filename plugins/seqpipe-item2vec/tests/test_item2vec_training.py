"""What the library learns, and that it's the library's own."""

import sys

import numpy as np
import pytest
from gensim.models.word2vec import Word2Vec
from item2vec_examples import GROUPS
from seqpipe.errors import ConfigError, EmbedderError
from seqpipe.workers import _training

from seqpipe_item2vec import _worker
from seqpipe_item2vec._item2vec import Item2Vec

SMALL = {"width": 8, "epochs": 3, "min_count": 1}


@pytest.fixture
def models(monkeypatch):
    """The library's models, as they're made."""
    kept, make = [], _worker._make_model

    def keep(*args, **kwargs):
        kept.append(make(*args, **kwargs))
        return kept[-1]

    monkeypatch.setattr(_worker, "_make_model", keep)
    return kept


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("window", [None, 2])
def test_vectors_are_those_that_gensim_trains(models, window):
    # No two items are equally frequent: such ones are in another order there.
    baskets = [[f"i{n}" for n in range(20) if place % (n + 1) == 0] for place in range(300)]
    embedder = Item2Vec(**SMALL, window=window, negatives=3, negative_exponent=-0.5, subsample=0.01)
    embedder.fit(baskets, seed=4)
    other = Word2Vec(
        baskets,
        sg=1,
        vector_size=8,
        epochs=3,
        min_count=1,
        negative=3,
        ns_exponent=-0.5,
        sample=0.01,
        alpha=0.05,
        window=window or 1000,
        shrink_windows=window is not None,
        workers=1,
        seed=models[0].seed,
    )
    assert other.wv.index_to_key == list(embedder.vocabulary)
    assert np.array_equal(other.wv.vectors, embedder.embed(embedder.vocabulary))
    assert np.array_equal(other.syn1neg, embedder._tables.arrays["outputs"])


def test_items_of_a_group_are_alike(fitted):
    vectors = fitted.embed([*GROUPS[0], *GROUPS[1]])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    alike = vectors @ vectors.T
    assert alike[:4, :4].mean() > 0.3 + alike[:4, 4:].mean()


@pytest.mark.usefixtures("in_this_process")
def test_items_far_apart_in_a_basket_are_beside_each_other():
    # The first and the last item belong together, with 20 others between.
    between = [f"i{n}" for n in range(60)]
    baskets = [
        [first, *np.random.default_rng(n).choice(between, 20), last]
        for n, (first, last) in enumerate([("a", "b"), ("c", "d")] * 60)
    ]
    embedder = Item2Vec(width=8, epochs=20, min_count=1)
    embedder.fit(baskets)
    b, d = (list(embedder.vocabulary).index(item) for item in "bd")
    assert embedder.predict(["a"])[b] > 2 * embedder.predict(["a"])[d]


def test_prediction_is_what_was_beside_the_items(fitted, baskets):
    items = list(fitted.vocabulary)
    for given in items:
        found = fitted.predict([given])
        beside = np.array(
            [sum(i in b and given in b and i != given for b in baskets) for i in items]
        )
        seen = beside / beside.sum()
        assert found.sum() == pytest.approx(1)
        # A distance of 1 is the largest there is.
        assert np.abs(found - seen).sum() / 2 < 0.2


def test_prediction_for_several_items_is_the_mean(fitted):
    both = fitted.predict(["rice", "unknown", "bread"])
    assert np.allclose(both, (fitted.predict(["rice"]) + fitted.predict(["bread"])) / 2)


def test_prediction_for_nothing_known_is_popularity(fitted, baskets):
    counts = np.array([sum(item in basket for basket in baskets) for item in fitted.vocabulary])
    for items in ([], ["unknown"]):
        assert np.allclose(fitted.predict(items), counts / counts.sum())


@pytest.mark.usefixtures("in_this_process")
def test_long_baskets_are_cut_and_shuffled_first(models):
    long = [f"i{n}" for n in range(2500)]
    embedder = Item2Vec(width=2, epochs=1, negatives=1, min_count=1)
    embedder.fit([long])
    assert len(embedder.vocabulary) == 2500
    assert embedder._tables.arrays["outputs"].any(axis=1).all()
    job = _job(long)
    pieces = list(_worker._Baskets(job, shuffle=True))
    assert [len(piece) for piece in pieces] == [1000, 1000, 500]
    assert {item for piece in pieces for item in piece} == set(long) and pieces[0] != long[:1000]
    assert next(iter(_worker._Baskets(job, shuffle=False))) == long[:1000]


def _job(basket):
    class Job:
        seed = 1

        def passes(self):
            return [list(basket)]

    return Job()


@pytest.mark.usefixtures("in_this_process")
def test_the_seed_decides(baskets):
    embedders = [Item2Vec(**SMALL) for _ in range(3)]
    for embedder, seed in zip(embedders, (1, 1, 2), strict=True):
        embedder.fit(iter(baskets), seed=seed)
    one, same, other = (embedder.embed(["rice"]) for embedder in embedders)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.usefixtures("in_this_process")
def test_whole_numbers_will_do_where_any_number_does(baskets):
    whole = {"negative_exponent": 0, "subsample": 1, "learning_rate": 1}
    embedders = [
        Item2Vec(**SMALL, **{k: kind(v) for k, v in whole.items()}) for kind in (int, float)
    ]
    for embedder in embedders:
        embedder.fit(baskets)
    vectors = [embedder.embed(embedder.vocabulary) for embedder in embedders]
    np.testing.assert_array_equal(*vectors)


def test_it_asks_to_be_fitted():
    with pytest.raises(EmbedderError, match="fit it"):
        Item2Vec().predict(["rice"])


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        ([["a", "b"], ["a"]], "0 of the 2 words in 2 sequences occur 5 times or more"),
        (["a text"], "sequence 1 is a string"),
        ([], "nothing to fit"),
    ],
)
def test_what_cant_be_fitted_on_is_refused(sequences, message, monkeypatch):
    monkeypatch.setattr(_training, "run_module", None)
    with pytest.raises(EmbedderError, match=message):
        Item2Vec().fit(sequences)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, 0) for name in ("width", "window", "epochs", "negatives", "min_count")),
        *((name, 0) for name in ("threads", "learning_rate", "subsample")),
        ("learning_rate", 1.5),
        ("subsample", float("nan")),
        ("negative_exponent", float("inf")),
    ],
)
def test_settings_that_cant_be_used_are_refused(name, value):
    with pytest.raises(ConfigError, match=f"`{name}` is"):
        Item2Vec(**{name: value})


def test_missing_gensim_is_told_with_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "gensim", None)
    with pytest.raises(EmbedderError, match=r"seqpipe-item2vec\[gensim\].*Item2Vec\.v2"):
        Item2Vec(**SMALL).fit([["a", "b"]] * 9)

"""Senses are found, trained, and chosen by context."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from senses_examples import BEAT, BED, GARDEN, MUSIC, PSEUDO, accuracy, planted
from seqpipe.errors import ConfigError, EmbedderError
from seqpipe.parts.embedders import Word2Vec2

from seqpipe_senses import _contexts, _fit
from seqpipe_senses._embedder import MultiSense

FLOWERS = ["rose1", "bean2", PSEUDO, "soil3", "the"]
DRUMS = ["drum1", "song2", PSEUDO, "the", "choir3"]


def test_senses_of_a_homonym_are_told_apart(fitted, texts):
    assert len(fitted.senses(PSEUDO)) == 2
    assert accuracy(fitted, *texts) > 0.99


def test_senses_in_texts_that_were_not_fitted_on_are_told_apart(fitted):
    assert accuracy(fitted, *planted(100, seed=6)) > 0.99


def test_words_of_one_topic_have_one_sense(fitted):
    several = set(fitted.ambiguous)
    assert PSEUDO in several
    assert not several & {*GARDEN, *MUSIC}


def test_a_sense_is_near_the_words_of_its_topic(fitted):
    nearest = [{word for word, _ in sense.nearest} for sense in fitted.senses(PSEUDO)]
    topics = sorted(len(words & set(GARDEN)) for words in nearest)
    assert topics[0] <= 1 and topics[1] >= 6
    shares = [sense.share for sense in fitted.senses(PSEUDO)]
    assert shares[0] >= shares[1] > 0.3 and sum(shares) == pytest.approx(1)
    cosines = [cosine for _, cosine in fitted.senses(PSEUDO)[0].nearest]
    assert cosines == sorted(cosines, reverse=True) and len(cosines) == 8


def test_a_word_has_the_vector_of_its_sense(fitted):
    first, other = fitted.sense_of(FLOWERS, 2), fitted.sense_of(DRUMS, 2)
    assert {first, other} == {0, 1}
    vectors = fitted.embed_in_context(FLOWERS)
    assert vectors.dtype == np.float32 and vectors.shape == (5, fitted.width)
    np.testing.assert_array_equal(vectors[2], fitted.vectors_of(PSEUDO)[first])
    np.testing.assert_array_equal(vectors[[0, 1, 3]], fitted.embed(FLOWERS)[[0, 1, 3]])
    assert not np.array_equal(vectors[2], fitted.embed_in_context(DRUMS)[2])


def test_without_context_the_most_frequent_sense_is_chosen(fitted):
    assert fitted.senses_of([PSEUDO]) == [0]
    assert fitted.senses_of(["unknown", PSEUDO, "?"]) == [0, 0, 0]


def test_unknown_words_are_no_context(fitted):
    with_more = [word for known in FLOWERS for word in ("unknown", known, "?")]
    assert fitted.sense_of(with_more, 7) == fitted.sense_of(FLOWERS, 2)


def test_a_word_of_one_sense_is_told_as_such(fitted):
    (sense,) = fitted.senses("rose1", nearest=3)
    assert (sense.number, sense.share, len(sense.nearest)) == (0, 1.0, 3)
    assert len(fitted.senses("unknown")) == 1


def test_a_place_outside_of_the_text_is_refused(fitted):
    for place in (-1, 5):
        with pytest.raises(EmbedderError, match="no word at place"):
            fitted.sense_of(FLOWERS, place)


@given(words=st.lists(st.sampled_from([PSEUDO, "rose1", "", "\ud800", "unknown", "a b", "the"])))
def test_any_text_has_vectors(fitted, words):
    vectors = fitted.embed_in_context(words)
    assert vectors.shape == (len(words), fitted.width) and np.isfinite(vectors).all()
    kept = vectors.copy()
    vectors += 1
    np.testing.assert_array_equal(fitted.embed_in_context(words), kept)


def test_any_number_of_threads_gives_the_same(maker, texts, fitted):
    other = maker(threads=3)
    other.fit(texts[1], seed=1)
    np.testing.assert_array_equal(other.vectors_of(PSEUDO), fitted.vectors_of(PSEUDO))
    assert other.ambiguous == fitted.ambiguous


def test_libraries_with_any_number_of_threads_give_the_same():
    code = (
        "import sys; from conftest import make; from senses_examples import planted, PSEUDO\n"
        "embedder = make(); embedder.fit(planted(100)[1], seed=1)\n"
        "sys.stdout.write(embedder.embed_in_context([PSEUDO, 'rose1', 'bean2']).tobytes().hex())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={
                **os.environ,
                "OMP_NUM_THREADS": threads,
                "OPENBLAS_NUM_THREADS": threads,
            },
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    }
    assert len(found) == 1


def test_blocks_do_not_change_the_result(maker, texts, fitted, monkeypatch):
    monkeypatch.setattr(_fit, "_READ_AT_ONCE", 97)
    monkeypatch.setattr(_fit, "_CLUSTERED_AT_ONCE", 700)
    monkeypatch.setattr(_contexts, "_AT_ONCE", 50)
    other = maker()
    other.fit(texts[1], seed=1)
    np.testing.assert_array_equal(other.vectors_of(PSEUDO), fitted.vectors_of(PSEUDO))


def test_pickled_it_gives_the_same(fitted):
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.embed_in_context(FLOWERS), fitted.embed_in_context(FLOWERS))


def test_lower_cased_words_are_one(maker, texts):
    embedder = maker(lower=True)
    embedder.fit([[word.upper() for word in text] for text in texts[1]], seed=1)
    assert PSEUDO in embedder.ambiguous
    assert embedder.senses_of([word.title() for word in DRUMS]) == embedder.senses_of(DRUMS)


@pytest.mark.parametrize("sequences", [[], [[]], [["one"]], [["one", "one"]]])
def test_too_few_words_are_refused(maker, sequences):
    with pytest.raises(EmbedderError):
        maker().fit(sequences)


def test_a_corpus_without_frequent_words_has_no_senses(maker):
    embedder = maker()
    embedder.fit([[BED, BEAT, "the"]] * 3)
    assert embedder.ambiguous == ()
    np.testing.assert_array_equal(embedder.embed_in_context([BED]), embedder.embed([BED]))


def test_words_without_context_have_one_sense(maker):
    embedder = maker(min_count=2)
    embedder.fit([[BED], [BEAT]] * 200)
    assert embedder.ambiguous == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"most_senses": 1},
        {"distance": -0.1},
        {"distance": float("nan")},
        {"min_share": 0.5},
        {"min_count": 0},
        {"max_frequency": 0},
        {"context": 0},
        {"rarity": 0},
        {"epochs": 0},
        {"window": 2_000_000},
        {"negatives": 62},
        {"learning_rate": 0.0},
        {"subsample": 2},
        {"threads": 0},
    ],
)
def test_settings_that_cannot_be_used_are_refused(maker, wrong):
    (name,) = wrong
    with pytest.raises(ConfigError, match=f"`{name}` is"):
        maker(**wrong)


def test_it_asks_to_be_fitted(maker):
    embedder = maker()
    assert isinstance(embedder, MultiSense) and not embedder.ambiguous
    for ask in (embedder.embed, embedder.embed_in_context, embedder.senses_of):
        with pytest.raises(EmbedderError, match="fit"):
            ask([PSEUDO])
    with pytest.raises(EmbedderError, match="fit"):
        embedder.senses(PSEUDO)


def test_case_that_only_the_embedder_below_drops_is_refused():
    embedder = MultiSense(embedder=Word2Vec2(width=4, lower=True, min_count=1))
    with pytest.raises(EmbedderError, match="set `lower = true` here too"):
        embedder.fit([["A", "b"], ["a", "B"]] * 50)


def test_unknown_word_has_no_nearest_words():
    embedder = MultiSense(embedder=Word2Vec2(width=4, min_count=1))
    embedder.fit([["a", "b"], ["b", "c"]] * 50)
    (sense,) = embedder.senses("unknown")
    assert sense.nearest == ()

"""Several embedders side by side."""

import numpy as np
import pytest

from seqpipe.errors import ConfigError
from seqpipe.parts.embedders import Concatenated, FastText, Word2Vec

SEQUENCES = [["a", "b", "c", "a"], ["b", "c", "d"]] * 20
SETTINGS = {"epochs": 1, "subsample": 1.0}


def made():
    return Concatenated(
        {
            "words": Word2Vec(width=3, min_count=30, **SETTINGS),
            "parts": FastText(width=5, min_count=1, **SETTINGS),
        }
    )


@pytest.fixture
def fitted():
    embedder = made()
    embedder.fit(SEQUENCES, seed=2)
    return embedder


def test_vectors_are_those_of_each_by_itself(fitted):
    words = ["a", "d", "unheard"]
    alone = [
        Word2Vec(width=3, min_count=30, **SETTINGS),
        FastText(width=5, min_count=1, **SETTINGS),
    ]
    for embedder in alone:
        embedder.fit(SEQUENCES, seed=2)
    expected = np.concatenate([embedder.embed(words) for embedder in alone], axis=1)
    np.testing.assert_array_equal(fitted.embed(words), expected)
    assert fitted.width == 8
    assert (fitted.columns("words"), fitted.columns("parts")) == (slice(0, 3), slice(3, 8))


def test_sequences_that_can_be_read_once_reach_every_embedder(fitted):
    once = made()
    once.fit(iter(SEQUENCES), seed=2)
    np.testing.assert_array_equal(once.embed(["a", "d"]), fitted.embed(["a", "d"]))


def test_words_that_any_knows_are_known(fitted):
    assert fitted.vocabulary[:3] == fitted.embedders["words"].vocabulary
    assert set(fitted.vocabulary) == {"a", "b", "c", "d"}


def test_known_words_are_joined_once_for_each_fit(fitted):
    assert fitted.vocabulary is fitted.vocabulary
    fitted.embedders["parts"].fit([["e", "f"]] * 10)
    assert {"e", "f"} < set(fitted.vocabulary)


def test_saved_and_read_again_it_is_the_same(fitted, tmp_path):
    fitted.to_disk(tmp_path)
    read = made()
    read.from_disk(tmp_path)
    np.testing.assert_array_equal(read.embed(["a", "x"]), fitted.embed(["a", "x"]))
    assert read.vocabulary == fitted.vocabulary


def test_progress_goes_from_start_to_end_once():
    fractions = []
    made().fit(SEQUENCES, on_progress=lambda fit: fractions.append(fit.fraction))
    assert fractions == sorted(fractions) and fractions[-1] == 1
    assert 0.5 in fractions


@pytest.mark.parametrize("embedders", [{}, {"a/b": Word2Vec()}, {"": Word2Vec()}, {"a": "text"}])
def test_what_cannot_stand_side_by_side_is_refused(embedders):
    with pytest.raises(ConfigError):
        Concatenated(embedders)

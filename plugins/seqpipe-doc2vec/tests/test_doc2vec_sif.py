"""Weighted means, by their formula."""

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqpipe.errors import ConfigError, EmbedderError, SavedModelError
from seqpipe.parts.embedders import FastText, FitProgress, Word2Vec

from seqpipe_doc2vec._sif import Sif

SMALL = {"width": 6, "epochs": 2, "min_count": 1, "subsample": 1.0}


@pytest.fixture(scope="module")
def sif(documents):
    embedder = Sif(embedder=FastText(**SMALL), a=0.05, components=2)
    embedder.fit(iter(documents), seed=3)
    return embedder


def means(sif, documents, a):
    counts = Counter(word for words in documents for word in words)
    weights = {word: a / (a + count / counts.total()) for word, count in counts.items()}
    return np.stack(
        [
            sum(weights.get(w, 1.0) * sif.embed([w])[0].astype(float) for w in words) / len(words)
            for words in documents
        ]
    )


def test_vectors_are_those_of_the_formula(sif, documents):
    table = means(sif, documents, 0.05)
    common = np.linalg.svd(table, full_matrices=False).Vh[:2]
    expected = table - table @ common.T @ common
    found = np.stack([sif.embed_document(words) for words in documents])
    assert np.allclose(found, expected, atol=1e-5)


def test_nothing_is_removed_without_components(documents):
    embedder = Sif(embedder=Word2Vec(**SMALL), components=0)
    embedder.fit(documents)
    found = np.stack([embedder.embed_document(words) for words in documents])
    assert np.allclose(found, means(embedder, documents, 1e-3), atol=1e-6)


@given(words=st.lists(st.sampled_from(["the", "rose", "song", "roses", "", "\ud800", "?"])))
def test_what_is_common_is_removed_from_new_documents(sif, words):
    vector = sif.embed_document(words)
    assert vector.dtype == np.float32 and np.isfinite(vector).all()
    assert np.abs(sif._common @ vector).max() < 1e-4 * (1 + np.abs(vector).max())
    assert np.allclose(vector, sif.embed_document(words[::-1]), atol=1e-5)


def test_empty_document_has_zeros(sif):
    assert not sif.embed_document([]).any()


def test_words_are_those_of_the_embedder_below(sif, documents):
    alone = FastText(**SMALL)
    alone.fit(documents, seed=3)
    assert list(sif.vocabulary) == list(alone.vocabulary)
    assert np.array_equal(sif.embed(["rose", "unknown"]), alone.embed(["rose", "unknown"]))


def test_read_again_it_gives_the_same(sif, tmp_path):
    sif.to_disk(tmp_path)
    assert (tmp_path / "embedder" / "words.json").is_file()
    again = Sif(embedder=FastText(**SMALL), a=0.05, components=2)
    again.from_disk(tmp_path)
    words = ["the", "rose", "unknown"]
    assert np.array_equal(again.embed_document(words), sif.embed_document(words))


def test_other_settings_are_refused(sif, tmp_path):
    sif.to_disk(tmp_path)
    for other in ({"a": 0.1, "components": 2}, {"a": 0.05, "components": 1}):
        with pytest.raises(SavedModelError, match="other settings"):
            Sif(embedder=FastText(**SMALL), **other).from_disk(tmp_path)


def test_rare_words_are_not_kept(documents):
    embedder = Sif(embedder=Word2Vec(**SMALL), a=1.0)
    words = [f"w{n}" for n in range(2000)]
    embedder.fit([*documents, *([word] for word in words)])
    assert set(embedder._shares) == {word for words in documents for word in words}


def test_progress_goes_on_to_the_end(documents):
    told: list[FitProgress] = []
    Sif(embedder=Word2Vec(**SMALL)).fit(documents, on_progress=told.append)
    assert [each.fraction for each in told][-2:] == [0.9, 1.0]


@pytest.mark.parametrize(
    "settings", [{"a": 0.0}, {"a": 2.0}, {"components": -1}, {"components": 6}]
)
def test_settings_that_cant_be_used_are_refused(settings):
    with pytest.raises(ConfigError, match=f"`{next(iter(settings))}` is"):
        Sif(embedder=Word2Vec(**SMALL), **settings)


def test_it_asks_to_be_fitted(tmp_path):
    embedder = Sif(embedder=Word2Vec(**SMALL))
    for call in (lambda: embedder.embed_document(["a"]), lambda: embedder.to_disk(tmp_path)):
        with pytest.raises(EmbedderError):
            call()
    assert json.dumps(list(embedder.vocabulary)) == "[]"

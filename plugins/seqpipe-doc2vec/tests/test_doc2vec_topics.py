"""Topic models, beside the library's own."""

import sys

import numpy as np
import pytest
from doc2vec_examples import GARDEN, MUSIC
from seqpipe.errors import ConfigError, EmbedderError, SavedModelError
from sklearn.decomposition import LatentDirichletAllocation, TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from seqpipe_doc2vec._lda import Lda
from seqpipe_doc2vec._lsi import Lsi

KINDS = [Lsi, Lda]
SMALL = {"width": 4, "min_count": 1, "max_share": 1.0}


def fitted(kind, documents, **given):
    embedder = kind(**{**SMALL, **given})
    embedder.fit(iter(documents), seed=3)
    return embedder


def vectors(embedder, documents):
    return np.stack([embedder.embed_document(words) for words in documents])


def test_lsi_is_the_librarys(documents):
    mine = vectors(fitted(Lsi, documents), documents)
    table = TfidfVectorizer(analyzer=list, sublinear_tf=True).fit_transform(documents)
    theirs = TruncatedSVD(4, random_state=0).fit_transform(table)
    signs = np.sign((mine * theirs).sum(axis=0))
    # The first two are of topics; those after them hardly differ in length, and may be turned.
    assert mine[:, :2] == pytest.approx((theirs * signs)[:, :2], abs=1e-3)
    assert (mine**2).sum() == pytest.approx((theirs**2).sum(), rel=1e-2)


def test_lda_infers_as_the_library(documents):
    embedder = fitted(Lda, documents, passes=3)
    words = embedder.vocabulary
    index = {word: row for row, word in enumerate(words)}
    table = np.zeros((len(documents), len(words)))
    for row, document in enumerate(documents):
        np.add.at(table[row], [index[word] for word in document], 1)
    model = LatentDirichletAllocation(4, max_iter=3, learning_method="online", random_state=3)
    assert vectors(embedder, documents) == pytest.approx(model.fit_transform(table), abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_documents_of_a_topic_are_alike(documents, kind):
    found = vectors(fitted(kind, documents, max_share=0.5, width=2), documents)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    cosines = found @ found.T
    assert cosines[::2, ::2].mean() > cosines[::2, 1::2].mean() + 0.5


def test_topics_name_their_words(documents):
    topics = fitted(Lda, documents, width=2, max_share=0.5).topics(6)
    assert {frozenset(word for word, _ in topic) for topic in topics} == {
        frozenset(GARDEN),
        frozenset(MUSIC),
    }
    assert all(weight > 0 for topic in topics for _, weight in topic)
    assert len(fitted(Lsi, documents).topics(3)[0]) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_vector_of_a_word_is_that_of_its_topic(documents, kind):
    embedder = fitted(kind, documents, width=2, max_share=0.5, lower=True)
    rose, bean, song, unknown = embedder.embed(["Rose", "bean", "song", "?"])
    assert rose @ bean > rose @ song
    assert not unknown.any()


@pytest.mark.parametrize("kind", KINDS)
def test_words_of_too_many_documents_are_left_out(documents, kind):
    assert set(fitted(kind, documents, max_share=0.6).vocabulary) <= {*GARDEN, *MUSIC}
    with pytest.raises(EmbedderError, match="max_share"):
        fitted(kind, documents, max_share=0.001)


@pytest.mark.parametrize("kind", KINDS)
def test_more_topics_than_documents(kind):
    embedder = fitted(kind, [["a", "b"], ["b", "c"], []], width=20)
    assert embedder.embed_document(["a"]).shape == (20,)
    assert np.isfinite(embedder.embed(["a", "b", "c"])).all()


@pytest.mark.parametrize("kind", KINDS)
def test_read_again_it_gives_the_same(documents, kind, tmp_path):
    embedder = fitted(kind, documents)
    embedder.to_disk(tmp_path)
    again = kind(**SMALL)
    again.from_disk(tmp_path)
    assert np.array_equal(vectors(again, documents), vectors(embedder, documents))
    for other in ({"width": 5}, {"lower": True}):
        with pytest.raises(SavedModelError):
            kind(**{**SMALL, **other}).from_disk(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_without_the_library_it_says_what_to_install(documents, kind, monkeypatch):
    for name in ("sklearn", "sklearn.decomposition", "sklearn.utils.extmath"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EmbedderError, match=r"pip install 'seqpipe-doc2vec\[topics\]'"):
        fitted(kind, documents)


@pytest.mark.parametrize(
    ("name", "value"),
    [("width", 0), ("min_count", 0), ("max_share", 0.0), ("max_share", 1.1), ("passes", 0)],
)
def test_settings_that_cant_be_used_are_refused(name, value):
    for kind in KINDS if name != "passes" else [Lda]:
        with pytest.raises(ConfigError, match=f"`{name}` is"):
            kind(**{name: value})

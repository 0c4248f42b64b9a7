"""The embedders do what every embedder has to do, and what those of documents have to."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqpipe.errors import EmbedderError
from seqpipe.parts.embedders import DocumentEmbedder
from seqpipe.testing import checks

from seqpipe_doc2vec._bag import BagOfWords, BagOfWords2
from seqpipe_doc2vec._lda import Lda
from seqpipe_doc2vec._lsi import Lsi
from seqpipe_doc2vec._memory import DistributedMemory, DistributedMemory2
from seqpipe_doc2vec._sif import Sif


def make_sif(*, a: float = 1e-3):
    """Weighted means of vectors of words."""
    return Sif(embedder=BagOfWords(width=8, epochs=1), a=a)


FACTORIES = {
    "DistributedMemory": partial(DistributedMemory, width=8, epochs=2, inference_epochs=2),
    "BagOfWords": partial(BagOfWords, width=8, train_words=False, lower=True),
    "DistributedMemory2": partial(DistributedMemory2, width=8, epochs=2, inference_epochs=2),
    "BagOfWords2": partial(BagOfWords2, width=8, train_words=False, lower=True),
    "Sif": make_sif,
    "Lsi": partial(Lsi, width=8, lower=True),
    "Lda": partial(Lda, width=8, passes=2, max_share=1.0),
}


@pytest.fixture(scope="module", params=FACTORIES.values(), ids=FACTORIES.keys())
def factory(request):
    return request.param


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("check", checks("embedders"), ids=str)
def test_embedder_keeps_the_contract(check, factory):
    check(factory)


def test_document_needs_a_fitted_embedder(factory):
    assert isinstance(factory(), DocumentEmbedder)
    with pytest.raises(EmbedderError, match="fit"):
        factory().embed_document(["the"])


@given(words=st.lists(st.sampled_from(["the", "rose", "song", "", "\ud800", "unknown", "a b"])))
def test_documents_have_a_vector_that_hangs_on_their_words_alone(fitted, words):
    before = fitted.embed_document(["choir"])
    vector = fitted.embed_document(words)
    assert vector.shape == (fitted.width,) and vector.dtype == np.float32
    assert np.isfinite(vector).all()
    kept = vector.copy()
    vector += 1
    assert np.array_equal(fitted.embed_document(words), kept)
    assert np.array_equal(fitted.embed_document(["choir"]), before)


def test_document_without_known_words_has_zeros(fitted):
    assert not fitted.embed_document([]).any()
    assert not fitted.embed_document(["unknown"]).any()

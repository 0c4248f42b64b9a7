"""Vectors of whole documents reach spaCy's docs."""

import numpy as np
import pytest
import spacy
from adapter_examples import Letters, docs_of, vectors_nlp

from seqpipe.adapters import make_vectors
from seqpipe.errors import ConfigError
from seqpipe.parts.embedders import DocumentEmbedder


class Counting(Letters, DocumentEmbedder):
    """Gives a document the number of its words, in each dimension."""

    def embed_document(self, words):
        return np.full(self.width, len(words), dtype="float32")


@pytest.fixture
def nlp():
    nlp = spacy.blank("en")
    nlp.vocab.vectors = make_vectors(Counting())(nlp.vocab)
    nlp.add_pipe("seqpipe_document_vectors")
    return nlp


def test_docs_have_the_vector_of_the_whole(nlp):
    docs = list(nlp.pipe(["two words", "", "  three  more words "]))
    assert [doc.vector.tolist() for doc in docs] == [[2] * 4, [0] * 4, [3] * 4]
    assert docs[0].vector_norm == 4
    np.testing.assert_array_equal(docs[0][0].vector, Letters().embed(["two"])[0])


def test_vectors_of_words_alone_are_refused():
    nlp = vectors_nlp()
    nlp.add_pipe("seqpipe_document_vectors")
    with pytest.raises(ConfigError, match="embeds documents"):
        nlp.get_pipe("seqpipe_document_vectors")(docs_of(nlp, ["a b"])[0])

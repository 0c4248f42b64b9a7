"""Embedders that look at the words around a word reach encoders."""

import numpy as np
import pytest
import spacy
from adapter_examples import Letters, docs_of, encoder_config

from seqpipe.adapters import keeping_tokens, keeping_vectors, make_vectors, pair_of
from seqpipe.adapters._tokens import are_of_words, read_tokens, vectors_of_tokens
from seqpipe.errors import EmbedderError, PluginError
from seqpipe.parts.embedders import Concatenated, ContextualEmbedder


class Counting(Letters, ContextualEmbedder):
    """Gives a word its place and the number of words of its text, and where it stands alone what `Letters` has."""

    def embed_in_context(self, words):
        rows = [[place, len(words), 0, 0] for place in range(len(words))]
        return np.array(rows, dtype="float32").reshape(len(words), self.width)


def nlp_of(embedder):
    nlp = spacy.blank("en")
    nlp.vocab.vectors = make_vectors(embedder)(nlp.vocab)
    return nlp


def in_context(nlp, docs):
    width = nlp.vocab.vectors_length
    return vectors_of_tokens(read_tokens(docs), width=width)


def test_tokens_have_the_vectors_of_where_they_stand():
    nlp = nlp_of(Counting())
    docs = docs_of(nlp, ["good good", "", "good"])
    assert in_context(nlp, docs)[:, :2].tolist() == [[0, 2], [1, 2], [0, 1]]
    np.testing.assert_array_equal(docs[0][1].vector, Letters().embed(["good"])[0])


def test_kept_vectors_are_those_of_where_tokens_stand():
    nlp = nlp_of(Counting())
    docs = docs_of(nlp, ["good good", "good"])
    with keeping_vectors(nlp.vocab), keeping_tokens():
        for _ in range(2):
            assert in_context(nlp, docs)[:, :2].tolist() == [[0, 2], [1, 2], [0, 1]]


def test_white_space_has_zeros_and_is_no_context():
    nlp = nlp_of(Counting())
    assert in_context(nlp, [nlp("a \n b")])[:, :2].tolist() == [[0, 2], [0, 0], [1, 2]]
    assert not in_context(nlp, [nlp(" \n ")]).any()


def test_texts_of_a_pair_are_read_apart():
    nlp = nlp_of(Counting())
    pair = pair_of(nlp, "a b", "c")
    assert in_context(nlp, [pair])[:, :2].tolist() == [[0, 2], [1, 2], [0, 1]]


def test_beside_other_embedders_each_gives_its_own():
    nlp = nlp_of(Concatenated({"letters": Letters(), "counting": Counting()}))
    docs = docs_of(nlp, ["good good"])
    found = in_context(nlp, docs)
    np.testing.assert_array_equal(found[:, :4], Letters().embed(["good", "good"]))
    assert found[:, 4:6].tolist() == [[0, 2], [1, 2]]


def test_words_alone_say_nothing_of_vectors_in_context():
    assert are_of_words(nlp_of(Letters()).vocab)
    assert not are_of_words(nlp_of(Counting()).vocab)
    assert not are_of_words(nlp_of(Concatenated({"a": Letters(), "b": Counting()})).vocab)


def test_encoder_tells_uses_of_a_word_apart():
    nlp = nlp_of(Counting())
    nlp.add_pipe("tok2vec", config={"model": encoder_config()})
    nlp.initialize()
    used = docs_of(nlp, ["good good", "good"])
    docs = list(nlp.pipe(used))
    assert np.abs(docs[0].tensor[1] - docs[1].tensor[0]).max() > 1e-3
    alone = nlp(docs_of(nlp, ["good"])[0])
    np.testing.assert_allclose(alone.tensor, docs[1].tensor, atol=1e-6)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (np.zeros((1, 4), dtype="float32"), "returned an array"),
        (np.full((2, 4), np.nan, dtype="float32"), "NaN"),
        (None, "returned None"),
    ],
)
def test_what_is_no_vector_for_each_word_names_the_part(monkeypatch, returned, message):
    monkeypatch.setattr(Counting, "embed_in_context", lambda self, words: returned)
    nlp = nlp_of(Counting())
    with pytest.raises(PluginError, match=message):
        in_context(nlp, docs_of(nlp, ["a b"]))


def test_what_it_raises_stays_or_names_the_part(monkeypatch):
    nlp = nlp_of(Counting())
    docs = docs_of(nlp, ["a b"])

    def fail(error):
        def embed(self, words):
            raise error

        monkeypatch.setattr(Counting, "embed_in_context", embed)

    fail(EmbedderError("the embedder hasn't been fitted"))
    with pytest.raises(EmbedderError, match="fitted"):
        in_context(nlp, docs)
    fail(KeyError("x"))
    with pytest.raises(PluginError, match="text of 2 words"):
        in_context(nlp, docs)

"""The hashes and vectors of tokens, kept while a pipeline is trained."""

import numpy as np
import pytest
import spacy
from adapter_examples import WORDS, Letters, docs_of, vectors_nlp
from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.training import Example
from spacy.vectors import Vectors

from seqpipe.adapters import keeping_tokens, keeping_vectors, make_fit_embedder, make_vectors
from seqpipe.adapters._tokens import _OF_EACH_DOC, hashes_of, read_tokens, vectors_of_tokens

TEXTS = ["good film", "", "the film was bad bad bad", "nice"]


def sum_of_hashes(docs):
    return sum(token.orth for doc in docs for token in doc)


@pytest.fixture
def embedded():
    """A pipeline whose vectors an embedder gives."""

    def corpus(nlp):
        return [Example(doc, doc.copy()) for doc in docs_of(nlp, TEXTS)]

    nlp = spacy.blank("en")
    nlp.vocab.vectors = make_vectors(Letters())(nlp.vocab)
    return make_fit_embedder(corpus)(nlp)


def test_number_of_a_batch_is_the_sum_of_the_hashes_of_its_tokens():
    docs = docs_of(spacy.blank("en"), [*TEXTS, "", "the the the film " * 20])
    expected = sum_of_hashes(docs)
    assert expected > 2**64
    theirs = vars(Tok2VecListener)["get_batch_id"]
    with keeping_tokens():
        assert vars(Tok2VecListener)["get_batch_id"] is not theirs
        assert Tok2VecListener.get_batch_id(docs) == expected
        assert Tok2VecListener.get_batch_id([]) == 0
    assert vars(Tok2VecListener)["get_batch_id"] is theirs


def test_tokens_of_a_doc_are_read_once_until_they_change():
    docs = docs_of(spacy.blank("en"), TEXTS)
    with keeping_tokens():
        first = read_tokens(docs)
        assert all(a is b for a, b in zip(read_tokens(docs[::-1]), first[::-1], strict=True))
        with docs[2].retokenize() as retokenizer:
            retokenizer.merge(docs[2][:2])
        assert Tok2VecListener.get_batch_id(docs) == sum_of_hashes(docs)
        assert Tok2VecListener.get_batch_id(docs[:2]) == sum_of_hashes(docs[:2])
        assert read_tokens(docs)[0] is first[0]
    assert read_tokens(docs)[0] is not read_tokens(docs)[0]


def test_tokens_of_more_docs_than_there_is_room_for_are_read_anew(monkeypatch):
    monkeypatch.setattr("seqpipe.adapters._tokens._KEPT_TOKENS", 8 + 3 * _OF_EACH_DOC)
    docs = docs_of(spacy.blank("en"), TEXTS)
    with keeping_tokens():
        first = read_tokens(docs[:3])
        assert read_tokens(docs[:3])[2] is first[2]
        read_tokens(docs[3:])
        assert read_tokens(docs[:1])[0] is not first[0]
        np.testing.assert_array_equal(
            hashes_of(read_tokens(docs))[0], [t.orth for d in docs for t in d]
        )


@pytest.mark.parametrize("most", [100, 5, 1])
def test_kept_vectors_are_those_of_the_vocabulary(embedded, monkeypatch, most):
    width = embedded.vocab.vectors_length
    monkeypatch.setattr("seqpipe.adapters._vectors._KEPT_BYTES", 4 * width * most)
    docs = docs_of(embedded, [*TEXTS, "  an unheard film"])
    expected = [np.array([t.vector for t in doc]).reshape(-1, width) for doc in docs]
    with keeping_vectors(embedded.vocab), keeping_tokens():
        for order in ([0, 1], [1], [2, 4, 0], [3, 2], [0, 1, 2, 3, 4]):
            found = vectors_of_tokens(read_tokens([docs[i] for i in order]), width=width)
            np.testing.assert_array_equal(found, np.concatenate([expected[i] for i in order]))


def test_each_vector_is_asked_for_once(embedded, monkeypatch):
    docs, asked = docs_of(embedded, TEXTS), []
    embedder, width = embedded.vocab.vectors.embedder, embedded.vocab.vectors_length
    embed = embedder.embed
    monkeypatch.setattr(embedder, "embed", lambda words: asked.extend(words) or embed(words))
    with keeping_vectors(embedded.vocab), keeping_tokens():
        for _ in range(3):
            vectors_of_tokens(read_tokens(docs[:2]), width=width)
            vectors_of_tokens(read_tokens(docs), width=width)
    assert sorted(asked) == sorted({t.text for doc in docs for t in doc})


def test_vectors_are_looked_up_anew_where_others_are_kept(embedded):
    docs, width = docs_of(embedded, TEXTS), embedded.vocab.vectors_length
    with keeping_tokens():
        with keeping_vectors(embedded.vocab):
            expected = vectors_of_tokens(read_tokens(docs), width=width)
        np.testing.assert_array_equal(vectors_of_tokens(read_tokens(docs), width=width), expected)
        with keeping_vectors(embedded.vocab):
            vectors_of_tokens(read_tokens(docs[2:]), width=width)
            np.testing.assert_array_equal(
                vectors_of_tokens(read_tokens(docs), width=width), expected
            )


def test_table_of_spacys_is_read_for_other_forms_of_words():
    nlp = vectors_nlp()
    data = nlp.vocab.vectors.data
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, data=data, keys=WORDS, attr="LOWER")
    docs = docs_of(nlp, ["GOOD", "good Good"])
    with keeping_vectors(nlp.vocab), keeping_tokens():
        for _ in range(2):
            found = vectors_of_tokens(read_tokens(docs), width=data.shape[1])
            np.testing.assert_array_equal(found, [data[0]] * 3)

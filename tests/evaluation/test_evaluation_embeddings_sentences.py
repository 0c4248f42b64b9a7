"""Scores on sentences: SIF, similarity, the order of words, senses."""

import numpy as np
import pytest
from evaluation.embedding_examples import Documents, Table, fitted
from hypothesis import given
from hypothesis import strategies as st

from seqpipe.errors import ConfigError, DataError
from seqpipe.evaluation import Fitted
from seqpipe.evaluation.embeddings import (
    RatedPair,
    SentenceSimilarity,
    Use,
    WordOrder,
    Words,
    mean_vectors,
    parse_marked,
    read_sentences,
    score_senses,
    score_sentences,
    score_vectors,
    sif_vectors,
    without_encoder,
    word_shares,
)
from seqpipe.parts.tokenizers import Whitespace

WORDS = {"the": [1, 1, 0], "dog": [0, 1, 2], "bit": [1, 0, 3], "man": [2, 2, 2], "a": [3, 1, 1]}


def table_of(vectors):
    return Table(vectors).embed


def test_mean_is_that_of_the_words_that_have_vectors():
    means = mean_vectors([["the", "dog", "xyz"], [], ["xyz"]], table_of(WORDS))
    assert means.tolist() == [[0.5, 1, 1], [0, 0, 0], [0, 0, 0]]


@given(st.permutations(["the", "dog", "bit", "the", "man"]))
def test_order_leaves_no_trace_in_a_bag_of_words(words):
    vectors = {word: np.random.default_rng(len(word)).normal(size=7) for word in set(words)}
    both = mean_vectors([words, sorted(words)], table_of(vectors))
    assert (both[0] == both[1]).all()


def reference_sif(sentences, vectors, shares, a):
    """Do what the authors' own code does (PrincetonML/SIF, SIF_embedding.py)."""
    rows = np.zeros((len(sentences), 3))
    for i, sentence in enumerate(sentences):
        weights = np.array([a / (a + shares.get(word, 0)) for word in sentence])
        matrix = np.array([vectors[word] for word in sentence])
        rows[i] = weights.dot(matrix) / np.count_nonzero(weights)
    first = np.linalg.svd(rows, full_matrices=False)[2][:1]
    return rows - rows.dot(first.T) * first


def test_sif_is_that_of_the_paper():
    sentences = [["the", "dog", "bit"], ["a", "man"], ["the", "man", "bit", "a", "dog"]]
    shares = {"the": 0.06, "a": 0.03, "dog": 0.0001}
    ours = sif_vectors(sentences, table_of(WORDS), shares)
    assert ours == pytest.approx(reference_sif(sentences, WORDS, shares, 1e-3))
    assert sif_vectors([], table_of(WORDS), shares).shape[0] == 0


def test_sif_without_components_only_weighs():
    ours = sif_vectors([["the"]], table_of(WORDS), {"the": 0.001}, components=0)
    assert ours.tolist() == [[0.5, 0.5, 0]]


def test_shares_are_counted_in_running_text_by_form_or_guessed_from_ranks():
    words = Words(Table(WORDS))
    assert word_shares([["The", "the", "Dog"], ["xyz"]], words) == {
        "the": 0.5,
        "dog": 0.25,
        "xyz": 0.25,
    }
    guessed = word_shares([], words)
    assert list(guessed) == list(WORDS)
    assert sum(guessed.values()) == pytest.approx(1)
    assert guessed["the"] / guessed["a"] == pytest.approx((5 + 2.7) / (1 + 2.7))


def test_sentences_are_scored_by_each_way(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("the dog\tThe dog\t5\nthe dog\ta man\t3\nbit\ta\t1\n", encoding="utf-8")
    scorer = SentenceSimilarity(path=str(path), columns=[1, 2, 3])
    score = scorer(Fitted(Documents(WORDS), train=lambda: [["the", "dog"]]))["pairs"]
    assert score["pairs"] == 3
    assert set(score) == {"pairs", "mean", "sif", "document"}
    assert score["mean"]["spearman"] == pytest.approx(1)
    assert score["mean"]["coverage"] == 1.0


def test_rows_of_a_table_of_sentences_stand_as_they_are(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("\t#dog\tthe dog\t4\n#me\tdog\t\t2\n", encoding="utf-8")
    assert read_sentences(str(path), (2, 3, 4)) == [
        RatedPair("#dog", "the dog", 4),
        RatedPair("dog", "", 2),
    ]


def test_columns_that_cannot_be_are_refused():
    for columns in ([1, 2], [0, 1, 2]):
        with pytest.raises(ConfigError, match="numbers of three"):
            SentenceSimilarity(path="x", columns=columns)


def test_sentence_without_a_vector_counts_as_unlike_and_is_reported():
    pairs = [RatedPair("the", "xyz", 1), RatedPair("the", "the", 5), RatedPair("a", "dog", 3)]
    ways = {"mean": lambda texts: mean_vectors([t.split() for t in texts], table_of(WORDS))}
    score = score_sentences(pairs, ways)
    assert score["mean"]["coverage"] == pytest.approx(2 / 3)
    assert score["mean"]["spearman"] == pytest.approx(1)


def test_bags_of_words_do_not_see_order_and_documents_do():
    draw = np.random.default_rng(1)
    order = WordOrder()
    names = {w for pair in order._pairs for text in pair for w in text.split()}
    vectors = {word: draw.normal(size=20) for word in sorted(names)}
    score = order(Fitted(Documents(vectors)))
    assert score["pairs"] == 23
    for way in ("mean", "sif"):
        assert score[way] == {"told_apart": 0.0, "largest_distance": 0.0, "mean_distance": 0.0}
    assert score["document"]["told_apart"] == 1.0
    assert score["document"]["largest_distance"] >= score["document"]["mean_distance"] > 1e-4


@pytest.mark.parametrize(
    ("text", "word", "whole"),
    [
        ("By the [bank].", "bank", "By the bank."),
        ("[Bank]", "Bank", "Bank"),
        ("a [ New York ] b", "New York", "a New York b"),
        ("他在[银行]工作", "银行", "他在银行工作"),
    ],
)
def test_marked_word_is_found(text, word, whole):
    marked = parse_marked(text)
    assert (marked.word, marked.text) == (word, whole)


@pytest.mark.parametrize("text", ["", "bank", "[]", "[ ]", "[a] [b]", "[[a]]", "[a", "a]", "[a] ]"])
def test_sentence_without_exactly_one_marked_word_is_refused(text):
    with pytest.raises(DataError, match="exactly one word in brackets"):
        parse_marked(text)


def uses(*sentences):
    return [Use("bank", sense, parse_marked(text)) for sense, text in sentences]


def test_static_vectors_guess_and_contextual_ones_distinguish_senses():
    vectors = {"bank": [1, 1], "river": [1, 0], "money": [0, 1], "by": [0.1, 0.1]}
    listed = uses(
        ("river", "river [bank]"),
        ("river", "by river [bank]"),
        ("money", "money [bank]"),
        ("money", "by money [bank]"),
    )
    score = score_senses(listed, without_encoder(Words(Table(vectors)), Whitespace()))
    bank = score["words"]["bank"]
    assert bank["senses"] == {"river": 2, "money": 2}
    assert bank["chance"] == bank["static"]["accuracy"] == bank["static"]["purity"] == 0.5
    assert bank["around"] == {"accuracy": 1.0, "purity": 1.0}
    assert score["mean"]["around"] == {"accuracy": 1.0, "purity": 1.0}


@pytest.mark.parametrize("senses", [["a", "a"], ["a", "a", "b"]])
def test_word_without_two_uses_of_two_senses_has_no_score(senses):
    vectors = np.eye(len(senses))
    assert score_vectors(vectors, senses) == {"accuracy": None, "purity": None}


def test_own_vector_does_not_help_to_find_the_sense():
    # Each use is orthogonal to all others: nothing is known of it once it's left out.
    score = score_vectors(np.eye(6), ["a", "b"] * 3)
    assert score["accuracy"] == pytest.approx(0.5)


def test_embedding_without_documents_has_no_such_way():
    score = WordOrder()(fitted(WORDS))
    assert set(score) == {"pairs", "mean", "sif"}

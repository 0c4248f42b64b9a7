"""Scores on lists of words: similarity, analogies, opposites, categories."""

import numpy as np
import pytest
from evaluation.embedding_examples import Table, fitted, random_rows
from hypothesis import given
from hypothesis import strategies as st

from seqpipe.errors import ConfigError, DataError
from seqpipe.evaluation import Fitted
from seqpipe.evaluation.embeddings import (
    Analogies,
    Categorisation,
    Relatedness,
    Words,
    WordSimilarity,
    answer_analogy,
    near_spellings,
    nearest,
    score_opposites,
    vector_of,
)
from seqpipe.evaluation.embeddings import _words as search

ANGLES = {"one": 0, "two": 10, "three": 50, "four": 90, "five": 180}


def at(degrees):
    return [np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]


CIRCLE = {word: at(angle) for word, angle in ANGLES.items()}


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a list, and returns its path."""

    def file(text, name="list.txt"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return file


def test_pairs_in_the_order_of_their_cosines_correlate_fully(write):
    path = write("one two 9\none three 7\none four 5\none five 1\n")
    assert WordSimilarity(path=path)(fitted(CIRCLE)) == {
        "list": {
            "pairs": 4,
            "covered": 4,
            "coverage": 1.0,
            "spearman": pytest.approx(1),
            "spearman_all": pytest.approx(1),
            "with_subwords": None,
        }
    }


def test_pairs_with_unknown_words_are_left_out_and_counted(write):
    path = write("one two 1\none three 2\none four 3\nsix two 9\nOne FIVE 4\n")
    score = WordSimilarity(path=path)(fitted(CIRCLE))["list"]
    assert (score["pairs"], score["covered"], score["coverage"]) == (5, 4, 0.8)
    assert score["spearman"] == pytest.approx(-1)
    assert -1 < score["spearman_all"] < 0


def test_vectors_of_unknown_words_are_scored_beside(write):
    path = write("one two 1\none three 2\nsix two 9\nseven eight 3\n")
    score = WordSimilarity(path=path)(fitted(CIRCLE, unknown=True))["list"]
    assert score["covered"] == 2
    assert score["with_subwords"]["covered"] == 4
    assert score["with_subwords"]["coverage"] == 1.0


def test_list_without_a_known_word_has_no_correlation(write):
    path = write("six seven 1\neight nine 2\n")
    score = WordSimilarity(path=path)(fitted(CIRCLE))["list"]
    assert (score["covered"], score["coverage"], score["spearman"]) == (0, 0.0, None)


def test_word_is_found_as_written_or_in_lower_case():
    words = Words(Table({"Polish": [1, 0], "polish": [0, 1], "oslo": [1, 1]}))
    assert [words.row(word) for word in ("Polish", "polish", "Oslo", "OSLO", "Paris")] == [
        *(0, 1, 2, 2),
        None,
    ]
    assert words.form("Oslo") == "oslo" and words.form("Paris") == "Paris"


RELATION = "king queen man woman\nman woman king queen\nking man queen woman\n"
ROYAL = {
    "king": [1, 1, 0],
    "queen": [1, -1, 0],
    "man": [0, 1, 1],
    "woman": [0, -1, 1],
    "apple": [0.1, 0, -1],
}


def test_analogies_are_answered_by_section(write):
    path = write(f": royal\n{RELATION}: other\nking queen apple man\nking queen pear man\n")
    score = Analogies(path=path)(fitted(ROYAL))["list"]
    assert (score["questions"], score["covered"], score["coverage"]) == (5, 4, 0.8)
    assert score["sections"]["royal"]["3cosadd"] == 1.0
    assert score["sections"]["royal"]["3cosmul"] == 1.0
    assert score["sections"]["other"]["covered"] == 1
    assert score["3cosadd"] == 0.75
    assert "semantic" not in score


def test_sections_of_grammar_are_syntactic(write):
    score = Analogies(path=write(f": royal\n{RELATION}: gram1\nking queen apple man\n"))(
        fitted(ROYAL)
    )["list"]
    assert score["semantic"]["3cosadd"] == 1.0
    assert score["syntactic"]["3cosadd"] == 0.0


def test_words_beyond_the_limit_are_neither_asked_about_nor_answers(write):
    path = write("king queen man woman\nking man queen apple\n")
    score = Analogies(path=path, limit=4)(fitted(ROYAL))["list"]
    assert (score["covered"], score["candidates"]) == (1, 4)
    assert Analogies(path=path, limit=0)(fitted(ROYAL))["list"]["candidates"] == 5
    with pytest.raises(ConfigError, match="limit is -1"):
        Analogies(path=path, limit=-1)


def test_nothing_covered_is_no_accuracy(write):
    score = Analogies(path=write("a b c d\n"))(fitted(ROYAL))["list"]
    assert (score["covered"], score["3cosadd"], score["3cosmul"]) == (0, None, None)


def slow_answers(units, questions):
    """Answer one question after another, as the papers write it."""
    answers = []
    for a, b, c in questions:
        cosines = [units @ units[row] for row in (a, b, c)]
        moved = [(1 + each) / 2 for each in cosines]
        both = [
            cosines[1] - cosines[0] + cosines[2],
            moved[1] * moved[2] / (moved[0] + search.EPSILON),
        ]
        for scores in both:
            scores[[a, b, c]] = -np.inf
        answers.append([int(scores.argmax()) for scores in both])
    return np.array(answers).T


@given(st.integers(0, 10_000), st.integers(4, 60), st.integers(1, 40))
def test_answers_in_blocks_are_those_of_one_question_after_another(seed, size, count):
    words = Words(random_rows(size, 8, seed=seed))
    questions = np.random.default_rng(seed).integers(0, size, (count, 3))
    expected = slow_answers(words.units, questions)
    before = search._CANDIDATES, search._QUESTIONS
    search._CANDIDATES, search._QUESTIONS = 7, 5
    try:
        assert (search.answer_analogies(words.units, questions) == expected).all()
    finally:
        search._CANDIDATES, search._QUESTIONS = before


def test_answers_need_a_word_beside_the_three():
    units = Words(Table(ROYAL)).units[:3]
    answers = search.answer_analogies(units, np.array([[0, 1, 2]]))
    assert answers.tolist() == [[-1], [-1]]


def test_single_analogy_is_answered_best_first():
    words = Words(Table(ROYAL))
    for method in search.METHODS:
        assert answer_analogy(words, "man", "woman", "king", method=method)[0].word == "queen"
    moved = (1 + words.cosines([("queen", x) for x in ("man", "woman", "king")])) / 2
    (best, _) = answer_analogy(words, "man", "woman", "king", method="3cosmul")
    assert best.score == pytest.approx(moved[1] * moved[2] / (moved[0] + 0.001), rel=1e-5)


def test_nearest_words_come_first_and_never_the_word_itself():
    words = Words(Table(CIRCLE))
    found = nearest(words, vector_of(words, "one"), without=["one"], most=3)
    assert [each.word for each in found] == ["two", "three", "four"]
    assert found[0].score == pytest.approx(np.cos(np.radians(10)))
    assert len(nearest(words, vector_of(words, "one"), most=100)) == 5


def test_unknown_word_is_refused_with_what_is_spelled_nearly_like_it():
    words = Words(Table(CIRCLE))
    with pytest.raises(DataError, match=r"'thre' among the 5 words; .* like it: 'three'$"):
        vector_of(words, "thre")
    with pytest.raises(DataError, match=r"'qqq' among the 5 words$"):
        vector_of(words, "qqq")
    assert near_spellings(words, "THREE") == ["three"]
    with pytest.raises(DataError, match="its vector is zero"):
        vector_of(Words(Table({"none": [0, 0]})), "none")
    assert vector_of(Words(Table(CIRCLE, unknown=True)), "thre").any()


def test_antonyms_nearer_than_synonyms_are_seen():
    scores = score_opposites([("one", "three")], [("one", "two")], Words(Table(CIRCLE)))
    assert scores["told_apart"] == 0.0
    assert scores["synonyms"]["mean_cosine"] == pytest.approx(np.cos(np.radians(50)))
    # One of three's own way round: two comes first, then four at 40 degrees both, then one.
    assert scores["antonyms"]["median_rank"] == 1.0
    assert scores["synonyms"]["median_rank"] == 2.5


def test_opposites_that_are_unknown_are_not_counted():
    scores = score_opposites([("one", "two"), ("six", "two")], [("six", "x")], Words(Table(CIRCLE)))
    assert scores["synonyms"]["covered"] == 1 and scores["synonyms"]["coverage"] == 0.5
    assert scores["antonyms"]["mean_cosine"] is None
    assert scores["antonyms"]["median_rank"] is None
    assert scores["told_apart"] is None


def test_relatedness_sets_two_kinds_of_lists_against_each_other(write):
    alike = write("one two 9\none four 5\none five 1\n", "alike.txt")
    related = write("one two 1\none four 5\none five 9\n", "related.txt")
    score = Relatedness(similarity=alike, relatedness=[related])(fitted(CIRCLE))
    assert score["similarity_mean"] == pytest.approx(1)
    assert score["relatedness_mean"] == pytest.approx(-1)
    assert score["opposites"]["synonyms"]["covered"] == 0


def test_relatedness_without_lists_is_about_opposites():
    score = Relatedness()(fitted({"hot": [1, 0], "cold": [1, 0.1], "big": [0, 1], "large": [1, 1]}))
    assert score["similarity_mean"] is None
    assert score["opposites"]["told_apart"] == 0.0


def test_words_of_one_kind_that_lie_together_are_categorised(write):
    path = write("one a\ntwo a\nfour b\nfive c\nsix c\n")
    score = Categorisation(path=path)(fitted(CIRCLE))["list"]
    assert (score["words"], score["covered"], score["labels"]) == (5, 4, 3)
    assert score["purity"] == 1.0
    assert score["chance"] < 1.0


def test_nothing_to_categorise_is_no_purity(write):
    score = Categorisation(path=write("six a\n"))(fitted(CIRCLE))["list"]
    assert (score["covered"], score["purity"], score["chance"]) == (0, None, None)
    with pytest.raises(ConfigError, match="restarts is 0"):
        Categorisation(path=write("six a\n"), restarts=0)


def test_lists_are_read_before_anything_is_fitted():
    for make in (WordSimilarity, Analogies, Categorisation):
        with pytest.raises(DataError, match="isn't there"):
            make(path="nowhere.txt")


def test_scores_are_plain_data(write):
    import json

    path = write("w1 w2 3\nw2 w3 4\nw5 w6 1\n")
    embedding = Fitted(random_rows())
    for score in (WordSimilarity(path=path), Relatedness(similarity=path)):
        json.dumps(score(embedding), allow_nan=False)
    json.dumps(Analogies(path=write("w1 w2 w3 w4\n"))(embedding), allow_nan=False)
    json.dumps(Categorisation(path=write("w1 a\nw2 b\n"))(embedding), allow_nan=False)

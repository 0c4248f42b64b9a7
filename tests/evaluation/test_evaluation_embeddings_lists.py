"""Lists of words in all the forms that they're handed round in, and broken ones."""

import gzip

import pytest

from seqpipe.errors import DataError
from seqpipe.evaluation.embeddings import (
    ANTONYMS,
    SENSES,
    SYNONYMS,
    WORD_ORDER,
    read_labelled,
    read_order,
    read_pairs,
    read_questions,
    read_rated_pairs,
    read_sentences,
    read_uses,
)
from seqpipe.evaluation.embeddings._lists import list_name, named_lists
from seqpipe.parts.tokenizers import Regex


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a list, and returns its path."""

    def file(text, name="list.txt"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return file


@pytest.mark.parametrize(
    "text",
    [
        "cup\tmug\t8.5\nold\tnew\t1.58\n",
        "cup mug 8.5\r\nold   new 1.58",
        "# remark\n\ncup mug 8.5\n\nold new 1.58\n",
        "\ufeffcup\tmug\t8.5\nold\tnew\t1.58\n",
        "Word 1,Word 2,Human (mean)\ncup,mug,8.5\nold,new,1.58\n",
        "word1\tword2\tPOS\tSimLex999\tconc(w1)\ncup\tmug\tN\t8.5\t2\nold\tnew\tA\t1.58\t3\n",
    ],
)
def test_pairs_are_read_in_every_form(write, text):
    assert read_rated_pairs(write(text)) == [("cup", "mug", 8.5), ("old", "new", 1.58)]


def test_words_with_blanks_are_read_where_cells_are_divided_by_tabs(write):
    path = write("ice cream\tNew York\t1\n")
    assert read_rated_pairs(path) == [("ice cream", "New York", 1.0)]


def test_packed_lists_are_read(write):
    path = write(gzip.compress(b"a b 1\n"), "pairs.txt.gz")
    assert read_rated_pairs(path) == [("a", "b", 1.0)]


@pytest.mark.parametrize("line", ["cup mug", "cup mug large", "cup mug nan", "cup\t\t3", "cup"])
def test_line_that_is_no_pair_is_named(write, line):
    with pytest.raises(DataError, match=r"list\.txt:2: it should be two words and a number"):
        read_rated_pairs(write(f"a b 1\n{line}\n"))


def test_questions_are_read_with_their_sections(write):
    path = write("a b c d\n: one two\nAthens Greece Oslo Norway\n")
    questions = read_questions(path)
    assert [question.section for question in questions] == ["", "one two"]
    assert questions[1].answer == "Norway"


@pytest.mark.parametrize("line", ["a b c", "a b c d e", "a\tb\t\td"])
def test_line_that_is_no_question_is_named(write, line):
    with pytest.raises(DataError, match=r"list\.txt:2: it should be four words"):
        read_questions(write(f": section\n{line}\n"))


def test_labels_are_read_and_two_of_a_word_refused(write):
    assert read_labelled(write("dog animal\ncar\tthing\n")) == {"dog": "animal", "car": "thing"}
    with pytest.raises(DataError, match="'dog' is labelled 'food', and 'animal' before"):
        read_labelled(write("dog animal\ndog food\n"))
    with pytest.raises(DataError, match=":1: it should be a word and its label"):
        read_labelled(write("dog\n"))


def test_sentences_are_read_by_columns(write):
    row = 'main\tx\t2012\t1\t4.5\tA man.\tA "man.\n'
    assert read_sentences(write(row)) == [("A man.", 'A "man.', 4.5)]
    assert read_sentences(write("a b\tc d\t1\n"), (1, 2, 3)) == [("a b", "c d", 1.0)]
    with pytest.raises(DataError, match=":1: it has 3 columns, and number 7"):
        read_sentences(write("a b\tc d\t1\n"))
    with pytest.raises(DataError, match=":1: the rating 'x' isn't a number"):
        read_sentences(write("a\tb\tx\n"), (1, 2, 3))


def test_sentences_of_other_words_are_refused_as_a_pair_that_differs_in_order(write):
    read_order(write("a b c\tc b a\n"), Regex())
    for line in ("a b\ta c", "a b\ta b", "a b\tb a a"):
        with pytest.raises(DataError, match="the same words, in another order"):
            read_order(write(line), Regex())
    with pytest.raises(DataError, match="two sentences with a tab"):
        read_order(write("a b"), Regex())


def test_uses_are_read_and_broken_ones_named(write):
    (use,) = read_uses(write("bank\triver\tBy the [bank] of it.\n"))
    assert (use.word, use.sense, use.marked.word) == ("bank", "river", "bank")
    with pytest.raises(DataError, match=":1: it should be a word, its sense"):
        read_uses(write("bank\tBy the [bank].\n"))
    with pytest.raises(DataError, match=r":1: 'By the bank\.' should have exactly one word"):
        read_uses(write("bank\triver\tBy the bank.\n"))


READERS = [read_rated_pairs, read_questions, read_pairs, read_labelled, read_uses]
EMPTY = [
    *((read, text) for read in READERS for text in ("", "\n\n", "# only a remark\n")),
    # Its rows may begin with any sign.
    *((read_sentences, text) for text in ("", "\n\n")),
]


@pytest.mark.parametrize(("read", "text"), [*EMPTY, (read_questions, ": only a section\n")])
def test_empty_list_is_refused(write, read, text):
    with pytest.raises(DataError, match="has no entry"):
        read(write(text))


def test_list_that_is_not_there_or_not_text_is_refused(write, tmp_path):
    with pytest.raises(DataError, match="isn't there"):
        read_rated_pairs(str(tmp_path / "none.txt"))
    with pytest.raises(DataError, match="0xFF"):
        read_rated_pairs(write(b"a b \xff\n"))


def test_lists_have_the_names_of_their_files():
    assert list_name("data:wordsim/EN-RG-65.txt") == "EN-RG-65"
    assert list_name("package:a/b/pairs.tsv.gz") == "pairs"
    assert list_name(r"C:\lists\pairs.txt") == "pairs"
    paths = ["a/pairs.txt", "b/pairs.txt", "c/other.txt"]
    assert named_lists(paths) == {"pairs": paths[0], paths[1]: paths[1], "other": paths[2]}


def test_lists_in_the_package_are_as_long_as_documented():
    synonyms, antonyms = read_pairs(SYNONYMS), read_pairs(ANTONYMS)
    assert (len(synonyms), len(antonyms)) == (172, 127)
    assert len(read_order(WORD_ORDER, Regex())) == 23
    uses = read_uses(SENSES)
    assert len(uses) == 120
    assert {use.word for use in uses} == {"bank", "plant", "spring", "match", "mouse", "court"}


def test_no_pair_in_the_package_stands_in_both_lists_or_twice():
    pairs = [frozenset(pair) for path in (SYNONYMS, ANTONYMS) for pair in read_pairs(path)]
    assert len(set(pairs)) == len(pairs)
    assert all(len(pair) == 2 for pair in pairs)

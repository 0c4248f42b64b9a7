import pytest

from seqpipe.errors import EmbedderError
from seqpipe.parts.embedders.fasttext._fit import write_corpus


def write(sequences, path, *, lower=False, min_count=1):
    return write_corpus(sequences, path / "corpus.txt", lower=lower, min_count=min_count)


def test_sequences_are_written_one_a_line(tmp_path):
    corpus = write(iter([["a", "b"], ["b"]]), tmp_path)
    assert (tmp_path / "corpus.txt").read_bytes() == b"a b\nb\n"
    assert corpus.words == ("b", "a")
    assert corpus.size == 6


def test_the_most_frequent_word_comes_first_and_equals_in_order_of_occurrence(tmp_path):
    assert write([["z", "y", "x", "x"]], tmp_path).words == ("x", "z", "y")


def test_rare_words_are_written_but_not_known(tmp_path):
    corpus = write([["a", "b", "a", "b", "rare"], ["a"]], tmp_path, min_count=2)
    assert corpus.words == ("a", "b")
    assert (corpus.tokens, corpus.known_tokens) == (8, 7)


def test_ends_of_lines_count_only_if_they_are_frequent_enough(tmp_path):
    corpus = write([["a", "b", "a", "b"]], tmp_path, min_count=2)
    assert (corpus.tokens, corpus.known_tokens) == (5, 4)


def test_empty_sequences_and_words_that_cannot_be_written_are_left_out(tmp_path):
    corpus = write([[], ["", "\ud800"], ["a", "", "b\udc00", "b"]], tmp_path)
    assert (tmp_path / "corpus.txt").read_bytes() == b"a b\n"
    assert corpus.words == ("a", "b")


def test_words_with_white_space_stay_one_word(tmp_path):
    corpus = write([["New York", "</s>", "a\nb"]], tmp_path)
    assert corpus.words == ("New York", "</s>", "a\nb")
    assert len((tmp_path / "corpus.txt").read_text().split(" ")) == 3


def test_words_are_lower_cased_on_request(tmp_path):
    assert write([["The", "the", "CAT"]], tmp_path, lower=True).words == ("the", "cat")


@pytest.mark.parametrize("sequences", [[], [[], []], [[""]]])
def test_no_words_are_an_error(tmp_path, sequences):
    with pytest.raises(EmbedderError, match="hold no words"):
        write(sequences, tmp_path)


def test_too_few_frequent_words_are_an_error_that_counts_them(tmp_path):
    with pytest.raises(
        EmbedderError, match=r"0 of the 3 words in 2 sequences occur 5 times or more"
    ):
        write([["a", "b"], ["c"]], tmp_path, min_count=5)


def test_a_single_frequent_word_is_an_error(tmp_path):
    with pytest.raises(EmbedderError, match="at least 2"):
        write([["a"] * 9 + ["b"]], tmp_path, min_count=5)


def test_a_text_is_not_taken_for_a_sequence_of_characters(tmp_path):
    with pytest.raises(EmbedderError, match=r"sequence 2 is a string, 'the cat'"):
        write([["the"], "the cat"], tmp_path)

"""Sequences as numbers in a file."""

import io
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqpipe.errors import EmbedderError
from seqpipe.parts.cooccurrence import Corpus, read_corpus, read_known, told_of_disks
from seqpipe.parts.cooccurrence._trainer import slice_bounds

SEQUENCES = [["b", "a", "b"], [], ["c", "b", "a", "d"], ["d", "e"]]


def read(sequences: Sequence[Sequence[str]], least: int = 1) -> Corpus:
    return read_corpus(sequences, io.BytesIO(), min_count=lambda words: least)


def sequences_of(corpus: Corpus) -> list[list[str]]:
    numbers = corpus.numbers(0, corpus.size).tolist()
    found: list[list[str]] = [[]]
    for number in numbers:
        if number < 0:
            found.append([])
        else:
            found[-1].append(corpus.words[number])
    return found[:-1]


def test_words_are_ordered_by_count_and_then_by_first_occurrence() -> None:
    corpus = read(SEQUENCES)
    assert corpus.words == ("b", "a", "d", "c", "e")
    assert corpus.counts.tolist() == [3, 2, 2, 1, 1]
    assert corpus.read == 9


def test_rare_words_are_left_out_of_their_sequences() -> None:
    corpus = read(SEQUENCES, least=2)
    assert sequences_of(corpus) == [["b", "a", "b"], [], ["b", "a", "d"], ["d"]]
    assert corpus.read == 9


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=12), max_size=30), st.integers(1, 4))
def test_the_file_holds_the_sequences(sequences: list[list[str]], least: int) -> None:
    counts = Counter(word for sequence in sequences for word in sequence)
    known = {word for word, count in counts.items() if count >= least}
    if len(known) < 2:
        with pytest.raises(EmbedderError):
            read(sequences, least)
        return
    corpus = read(sequences, least)
    expected = [[word for word in sequence if word in known] for sequence in sequences]
    assert sequences_of(corpus) == expected
    assert dict(zip(corpus.words, corpus.counts.tolist(), strict=True)) == {
        word: counts[word] for word in known
    }
    assert [len(each) + 1 for each in expected] == np.diff(corpus.ends, prepend=0).tolist()


def test_a_file_of_several_blocks_is_rewritten_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqpipe.parts.cooccurrence._corpus._AT_ONCE", 7)
    sequences = [list("abcab"), list("bca"), list("dabcab"), list("x")] * 5
    with tempfile.TemporaryFile() as file:
        corpus = read_corpus(sequences, file, min_count=lambda words: 6)
        kept = [[word for word in sequence if word in "abc"] for sequence in sequences]
        assert sequences_of(corpus) == kept


def test_forms_of_words_are_counted_together_and_some_are_left_out() -> None:
    def form(word: str) -> str | None:
        return None if word == "?" else word.lower()

    corpus = read_corpus(
        [["The", "the", "?", "THE", "End"]], io.BytesIO(), min_count=lambda words: 1, form=form
    )
    assert corpus.words == ("the", "end")
    assert corpus.counts.tolist() == [3, 1]
    assert corpus.read == 4


def test_the_least_count_is_chosen_by_the_number_of_words() -> None:
    seen: list[int] = []

    def least(words: int) -> int:
        seen.append(words)
        return 2

    read_corpus(SEQUENCES, io.BytesIO(), min_count=least)
    assert seen == [9]


def test_further_words_stand_behind_and_do_not_occur() -> None:
    corpus = read(SEQUENCES).with_words(["z", "a", "z", "y"])
    assert corpus.words == ("b", "a", "d", "c", "e", "z", "y")
    assert corpus.counts.tolist() == [3, 2, 2, 1, 1, 0, 0]


def test_further_sequences_have_the_known_words_alone() -> None:
    corpus = read(SEQUENCES, least=2)
    other = read_known([["a", "new", "b"], ["new"], ["d"]], corpus, io.BytesIO())
    assert sequences_of(other) == [["a", "b"], [], ["d"]]
    assert other.words == corpus.words


def test_a_text_in_the_place_of_words_is_refused() -> None:
    with pytest.raises(EmbedderError, match="sequence 2 is a string, 'not split'"):
        read([["a"], "not split"])


@pytest.mark.parametrize(
    ("sequences", "message"),
    [([], "no word in 0 sequences"), ([[], []], "no word in 2 sequences")],
)
def test_nothing_to_read_is_refused(sequences: list[list[str]], message: str) -> None:
    with pytest.raises(EmbedderError, match=message):
        read(sequences)


def test_too_few_words_are_refused_with_what_helps() -> None:
    with pytest.raises(
        EmbedderError, match=r"1 of the 5 words in 4 sequences occur 3 times or more.*`min_count`"
    ):
        read(SEQUENCES, least=3)


@given(st.lists(st.integers(0, 400), min_size=1, max_size=60))
def test_slices_cover_the_tokens_and_are_never_too_long(lengths: list[int]) -> None:
    ends = np.cumsum(np.array(lengths) + 1)
    corpus = Corpus(("a", "b"), np.array([1, 1]), 2, int(ends[-1]), ends, io.BytesIO())
    bounds = slice_bounds(corpus, 100)
    sizes = np.diff(bounds)
    assert bounds[0] == 0
    assert bounds[-1] == corpus.size
    assert (sizes > 0).all()
    assert sizes.max() <= 200
    # One that isn't as long as may be ends where a sequence does.
    assert set(bounds[1:][sizes < 100].tolist()) <= set(ends.tolist())


def test_what_is_no_word_is_refused() -> None:
    with pytest.raises(EmbedderError, match="3 is a int, where words are needed"):
        read([["a", 3]])  # type: ignore[list-item]


def test_a_file_of_the_caller_is_not_taken_for_the_temporary_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), told_of_disks():
        (tmp_path / "nowhere.txt").open()
    with pytest.raises(EmbedderError, match="make room there"), told_of_disks():
        raise OSError(28, "No space left on device")

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqpipe.formats.fasttext import hash_subwords, subword_hashes

fasttext_pybind = pytest.importorskip("fasttext_pybind")

BUCKETS = 10_007


def hashes_of(word, *, min_n, max_n):
    return list(subword_hashes(word.encode("utf-8", "surrogatepass"), min_n=min_n, max_n=max_n))


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Return the library's own sub-word ids of a word, for some lengths of sub-words."""
    corpus = Path(tmp_path_factory.mktemp("library")) / "corpus.txt"
    corpus.write_text("a b a b\n" * 5)
    models = {}

    def ids(word: str, min_n: int, max_n: int) -> list[int]:
        if (min_n, max_n) not in models:
            arguments = fasttext_pybind.args()
            arguments.input, arguments.dim, arguments.bucket = str(corpus), 2, BUCKETS
            arguments.minn, arguments.maxn, arguments.thread, arguments.verbose = min_n, max_n, 1, 0
            models[min_n, max_n] = fasttext_pybind.fasttext()
            fasttext_pybind.train(models[min_n, max_n], arguments)
        model = models[min_n, max_n]
        known = np.asarray(model.getInputMatrix()).shape[0] - BUCKETS
        return [
            number - known for number in model.getSubwords(word, "replace")[1] if number >= known
        ]

    return ids


@given(
    word=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
    lengths=st.sampled_from([(3, 6), (1, 3), (2, 2), (5, 9)]),
)
def test_subwords_are_those_of_the_library(library, word, lengths):
    min_n, max_n = lengths
    hashes = hashes_of(word, min_n=min_n, max_n=max_n)
    assert [value % BUCKETS for value in hashes] == library(word, min_n, max_n)


@pytest.mark.parametrize("word", ["</", "aaaa", "ÿ", "日本語", "e\u0301", "😀😀", "<x>"])
def test_subwords_of_odd_words_are_those_of_the_library(library, word):
    hashes = hashes_of(word, min_n=1, max_n=6)
    assert [value % BUCKETS for value in hashes] == library(word, 1, 6)


def test_marks_of_the_ends_are_no_subwords_by_themselves():
    assert len(hashes_of("a", min_n=1, max_n=1)) == 1
    assert len(hashes_of("", min_n=1, max_n=1)) == 0


def test_lone_surrogates_have_subwords_too():
    assert len(hashes_of("\ud800ab", min_n=3, max_n=3)) == 3


@given(
    words=st.lists(st.text(st.characters(), max_size=12), max_size=6),
    lengths=st.sampled_from([(3, 6), (1, 1), (0, 3), (2, 2), (5, 90), (4, 3)]),
)
def test_many_words_are_hashed_as_one_by_one(words, lengths):
    min_n, max_n = lengths
    subwords = hash_subwords(words, min_n=min_n, max_n=max_n)
    assert len(subwords.ends) == len(words)
    each = (
        [part.tolist() for part in np.split(subwords.hashes, subwords.ends[:-1])] if words else []
    )
    assert each == [hashes_of(word, min_n=min_n, max_n=max_n) for word in words]


def test_more_words_than_are_hashed_at_once():
    words = [str(number) for number in range(20_000)]
    subwords = hash_subwords(words, min_n=2, max_n=3)
    assert subwords.hashes[subwords.ends[-2] :].tolist() == hashes_of(words[-1], min_n=2, max_n=3)
    assert subwords.hashes[: subwords.ends[0]].tolist() == hashes_of("0", min_n=2, max_n=3)


def test_at_most_zero_characters_give_no_subwords():
    assert hash_subwords(["cat", "dog"], min_n=0, max_n=0).hashes.tolist() == []

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqpipe.parts.fasttext import written

any_word = st.text(st.characters() | st.sampled_from(" \n\0\x1a\ud800\U000f0020</s>"), max_size=8)


@given(any_word)
def test_written_word_has_nothing_that_the_library_splits_at(word):
    form = written(word)
    assert form is None or (form and form != "</s>" and not set(form) & set("\0\t\n\v\f\r \x1a"))
    assert form is None or form.encode().decode() == form


@given(any_word, any_word)
def test_two_words_are_never_written_alike(one, other):
    assert one == other or written(one) is None or written(one) != written(other)


@pytest.mark.parametrize("word", ["a b", "a\tb", "a\nb", "a\0b", "</s>", "__label__x"])
def test_word_that_means_something_to_the_library_can_be_written(word):
    assert written(word)


@pytest.mark.parametrize("word", ["", "\ud800", "a\udfffb", "a\U000f0020b", "<\U000f002fs>"])
def test_word_that_cannot_be_written_is_refused(word):
    assert written(word) is None


@given(st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1))
def test_ordinary_word_is_written_as_it_is(word):
    assert word == "</s>" or written(word) == word

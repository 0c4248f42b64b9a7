"""A line of the corpus is written at once where that's the same as word by word."""

from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from seqpipe.parts.embedders.fasttext._fit import write_corpus
from seqpipe.parts.fasttext import is_written_as_it_is, written

WORDS = st.lists(
    st.one_of(
        st.text(max_size=3), st.sampled_from(["</s>", "New York", "", " ", "ΑΣ", "İ", "\xad"])
    ),
    max_size=6,
)


@given(WORDS)
@example([])
@example([""])
@example(["</", "s>"])
@example(["a", "", "b"])
@example(["a b"])
def test_line_taken_as_it_is_equals_its_words(words):
    line = " ".join(words)
    if is_written_as_it_is(line, len(words)):
        assert line == " ".join(str(written(word)) for word in words)


def test_ordinary_lines_are_taken_as_they_are():
    assert is_written_as_it_is("words as usual – even “quoted” ones", 7)


@given(st.lists(WORDS, min_size=1, max_size=4), st.booleans())
def test_corpus_holds_each_word_that_can_be_written(tmp_path_factory, sequences, lower):
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    sequences = [*sequences, ["plain", "words"]]
    corpus = write_corpus(sequences, path, lower=lower, min_count=1)
    words = [[word.lower() if lower else word for word in sequence] for sequence in sequences]
    kept = [[word for word in each if written(word) is not None] for each in words]
    lines = [" ".join(str(written(word)) for word in each) for each in kept if each]
    assert Path(path).read_text(encoding="utf-8").split("\n") == [*lines, ""]
    counts = [word for each in kept for word in each]
    assert dict(zip(corpus.words, corpus.counts, strict=True)) == {
        word: counts.count(word) for word in counts
    }
    assert corpus.tokens == len(counts) + len(lines)

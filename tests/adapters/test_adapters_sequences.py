"""What an embedding is fitted on: parts drawn by content, tokenized as the pipeline does."""

import pytest
import spacy
from adapters.learned_tokenizer import Merges
from hypothesis import given
from hypothesis import strategies as st

from seqpipe.adapters import SequenceCorpus, WordTokenizer, make_sequences
from seqpipe.errors import ConfigError
from seqpipe.parts.readers import Reader, ReadResult, Row, Stream
from seqpipe.parts.tokenizers import Whitespace


class Given(Stream):
    def __init__(self, *items):
        self.items = items

    def stream(self):
        return iter(self.items)


class Labelled(Reader):
    def read(self):
        return ReadResult((Row("a  labelled text", ("x",), "here"),), ())


NLP = spacy.blank("en")
ITEMS = [("item", str(number)) for number in range(2000)]


def part_of(readers, part, fractions, seed=0):
    corpus = SequenceCorpus(readers, part=part, fractions=fractions, seed=seed)
    return [tuple(words) for words in corpus.sequences(NLP)]


def test_texts_are_tokenized_and_sequences_taken_as_they_are():
    whole = {"data": Given("It's  fine.", ("New York", " "), "")}
    assert part_of(whole, "train", {"train": 1.0}) == [
        ("It", "'s", "fine", "."),
        ("New York", " "),
        (),
    ]


def test_a_tokenizer_of_ours_makes_no_docs():
    nlp = spacy.blank("en")
    nlp.tokenizer = WordTokenizer(nlp.vocab, Whitespace())
    corpus = SequenceCorpus(
        {"data": Given("It's  fine.")}, part="train", fractions={"train": 1}, seed=0
    )
    assert list(corpus.sequences(nlp)) == [["It's", "fine."]]


def test_texts_of_labelled_rows_will_do():
    assert part_of({"data": Labelled()}, "train", {"train": 1.0}) == [("a", "labelled", "text")]


def test_parts_are_disjoint_and_of_the_sizes_wanted():
    fractions = {"train": 0.7, "dev": 0.1, "test": 0.2}
    parts = {part: part_of({"data": Given(*ITEMS)}, part, fractions) for part in fractions}
    assert sorted(item for part in parts.values() for item in part) == sorted(ITEMS)
    for part, share in fractions.items():
        assert abs(len(parts[part]) / len(ITEMS) - share) < 0.04


@given(st.integers(0, 50), st.permutations(ITEMS[:30]))
def test_part_depends_on_content_and_seed_only(seed, order):
    fractions = {"train": 0.5, "test": 0.5}
    plain = part_of({"data": Given(*ITEMS[:30])}, "test", fractions, seed)
    shuffled = part_of({"data": Given(*order)}, "test", fractions, seed)
    assert sorted(plain) == sorted(shuffled)


def test_another_seed_draws_others():
    whole = {"data": Given(*ITEMS)}
    assert part_of(whole, "test", {"test": 0.5}, 0) != part_of(whole, "test", {"test": 0.5}, 1)


def test_part_with_a_reader_of_its_own_is_all_of_that():
    readers = {"train": Given(*ITEMS), "test": Given(("held", "out"))}
    fractions = {"train": 0.8, "test": 0.2}
    assert part_of(readers, "test", fractions) == [("held", "out")]
    assert part_of(readers, "train", fractions) == ITEMS


def test_shares_below_the_whole_leave_the_rest_out():
    assert 0.25 < len(part_of({"data": Given(*ITEMS)}, "train", {"train": 0.3})) / len(ITEMS) < 0.35


@pytest.mark.parametrize(
    ("readers", "part"), [({}, "train"), ({"test": Given()}, "train"), ({"data": Given()}, "dev")]
)
def test_part_from_nowhere_is_refused(readers, part):
    with pytest.raises(ConfigError):
        part_of(readers, part, {"train": 1.0})


def test_as_spacys_corpus_it_gives_examples():
    corpus = make_sequences("train", {"train": 1.0}, data=Given("a text", ("New York",)))
    assert [[t.text for t in example.predicted] for example in corpus(NLP)] == [
        ["a", "text"],
        ["New York"],
    ]


def test_examples_have_the_texts_as_they_are():
    texts = ["It's  fine.", "", " (a)\n"]
    corpus = make_sequences("train", {"train": 1.0}, data=Given(*texts))
    assert [example.reference.text for example in corpus(NLP)] == texts
    assert [example.predicted.text for example in corpus(NLP)] == texts
    short = make_sequences("train", {"train": 1.0}, data=Given(*texts), limit=1)
    assert len(list(short(NLP))) == 1


def test_a_tokenizer_that_learns_is_fitted_before_the_examples():
    nlp = spacy.blank("en")
    nlp.tokenizer = WordTokenizer(nlp.vocab, Merges())
    corpus = make_sequences("train", {"train": 1.0}, data=Given("a text", "texts"))
    assert [example.predicted.text for example in corpus(nlp)] == ["a text", "texts"]
    assert nlp.tokenizer.is_fitted

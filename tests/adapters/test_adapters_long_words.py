"""Long runs of punctuation are read in linear time, and as spaCy's tokenizer reads them."""

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.attrs import LEMMA, NORM, ORTH, SPACY, TAG

from seqpipe.adapters import make_corpus, tokenized
from seqpipe.errors import DataError
from seqpipe.parts.readers import Csv

NLP = spacy.blank("en")
ATTRIBUTES = [ORTH, SPACY, NORM, LEMMA, TAG]
RUNS = ["!", "(", ".", "-", "$", "(!?;", '"."', ")."]


class Rules:
    """spaCy's tokenizer, counting the characters that its rules look through."""

    def __init__(self):
        self.tokenizer = spacy.blank("en").tokenizer
        self.work = 0
        for name in ("prefix_search", "suffix_search", "infix_finditer", "url_match"):
            setattr(self.tokenizer, name, self._counted(getattr(self.tokenizer, name)))

    def _counted(self, rule):
        def count(text):
            self.work += len(text)
            return rule(text)

        return count


@pytest.fixture(scope="module")
def rules():
    return Rules()


def work(rules, text):
    rules.work = 0
    assert tokenized(rules.tokenizer, text).text == text
    return rules.work


@pytest.mark.parametrize("piece", [*RUNS, "'s", "aB9/+x", "ab-", "https://a.b/", "ab!!"])
@pytest.mark.parametrize("end", ["", "!" * 100])
def test_work_on_a_long_word_grows_with_its_length(rules, piece, end):
    once, twice = (work(rules, end + (piece * n)[:n] + end) for n in (1_000, 2_000))
    assert twice <= 2.2 * once


def test_counted_work_shows_what_the_tokenizer_alone_takes(rules):
    counts = []
    for size in (500, 1_000):
        rules.work = 0
        rules.tokenizer("!" * size)
        counts.append(rules.work)
    assert counts[1] > 3.5 * counts[0]


def values(doc):
    return doc.text, doc.to_array(ATTRIBUTES).tolist(), doc.has_annotation("SENT_START")


def runs_of(pieces, most):
    """Return texts of up to six runs, of up to so many repeated pieces each."""
    runs = st.lists(st.tuples(st.sampled_from(pieces), st.integers(1, most)), max_size=6)
    return runs.map(lambda chosen: "".join(piece * count for piece, count in chosen))


MARKS = ["!", "(", ".", "-", "$", "a", "é", "1", " ", "\n"]
EXCEPTIONS = ["'s", ":)", "can't ", "U.S.", "a.m. ", "  "]
TEXTS = runs_of([*MARKS, *EXCEPTIONS], 8) | runs_of(MARKS, 80)


@settings(max_examples=40)
@given(text=TEXTS)
def test_texts_have_the_tokens_of_spacy(text):
    assert values(tokenized(NLP.tokenizer, text)) == values(NLP.make_doc(text))


@pytest.mark.parametrize("piece", RUNS)
@pytest.mark.parametrize(
    ("before", "after"), [("", ""), ("It's  ", " so\n\nwe can't"), ("\n(word", "word) ")]
)
def test_long_runs_have_the_tokens_of_spacy(piece, before, after):
    text = before + (piece * 600)[:600] + after
    assert values(tokenized(NLP.tokenizer, text)) == values(NLP.make_doc(text))


def test_corpus_reads_a_long_run_of_punctuation(rules, tmp_path):
    rules.work = 0
    path = tmp_path / "texts.csv"
    path.write_text(f"text,label\n{'!' * 20_000} good,a\nbad,b\n", encoding="utf-8")
    nlp = spacy.blank("en")
    nlp.tokenizer = rules.tokenizer
    reader = Csv(path=str(path), text="text", label="label")
    corpus = make_corpus("train", {"train": 1.0}, train=reader)
    assert sorted(len(words) for words in corpus.sequences(nlp)) == [1, 20_001]
    assert rules.work < 100 * 20_000


def test_text_that_spacy_refuses_is_named_by_its_row(tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text(f"text,label\nbad,b\n{'word ' * 20}good,a\n", encoding="utf-8")
    nlp = spacy.blank("en")
    nlp.max_length = 50
    reader = Csv(path=str(path), text="text", label="label")
    with pytest.raises(DataError, match=r"texts\.csv.*3.*104 characters.*50"):
        list(make_corpus("train", {"train": 1.0}, train=reader).sequences(nlp))

"""Tokenizers of ours make docs whose text is the text."""

import pickle
import re

import pytest
import spacy
from adapters.learned_tokenizer import Merges
from hypothesis import example, given
from hypothesis import strategies as st
from spacy.training import Example

from seqpipe.adapters import (
    WordTokenizer,
    make_corpus,
    make_sequences,
    make_tokenizer,
    remember_chunks,
)
from seqpipe.errors import PluginError, TokenizerError
from seqpipe.parts.readers import Csv, Lines
from seqpipe.parts.tokenizers import Characters, Regex, SpacyRules, Whitespace

NLP = spacy.blank("en")
TOKENIZERS = [Whitespace(), Characters(), Regex(), Regex(pattern="[a-z]+"), SpacyRules()]
BLANKS = st.text(" \t\n\r\u00a0\u2003\u3000\x1c\u200b", max_size=4)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
TEXTS = st.lists(st.one_of(BLANKS, WORDS), max_size=12).map("".join)


@pytest.mark.parametrize("tokenize", TOKENIZERS, ids=lambda t: type(t).__name__)
@given(text=TEXTS)
@example(text="")
@example(text=" ")
@example(text="  a  b  ")
@example(text="\n \n a \n")
def test_text_of_a_doc_is_the_text(tokenize, text):
    doc = WordTokenizer(NLP.vocab, tokenize)(text)
    assert doc.text == text
    words = [token.text for token in doc if not token.is_space]
    assert words == tokenize(text)
    assert all(token.text.isspace() for token in doc if token.is_space)


@given(text=TEXTS)
def test_white_space_becomes_tokens_as_it_does_in_spacy(text):
    # Where spaCy splits at white space alone, both agree on every token.
    plain = spacy.tokenizer.Tokenizer(NLP.vocab)
    ours = WordTokenizer(NLP.vocab, Whitespace())
    assert spans(ours(text)) == spans(plain(text))


def spans(doc):
    return [(token.text, token.whitespace_) for token in doc]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("a b", [("a", " "), ("b", "")]),
        ("a  b", [("a", " "), (" ", ""), ("b", "")]),
        (" a", [(" ", ""), ("a", "")]),
        ("a\nb ", [("a", ""), ("\n", ""), ("b", " ")]),
        ("\t", [("\t", "")]),
    ],
)
def test_single_blank_belongs_to_the_word_before_it(text, tokens):
    assert spans(WordTokenizer(NLP.vocab, Whitespace())(text)) == tokens


@pytest.mark.parametrize(
    ("tokenize", "text", "position"),
    [
        (lambda text: text.split()[:-1], "some words here", 10),
        (lambda text: text.split()[1:], "some words here", 0),
        (lambda text: text.lower().split(), "some Words here", 4),
        (lambda text: text.split()[::-1], "some words", 0),
        (lambda text: [*text.split(), "more"], "some words", 10),
        (lambda text: [], "words", 0),
        (lambda text: ["some", "", "words"], "some words", 4),
        (lambda text: ["some", "some", "words"], "some words", 4),
    ],
)
def test_tokenizer_that_changes_the_text_is_refused_with_the_place(tokenize, text, position):
    with pytest.raises(PluginError, match=f"at {position} "):
        WordTokenizer(NLP.vocab, tokenize)(text)


class Counting(str):
    """Counts the characters that are searched."""

    searched = 0

    def find(self, word, start=0, end=None):
        found = super().find(word, start)
        Counting.searched += (found if found >= 0 else len(self)) - start + len(word)
        return found


@pytest.mark.parametrize(
    "text", ["ab " * 20_000, "a" * 60_000, " " * 60_000 + "a", "a\n\n" * 20_000]
)
def test_work_grows_no_faster_than_the_text(text):
    # Counted, not timed: each character is searched about once.
    Counting.searched = 0
    doc = WordTokenizer(NLP.vocab, Characters())(Counting(text))
    assert doc.text == text
    assert Counting.searched <= 2 * len(text)


def test_text_of_a_million_characters_is_tokenized():
    text = "word, " * 170_000
    assert len(text) > 1_000_000
    doc = WordTokenizer(NLP.vocab, Regex())(text)
    assert len(doc) == 2 * 170_000


def test_pipe_keeps_order():
    texts = ["a b", "", "c"]
    docs = WordTokenizer(NLP.vocab, Whitespace()).pipe(iter(texts), batch_size=2)
    assert [doc.text for doc in docs] == texts


def pipeline(name="seqpipe.Regex.v1", **settings):
    tokenizer = {"@seqpipe_tokenizers": name, **settings}
    config = {"nlp": {"tokenizer": {"@tokenizers": "seqpipe.Tokenizer.v1", "tokenizer": tokenizer}}}
    return spacy.blank("en", config=config)


def test_pipeline_names_a_tokenizer_and_keeps_its_settings(tmp_path):
    nlp = pipeline(pattern="[a-z]")
    assert [token.text for token in nlp("ab c1")] == ["a", "b", "c", "1"]
    nlp.to_disk(tmp_path)
    for other in (spacy.load(tmp_path), pipeline(pattern="[a-z]").from_bytes(nlp.to_bytes())):
        assert spans(other("ab c1")) == spans(nlp("ab c1"))
        assert other.tokenizer.vocab is other.vocab


def test_tokenizer_shares_the_vocabulary_of_its_pipeline():
    nlp = pipeline()
    assert make_tokenizer(Whitespace())(nlp).vocab is nlp.vocab
    nlp("unheard")
    assert "unheard" in nlp.vocab.strings


def test_pattern_that_backtracks_over_white_space_still_agrees():
    text = "a  b"
    tokenize = Regex(pattern=r"a\s+b")
    assert re.fullmatch(r"a\s+b", text)
    assert WordTokenizer(NLP.vocab, tokenize)(text).text == text


def test_rules_that_only_spacys_tokenizer_has_are_refused():
    tokenizer = WordTokenizer(NLP.vocab, Whitespace())
    assert not hasattr(tokenizer, "infix_finditer")
    with pytest.raises(AttributeError, match=r"no `rules`.*\[nlp\.tokenizer\]"):
        _ = tokenizer.rules
    with pytest.raises(AttributeError, match="no `infix_finditer`"):
        tokenizer.infix_finditer = None
    assert tokenizer.explain("a b") == [("TOKEN", "a"), ("TOKEN", "b")]


def learned(count=3):
    return WordTokenizer(NLP.vocab, Merges(count=count))


def test_tokenizer_that_learns_is_asked_for_its_fitting():
    with pytest.raises(TokenizerError, match="Merges learns from texts, and hasn't been fitted"):
        learned()("some words")


def test_what_a_tokenizer_has_learned_is_saved_with_it(tmp_path):
    tokenizer = learned()
    tokenizer.fit(["low lower lowest"])
    assert spans(tokenizer("lowly")) == [("low", ""), ("l", ""), ("y", "")]
    tokenizer.to_disk(tmp_path / "tokenizer")
    for other in (
        learned().from_disk(tmp_path / "tokenizer"),
        learned().from_bytes(tokenizer.to_bytes()),
        pickle.loads(pickle.dumps(tokenizer)),
    ):
        assert spans(other("lowly")) == spans(tokenizer("lowly"))


def test_tokenizer_that_has_learned_nothing_writes_nothing(tmp_path):
    for tokenizer in (learned(), WordTokenizer(NLP.vocab, Whitespace())):
        tokenizer.to_disk(tmp_path / "tokenizer")
        assert tokenizer.to_bytes() == b""
        assert not (tmp_path / "tokenizer").exists()
        tokenizer.from_disk(tmp_path / "tokenizer").from_bytes(b"")
    assert not learned().from_bytes(b"").is_fitted


def test_tokenizer_learns_from_examples_that_spacys_corpora_read():
    nlp = spacy.blank("en")
    nlp.tokenizer = tokenizer = learned()

    def examples():
        doc = nlp.make_doc("low lower lowest")
        return [Example(doc, doc.copy())]

    nlp.initialize(examples)
    assert tokenizer.is_fitted
    assert spans(nlp("lowly")) == [("low", ""), ("l", ""), ("y", "")]


def test_settings_of_a_languages_own_tokenizer_are_passed_over():
    nlp = spacy.blank("en")
    nlp.tokenizer = WordTokenizer(nlp.vocab, Whitespace())
    # As the defaults of Chinese are, for pkuseg.
    nlp.config["initialize"]["tokenizer"] = {"pkuseg_model": None, "pkuseg_user_dict": "default"}
    nlp.initialize()


def test_tokenizer_learns_from_the_train_part_alone(tmp_path):
    nlp = spacy.blank("en")
    nlp.tokenizer = tokenizer = learned(count=1)
    for part, text in (("train", "ab ab"), ("dev", "cd cd cd cd")):
        (tmp_path / f"{part}.csv").write_text(f"text,label\n{text},x\n", encoding="utf-8")
    readers = {part: Csv(path=str(tmp_path / f"{part}.csv")) for part in ("train", "dev")}
    dev = make_corpus("dev", {"train": 1.0}, **readers)
    assert list(dev.sequences(nlp)) == [[*"cdcdcdcd"]]
    assert tokenizer.tokenize.pairs == [("a", "b")]


def test_tokenizer_learns_from_a_stream_of_texts(tmp_path):
    nlp = spacy.blank("en")
    nlp.tokenizer = tokenizer = learned(count=1)
    for part, text in (("train", "ab ab"), ("test", "cd cd cd cd")):
        (tmp_path / f"{part}.txt").write_text(f"{text}\n", encoding="utf-8")
    readers = {part: Lines(path=str(tmp_path / f"{part}.txt")) for part in ("train", "test")}
    with pytest.raises(TokenizerError):
        list(make_sequences("test", {"train": 1.0}, **readers).sequences(nlp))
    sequences = make_sequences("train", {"train": 1.0}, **readers).sequences(nlp)
    assert [list(words) for words in sequences] == [["ab", "ab"]]
    assert tokenizer.tokenize.pairs == [("a", "b")]


def test_spacys_tokenizer_remembers_more_unless_it_was_told_how_much():
    usual, told = spacy.blank("en").tokenizer, spacy.blank("en").tokenizer
    told.max_cache_size = 5
    remember_chunks(usual)
    remember_chunks(told)
    remember_chunks(None)
    assert usual.max_cache_size > 100_000
    assert told.max_cache_size == 5

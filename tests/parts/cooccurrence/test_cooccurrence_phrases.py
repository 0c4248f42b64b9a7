"""Phrases in a file of numbers."""

import io
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqpipe.parts.cooccurrence import Corpus, read_corpus
from seqpipe.parts.phrases import Phrase, PhraseRule, Phrases

gensim = pytest.importorskip("gensim.models.phrases")

_SEQUENCES = st.lists(st.lists(st.sampled_from("abcdef"), max_size=15), min_size=1, max_size=25)


def read(sequences: Sequence[Sequence[str]], rule: PhraseRule, least: int = 1) -> Corpus:
    padded = [*sequences, *[["x", "y", "x"], ["z"]] * least]
    return read_corpus(padded, io.BytesIO(), min_count=lambda words: least, rule=rule)


def texts_of(corpus: Corpus) -> list[list[str]]:
    numbers, found = corpus.numbers(0, corpus.size).tolist(), [[]]  # type: list[int], list[list[str]]
    for number in numbers:
        if number < 0:
            found.append([])
        else:
            found[-1].append(corpus.words[number])
    return found[:-1]


def _score(
    worda_count: int,
    wordb_count: int,
    bigram_count: int,
    len_vocab: int,
    min_count: int,
    corpus_word_count: int,
) -> float:
    return (bigram_count - min_count) / worda_count / wordb_count * corpus_word_count


def _gensim(sequences: Sequence[Sequence[str]], rule: PhraseRule) -> "gensim.Phrases":
    return gensim.Phrases(
        sequences,
        min_count=rule.discount,
        threshold=rule.threshold,
        scoring=_score,
        delimiter=rule.connector,
    )


@given(_SEQUENCES, st.sampled_from([0.5, 1.0, 1.5, 3.0]), st.integers(1, 3))
def test_one_pass_is_gensims(sequences: list[list[str]], threshold: float, discount: int) -> None:
    rule = PhraseRule(1, threshold, discount)
    padded = [*sequences, ["x", "y", "x"], ["z"]]
    theirs = _gensim(padded, rule)
    ours = read(sequences, rule)
    assert {phrase.name: phrase.score for phrase in ours.phrases.found} == theirs.export_phrases()
    assert texts_of(ours) == [theirs[each] for each in padded]


@given(_SEQUENCES, st.integers(1, 4))
def test_a_text_is_joined_as_the_corpus_was(sequences: list[list[str]], passes: int) -> None:
    ours = read(sequences, PhraseRule(passes, 1.0, 1))
    known = set(ours.words)
    assert texts_of(ours)[: len(sequences)] == [ours.phrases.join(s, known) for s in sequences]


@given(_SEQUENCES)
def test_blocks_of_any_size_give_the_same(sequences: list[list[str]]) -> None:
    rule = PhraseRule(2, 0.8, 0)
    whole = read(sequences, rule)
    for size in (2, 3, 7):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("seqpipe.parts.cooccurrence._pairs._AT_ONCE", size)
            parts = read(sequences, rule)
        assert parts.phrases == whole.phrases
        assert texts_of(parts) == texts_of(whole)


def test_a_run_of_one_word_is_joined_in_twos() -> None:
    text = ["a"] * 1001
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seqpipe.parts.cooccurrence._pairs._AT_ONCE", 9)
        corpus = read([text], PhraseRule(1, 0.5, 0))
    assert texts_of(corpus)[0] == ["a_a"] * 500 + ["a"]


def test_planted_phrases_are_found_and_chance_is_not() -> None:
    generator = np.random.default_rng(0)
    words = [f"w{number}" for number in range(50)]
    sequences = []
    for number in range(2000):
        filler = generator.choice(words, 8).tolist()
        city = [["new", "york"], ["los", "angeles"], ["new", "york", "city", "hall"]][number % 3]
        sequences.append([*filler[:4], *city, *filler[4:]])
    found = read(sequences, PhraseRule(2, 8.0), least=3)
    once = {phrase.name for phrase in found.phrases.found if phrase.round == 1}
    again = {phrase.name for phrase in found.phrases.found if phrase.round == 2}
    assert once == {"new_york", "los_angeles", "york_city", "city_hall", "x_y", "y_x"} & once
    assert {"new_york", "los_angeles", "city_hall"} <= once
    assert again == {"new_york_city_hall"}
    assert Counter(found.absorbed) == Counter(
        ["new", "york", "los", "angeles", "city", "hall", "york_city", "city_hall"]
    )


def test_equal_scores_are_in_the_order_of_the_text() -> None:
    corpus = read([["c", "d"], ["a", "b"]] * 10, PhraseRule(1, 1.0, 1))
    assert [phrase.name for phrase in corpus.phrases.found][:2] == ["c_d", "a_b"]


def test_a_word_that_is_written_as_a_phrase_is_the_same() -> None:
    corpus = read([["a", "b"], ["a_b", "c"]] * 10, PhraseRule(1, 2.0, 1), least=2)
    assert dict(zip(corpus.words, corpus.counts.tolist(), strict=True))["a_b"] == 10
    assert "a_b_c" in corpus.words


def test_rare_pairs_are_forgotten_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    sequences = [["a", "b"]] * 20 + [[f"l{n}", f"r{n}"] for n in range(100)] * 2
    rule = PhraseRule(1, 1.0, 0)
    everything = read(sequences, rule)
    assert len(everything.phrases.found) > 100
    monkeypatch.setattr("seqpipe.parts.cooccurrence._pairs._MOST_PAIRS", 10)
    assert [phrase.name for phrase in read(sequences, rule).phrases.found] == ["a_b"]


def test_unknown_phrases_are_taken_apart() -> None:
    phrases = Phrases((Phrase("a", "b", "a_b", 9, 1.0, 1), Phrase("a_b", "c", "a_b_c", 9, 1.0, 2)))
    words = ["a", "b", "c", "b", "a"]
    assert phrases.join(words, {"a_b_c"}) == ["a_b_c", "b", "a"]
    assert phrases.join(words, {"a_b"}) == ["a_b", "c", "b", "a"]
    assert phrases.join(words, ()) == words
    assert phrases.within("a_b_c") == {"a", "b", "a_b", "c"}
    assert phrases.join([], ()) == []

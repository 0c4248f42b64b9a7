"""Known words and phrases as inputs of the encoder: lists of names, and SoftLexicon."""

import gzip
import itertools

import numpy as np
import pytest
import spacy
import torch
from adapter_examples import Same, docs_of
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc

from seqpipe.adapters import make_encoder, pair_of
from seqpipe.adapters._lexicon import (
    Gazetteers,
    LexiconShim,
    Phrases,
    SoftLexicon,
    Tokens,
    read_lexicon,
)
from seqpipe.errors import ConfigError, SavedModelError


@pytest.fixture
def lists(tmp_path):
    """The paths of two lists: of persons, in lines of several kinds, and of places, compressed."""
    persons = tmp_path / "persons.txt"
    persons.write_text("Ada Byron\n\n  Jean   Luc Godard  \nYork\n", encoding="utf-8")
    places = tmp_path / "places.txt.gz"
    places.write_bytes(gzip.compress(b"New York\nLondon\n"))
    return {"person": str(persons), "place": str(places)}


@pytest.fixture
def vectors(tmp_path):
    path = tmp_path / "words.vec"
    path.write_text("3 2\nab 1 2\nbc 3 -1\nb 0 4\n", encoding="utf-8")
    return str(path)


# Finding phrases.


def tokens_of(text):
    """Return the tokens of a text that are divided by blanks, and by nothing where a | is."""
    words, is_apart = [], []
    for piece in text.split():
        for number, word in enumerate(piece.split("|")):
            words.append(word)
            is_apart.append(number == 0)
    return Tokens(words, range(len(words)), is_apart, len(words))


def canonical(text):
    """Return a text whose blanks are between letters and digits only, one each."""
    words = " ".join(text.lower().split())
    return "".join(
        character
        for place, character in enumerate(words)
        if character != " " or (words[place - 1].isalnum() and words[place + 1].isalnum())
    )


@given(
    st.lists(st.text("ab. ", max_size=5), max_size=6),
    st.lists(st.tuples(st.sampled_from(["a", "b", "ab", ".", "a."]), st.booleans()), max_size=7),
)
def test_phrases_are_found_as_by_trying_all_spans(phrases, tokens):
    keys = [canonical(phrase) for phrase in phrases]
    words, is_apart = [word for word, _ in tokens], [apart for _, apart in tokens]
    expected = []
    for start, end in itertools.combinations(range(len(tokens) + 1), 2):
        pieces = zip(is_apart[start:end], words[start:end], strict=True)
        key = canonical("".join(f"{' ' * apart}{word}" for apart, word in pieces))
        if key in keys:
            expected.append((start, end - 1, keys.index(key)))
    found = Phrases(phrases).find(Tokens(words, range(len(words)), is_apart, len(words)))
    assert found == expected


def test_phrases_that_are_too_long_or_empty_are_never_found():
    phrases = Phrases(["", " ", "a" * 101, "b"])
    assert phrases.find(tokens_of("a" * 101 + " b")) == [(1, 1, 3)]


@pytest.mark.parametrize(
    ("phrase", "text", "is_found"),
    [
        ("New York", "new york", True),
        ("New York", "new|york", False),
        ("Therapist", "the rapist", False),
        ("St. Gallen", "st . gallen", True),
        ("Jean-Luc", "jean|-|luc", True),
        ("C ++", "c|++", True),
        ("北京", "北|京", True),
    ],
)
def test_white_space_matters_between_letters_and_digits_alone(phrase, text, is_found):
    tokens = tokens_of(text)
    expected = [(0, len(tokens.words) - 1, 0)] if is_found else []
    assert Phrases([phrase]).find(tokens) == expected


# Lists.


def test_each_token_is_told_where_it_stands_in_phrases_of_each_list():
    gazetteers = Gazetteers({"b": ["New York", "Jean Luc Godard"], "a": ["york"]})
    assert gazetteers.width == 8
    found = gazetteers.vectors(tokens_of("new york and jean luc godard"))
    # By name: of "a" begin, middle, end, single; then of "b".
    assert found.tolist() == [
        [0, 0, 0, 0, 1, 0, 0, 0],
        [0, 0, 0, 1, 0, 0, 1, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 1, 0, 0, 0],
        [0, 0, 0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 1, 0],
    ]


# SoftLexicon.


@given(st.lists(st.sampled_from("abc"), max_size=7))
def test_soft_lexicon_is_the_formula_of_the_paper(tokens):
    words = ["ab", "a", "bca", "bc", "c", "abca"]
    table = np.random.default_rng(0).normal(size=(len(words), 3)).astype(np.float32)
    expected = []
    for place in range(len(tokens)):
        sets = [[], [], [], []]
        for start, end in itertools.combinations(range(len(tokens) + 1), 2):
            word = "".join(tokens[start:end])
            if start <= place < end and word in words:
                first, last = place == start, place == end - 1
                sets[3 if first and last else 0 if first else 2 if last else 1].append(word)
        total = sum(1 / (1 + words.index(word)) for each in sets for word in each)
        for each in sets:
            rows = [table[words.index(word)] / (1 + words.index(word)) for word in each]
            expected.append(4 / total * np.sum(rows, axis=0) if rows else np.zeros(3))
    found = SoftLexicon(words, table).vectors(tokens_of("|".join(tokens)))
    assert found.shape == (len(tokens), 12)
    np.testing.assert_allclose(found.reshape(-1, 3), np.reshape(expected, (-1, 3)), atol=1e-5)


def test_lexicon_has_the_files_first_words_scaled(vectors):
    lexicon = read_lexicon(vectors, 2)
    assert lexicon.words == ["ab", "bc"]
    np.testing.assert_allclose(
        lexicon.table, np.array([[1, 2], [3, -1]]) / np.sqrt(15 / 4), rtol=1e-6
    )


# In the encoder.


def initialized(nlp, **settings):
    torch.manual_seed(0)
    model = make_encoder(**{"encoder": Same, **settings})
    model.initialize(X=docs_of(nlp, ["York"]))
    return model


def test_vectors_stand_beside_the_others_and_are_saved_with_the_encoder(lists, vectors, tmp_path):
    nlp = spacy.blank("en")
    settings = {"trained_width": 3, "gazetteers": lists, "lexicon": vectors}
    model = initialized(nlp, **settings)
    docs = docs_of(nlp, ["Ada Byron in New York", "", "a b c a"])
    found = np.concatenate(model.predict(docs))
    assert found.shape == (9, 3 + 8 + 8)
    persons, places = ["Ada Byron", "Jean Luc Godard", "York"], ["New York", "London"]
    expected = Gazetteers({"person": persons, "place": places}).vectors(
        tokens_of("ada byron in new york")
    )
    np.testing.assert_array_equal(found[:5, 3:11], expected)
    expected = read_lexicon(vectors, 10).vectors(tokens_of("a b c a"))
    np.testing.assert_array_equal(found[5:, 11:], expected)
    saved = model.to_bytes()
    for path in tmp_path.iterdir():
        path.unlink()
    loaded = make_encoder(**{"encoder": Same, **settings}).from_bytes(saved)
    np.testing.assert_array_equal(np.concatenate(loaded.predict(docs)), found)
    np.testing.assert_array_equal(np.concatenate(model.copy().predict(docs)), found)


def test_white_space_has_zeros_and_stands_for_a_blank(lists):
    nlp = spacy.blank("en")
    model = initialized(nlp, gazetteers=lists)
    doc = Doc(nlp.vocab, words=["New", "\n", "York", " ", "x"], spaces=[False] * 5)
    (found,) = model.predict([doc])
    assert found.any(axis=1).tolist() == [True, False, True, False, False]


def test_texts_of_a_pair_are_read_by_themselves(lists):
    nlp = spacy.blank("en")
    model = initialized(nlp, gazetteers=lists)
    apart = np.concatenate(model.predict([pair_of(nlp, "Ada", "Byron")]))
    assert not apart.any()


def test_encoder_before_initialisation_has_no_lists(lists):
    shim = LexiconShim(lists, None, 10)
    assert shim.to_bytes() == b"" and shim.copy().lexicons is None
    with pytest.raises(SavedModelError, match="no lexicon yet"):
        _ = shim.width


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gazetteers": {"person": "missing.txt"}}, r"the list 'person': missing\.txt"),
        ({"gazetteers": {"person": "empty.txt"}}, r"'person', empty\.txt, has no phrases"),
        ({"lexicon": "missing.vec"}, r"missing\.vec"),
        ({"lexicon": "empty.txt"}, r"empty\.txt"),
    ],
)
def test_files_that_cannot_be_used_are_refused(settings, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").write_text("\n", encoding="utf-8")
    shim = LexiconShim(settings.get("gazetteers", {}), settings.get("lexicon"), 10)
    with pytest.raises(ConfigError, match=message) as caught:
        shim.try_build()
    assert caught.value.setting == next(iter(settings))


def test_other_lists_than_the_configurations_are_refused(lists, vectors):
    shim = LexiconShim(lists, vectors, 10)
    shim.try_build()
    saved = shim.to_bytes()
    for settings in ({"person": "x"}, vectors), ({}, vectors), (lists, None):
        with pytest.raises(SavedModelError, match="saved with other lists"):
            LexiconShim(*settings, 10).from_bytes(saved)
    with pytest.raises(SavedModelError, match="lexicon of the encoder is damaged"):
        LexiconShim(lists, vectors, 10).from_bytes(saved[:-50])


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("gazetteers.json", b'{"person": [1], "place": []}'),
        ("gazetteers.json", b"[]"),
        ("words.json", b"[1, 2, 3]"),
        ("words.json", b'["a"]'),
        ("vectors.safetensors", b"nothing"),
    ],
)
def test_damaged_lists_are_refused(lists, vectors, tmp_path, file, content):
    shim = LexiconShim(lists, vectors, 10)
    shim.try_build()
    for lexicon in shim.lexicons:
        lexicon.to_disk(tmp_path)
    (tmp_path / file).write_bytes(content)
    kind = Gazetteers if file.startswith("g") else SoftLexicon
    with pytest.raises(SavedModelError, match=r"damaged|isn't a list|can't be read"):
        kind.from_disk(tmp_path)

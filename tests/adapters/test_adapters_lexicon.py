"""Known words and phrases as inputs of the encoder: lists of names, and SoftLexicon."""

import gzip
import itertools

import numpy as np
import pytest
import spacy
import torch
from adapter_examples import docs_of
from hypothesis import given
from hypothesis import strategies as st

from seqpipe.adapters import make_encoder, pair_of
from seqpipe.adapters._lexicon import (
    Gazetteers,
    LexiconShim,
    Phrases,
    SoftLexicon,
    read_lexicon,
)
from seqpipe.errors import ConfigError, SavedModelError
from seqpipe.parts.encoders import Encoder


class Same(Encoder):
    """Gives back what it's given."""

    def __init__(self, input_width, *, width=1):
        super().__init__()
        self.width = input_width

    def forward(self, inputs, lengths):
        return inputs * 1.0


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


@given(
    st.lists(st.text("ab ", max_size=4), max_size=6),
    st.lists(st.sampled_from(["a", "b", "A", "ab", " ", "\n"]), max_size=8),
)
def test_phrases_are_found_as_by_trying_all_spans(phrases, tokens):
    keys = ["".join(phrase.lower().split()) for phrase in phrases]
    expected = {
        (start, end): keys.index(key)
        for start, end in itertools.combinations(range(len(tokens) + 1), 2)
        if (key := "".join(tokens[start:end]).lower().replace(" ", "").replace("\n", ""))
        and key in keys
        and tokens[start].strip()
        and tokens[end - 1].strip()
    }
    found = Phrases(phrases).find(tokens)
    assert {(start, end): number for start, end, number in found} == expected
    assert len(found) == len(expected)


def test_phrases_that_are_too_long_or_empty_are_never_found():
    phrases = Phrases(["", " ", "a" * 101, "b"])
    assert phrases.find(["a" * 101, "", " ", "b"]) == [(3, 4, 3)]


# Lists.


def test_each_token_is_told_where_it_stands_in_phrases_of_each_list():
    gazetteers = Gazetteers({"b": ["New York", "Jean Luc Godard"], "a": ["york"]})
    assert gazetteers.width == 8
    found = gazetteers.vectors(["new", "York", "and", "Jean", "luc", "godard"])
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
    found = SoftLexicon(words, table).vectors(tokens)
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
    words = [token.lower_ for token in docs[0]]
    persons, places = ["Ada Byron", "Jean Luc Godard", "York"], ["New York", "London"]
    expected = Gazetteers({"person": persons, "place": places}).vectors(words)
    np.testing.assert_array_equal(found[:5, 3:11], expected)
    expected = read_lexicon(vectors, 10).vectors(["a", "b", "c", "a"])
    np.testing.assert_array_equal(found[5:, 11:], expected)
    saved = model.to_bytes()
    for path in tmp_path.iterdir():
        path.unlink()
    loaded = make_encoder(**{"encoder": Same, **settings}).from_bytes(saved)
    np.testing.assert_array_equal(np.concatenate(loaded.predict(docs)), found)
    np.testing.assert_array_equal(np.concatenate(model.copy().predict(docs)), found)


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
    with pytest.raises(SavedModelError, match="other lists"):
        LexiconShim({"person": "x"}, vectors, 10).from_bytes(saved)
    with pytest.raises(SavedModelError):
        LexiconShim(lists, vectors, 10).from_bytes(saved[:-50])
    only_lists = LexiconShim(lists, None, 10)
    only_lists.try_build()
    with pytest.raises(SavedModelError):
        LexiconShim(lists, vectors, 10).from_bytes(only_lists.to_bytes())

"""Embedders that move the vectors of another one."""

import functools

import numpy as np
import pytest
from parts.embedders.retrofit_examples import (
    ANTONYMS,
    SYNONYMS,
    Table,
    make_counter_fitted,
    make_retrofitted,
)

from seqpipe.errors import ConfigError, DataError, EmbedderError, SavedModelError
from seqpipe.parts.embedders import CounterFitted, Pretrained, Retrofitted
from seqpipe.testing import checks

VECTORS = {
    "happy": [3.0, 0.0],
    "glad": [0.0, 4.0],
    "sad": [2.0, 0.2],
    "stone": [-1.0, 0.0],
    "nothing": [0.0, 0.0],
}
TEXT = [["happy", "glad", "sad", "stone"]]


@pytest.fixture(scope="module")
def lists(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lists")
    for name, text in (("synonyms", SYNONYMS), ("antonyms", ANTONYMS)):
        (folder / name).write_text(text, encoding="utf-8")
    return {"synonyms": str(folder / "synonyms"), "antonyms": str(folder / "antonyms")}


@pytest.fixture
def few(tmp_path):
    """Lists of words that the table has, and of some that it hasn't."""
    (tmp_path / "synonyms").write_text("happy glad\nnothing happy\nglad joyful\n", encoding="utf-8")
    (tmp_path / "antonyms").write_text("happy sad\n", encoding="utf-8")
    return {"synonyms": str(tmp_path / "synonyms"), "antonyms": str(tmp_path / "antonyms")}


def both(embedder, lists):
    yield Retrofitted(embedder=embedder, synonyms=lists["synonyms"])
    yield CounterFitted(embedder=embedder, **lists)


def cosine(embedder, one, other):
    first, second = embedder.embed([one, other])
    return first @ second / np.linalg.norm(first) / np.linalg.norm(second)


@pytest.mark.parametrize("check", checks("embedders"), ids=str)
def test_retrofitted_keeps_the_contract(check, lists):
    check(functools.partial(make_retrofitted, synonyms=lists["synonyms"]))


@pytest.mark.parametrize("check", checks("embedders"), ids=str)
def test_counter_fitted_keeps_the_contract(check, lists):
    check(functools.partial(make_counter_fitted, **lists))


def test_synonyms_come_together(few):
    for embedder in both(Table(VECTORS), few):
        embedder.fit(TEXT)
        assert cosine(Table(VECTORS), "happy", "glad") == 0
        assert cosine(embedder, "happy", "glad") > 0.3


def test_antonyms_move_away_from_each_other(few):
    embedder = CounterFitted(embedder=Table(VECTORS), **few)
    embedder.fit(TEXT)
    assert cosine(Table(VECTORS), "happy", "sad") > 0.99
    assert cosine(embedder, "happy", "sad") < 0.3


def test_vectors_keep_their_length_and_those_not_listed_their_place(few):
    for embedder in both(Table(VECTORS), few):
        embedder.fit(TEXT)
        words = list(VECTORS)
        before, after = np.array(list(VECTORS.values())), embedder.embed(words)
        np.testing.assert_allclose(
            np.linalg.norm(after, axis=1), np.linalg.norm(before, axis=1), rtol=1e-5
        )
        assert np.array_equal(after[3:], before[3:])


def test_unknown_words_have_the_inner_vectors(few):
    for embedder in both(Table(VECTORS), few):
        embedder.fit(TEXT)
        unknown = ["joyful", "", "Happy"]
        assert np.array_equal(embedder.embed(unknown), Table(VECTORS).embed(unknown))


def test_word_that_the_inner_embedder_takes_for_a_known_one_has_that_ones_vector(few):
    for embedder in both(Table(VECTORS, lower=True), few):
        embedder.fit(TEXT)
        assert np.array_equal(
            embedder.embed(["HAPPY", "Stone"]), embedder.embed(["happy", "stone"])
        )


def test_lists_may_be_written_in_capitals_for_an_embedder_that_lowers_words(tmp_path, few):
    (tmp_path / "capitals").write_text("Happy GLAD\n", encoding="utf-8")
    embedder = Retrofitted(embedder=Table(VECTORS, lower=True), synonyms=str(tmp_path / "capitals"))
    embedder.fit(TEXT)
    assert cosine(embedder, "happy", "glad") > 0.3


def test_words_with_the_same_vector_are_distinguished_by_their_names(tmp_path):
    (tmp_path / "synonyms").write_text("a c\n", encoding="utf-8")
    embedder = Retrofitted(
        embedder=Table({"a": [1, 0], "b": [1, 0], "c": [0, 1]}, lower=True),
        synonyms=str(tmp_path / "synonyms"),
    )
    embedder.fit(TEXT)
    a, b, capital = embedder.embed(["a", "b", "A"])
    assert a[1] > 0
    assert b.tolist() == capital.tolist() == [1, 0]


def test_progress_covers_the_inner_fit_and_what_follows(few):
    for embedder in both(Table(VECTORS), few):
        reports = []
        embedder.fit(TEXT, on_progress=reports.append)
        fractions = [each.fraction for each in reports]
        assert fractions[:2] == [0.4, 0.8]
        assert fractions == sorted(fractions) and fractions[-1] == 1 and len(fractions) > 10
        assert reports[0].loss == 3.0


def test_saved_one_is_read_without_the_lists(few, tmp_path):
    for number, embedder in enumerate(both(Table(VECTORS), few)):
        embedder.fit(TEXT)
        folder = tmp_path / str(number)
        folder.mkdir()
        embedder.to_disk(folder)
        gone = {"synonyms": "gone.txt", "antonyms": "gone.txt"}
        again = list(both(Table(VECTORS), gone))[number]
        again.from_disk(folder)
        words = [*VECTORS, "joyful"]
        assert np.array_equal(again.embed(words), embedder.embed(words))


def test_vectors_of_another_embedder_are_refused(few, tmp_path):
    retrofitted, counter_fitted = both(Table(VECTORS), few)
    retrofitted.fit(TEXT)
    retrofitted.to_disk(tmp_path)
    with pytest.raises(SavedModelError, match="is of Retrofitted, not of CounterF"):
        counter_fitted.from_disk(tmp_path)
    wider = Retrofitted(embedder=Table({"a": [1, 2, 3]}), synonyms=few["synonyms"])
    with pytest.raises(SavedModelError, match=r"`vectors` is float32 \[2, 2\], not \[2, 3\]"):
        wider.from_disk(tmp_path)
    fewer = Retrofitted(embedder=Table({"a": [1, 2]}), synonyms=few["synonyms"])
    with pytest.raises(SavedModelError, match="are of 5 words, and the embedder knows 1"):
        fewer.from_disk(tmp_path)
    with pytest.raises(EmbedderError, match="has no vectors yet"):
        fewer.embed(["a"])


def test_saved_one_over_a_file_of_vectors_is_read_without_that_file(few, tmp_path):
    file = tmp_path / "vectors.txt"
    lines = [f"{word} {x} {y}\n" for word, (x, y) in VECTORS.items()]
    file.write_text("".join(lines), encoding="utf-8")
    for number, embedder in enumerate(both(Pretrained(path=str(file)), few)):
        embedder.fit(TEXT)
        folder = tmp_path / str(number)
        folder.mkdir()
        embedder.to_disk(folder)
        again = list(both(Pretrained(path="gone.txt"), few))[number]
        again.from_disk(folder)
        assert np.array_equal(again.embed(["happy"]), embedder.embed(["happy"]))


def test_list_is_read_before_the_inner_embedder_is_fitted():
    for embedder in both(Table(VECTORS), {"synonyms": "gone.txt", "antonyms": "gone.txt"}):
        with pytest.raises(DataError, match=r"gone\.txt isn't there"):
            embedder.fit(TEXT)
        assert not embedder.embedder.fitted


def test_lists_without_a_known_pair_are_refused(tmp_path):
    (tmp_path / "list").write_text("Happy Sad\n", encoding="utf-8")
    path = str(tmp_path / "list")
    for embedder in both(Table(VECTORS), {"synonyms": path, "antonyms": path}):
        with pytest.raises(EmbedderError, match=r"both words are known.*'happy', 'glad', 'sad'"):
            embedder.fit(TEXT)
        assert len(embedder.vocabulary) == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"antonyms": ""}, "`antonyms` names no list"),
        ({"iterations": 0}, "`iterations` is 0"),
        ({"neighbour_words": -1}, "`neighbour_words` is -1"),
        ({"antonym_weight": 1.5}, "`antonym_weight` is 1.5; it must lie between 0 and 1"),
        ({"synonym_distance": -0.1}, "between 0 and 2"),
        ({"neighbour_distance": float("nan")}, "`neighbour_distance` is nan"),
        ({"embedder": "a"}, "`embedder` is 'a'"),
    ],
)
def test_counter_fitted_refuses_settings(settings, message):
    with pytest.raises(ConfigError, match=message):
        CounterFitted(**{"embedder": Table(VECTORS), "antonyms": "a"} | settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"synonyms": ""}, "`synonyms` names no list"),
        ({"synonyms": []}, "`synonyms` names no list"),
        ({"iterations": 0}, "`iterations` is 0"),
        ({"own_weight": -1.0}, "`own_weight` is -1"),
        ({"own_weight": float("inf")}, "`own_weight` is inf"),
    ],
)
def test_retrofitted_refuses_settings(settings, message):
    with pytest.raises(ConfigError, match=message):
        Retrofitted(**{"embedder": Table(VECTORS), "synonyms": "a"} | settings)


def test_neighbours_are_preserved_only_among_the_most_frequent_words(tmp_path):
    (tmp_path / "antonyms").write_text("a b\n", encoding="utf-8")
    vectors = {"a": [1, 0], "b": [0.9, 0.1], "near": [1, -0.1]}
    moved = {}
    for words in (0, 2, 3):
        embedder = CounterFitted(
            embedder=Table(vectors), antonyms=str(tmp_path / "antonyms"), neighbour_words=words
        )
        embedder.fit(TEXT)
        moved[words] = embedder.embed(["near"]).tolist() != Table(vectors).embed(["near"]).tolist()
    assert moved == {0: False, 2: False, 3: True}

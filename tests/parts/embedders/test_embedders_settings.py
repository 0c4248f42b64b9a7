import inspect
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqpipe.errors import ConfigError
from seqpipe.parts.embedders import FastText, Word2Vec
from seqpipe.parts.embedders.fasttext._settings import auto


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("width", 0),
        ("epochs", 0),
        ("window", 0),
        ("negatives", 0),
        ("loss", "softmax"),
        ("min_count", 0),
        ("threads", 0),
        ("architecture", "glove"),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("subsample", 0.0),
        ("subsample", float("inf")),
    ],
)
@pytest.mark.parametrize("kind", [FastText, Word2Vec])
def test_setting_that_cannot_be_used_is_named(kind, setting, value):
    with pytest.raises(ConfigError, match=f"`{setting}` is {value!r}"):
        kind(**{setting: value})


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"min_n": 0}, "min_n"),
        ({"min_n": 4, "max_n": 3}, "min_n"),
        ({"max_n": -1}, "max_n"),
        ({"buckets": 0}, "buckets"),
    ],
)
def test_subword_setting_that_cannot_be_used_is_named(settings, named):
    with pytest.raises(ConfigError, match=f"`{named}`"):
        FastText(**settings)


def test_no_subwords_need_no_smallest_length():
    assert FastText(max_n=0).width == 100


@pytest.mark.parametrize("kind", [FastText, Word2Vec])
def test_settings_are_keyword_only_with_defaults_that_a_file_can_hold(kind):
    for parameter in inspect.signature(kind).parameters.values():
        assert parameter.kind is parameter.KEYWORD_ONLY
        assert json.loads(json.dumps(parameter.default)) == parameter.default
        assert parameter.annotation is not parameter.empty


@pytest.mark.parametrize("kind", [FastText, Word2Vec])
def test_class_is_final(kind):
    assert kind.__final__


@pytest.mark.parametrize("setting", ["epochs", "min_count", "subsample"])
@pytest.mark.parametrize("kind", [FastText, Word2Vec])
def test_word_other_than_auto_is_refused(kind, setting):
    kind(**{setting: "auto"})
    with pytest.raises(ConfigError, match=f"`{setting}` is 'automatic'; .*\"auto\""):
        kind(**{setting: "automatic"})


@pytest.mark.parametrize(
    ("words", "epochs", "min_count", "subsample"),
    [
        (0, 10, 1, 1.0),
        (50_000, 10, 1, 1.0),
        (199_999, 10, 1, 1.0),
        (200_000, 10, 2, 1.0),
        (800_000, 5, 2, 1.0),
        (999_999, 4, 2, 1.0),
        (1_000_000, 4, 2, 1e-3),
        (9_999_999, 2, 2, 1e-3),
        (10_000_000, 2, 5, 1e-4),
        (10**10, 2, 5, 1e-4),
    ],
)
def test_settings_are_chosen_by_the_number_of_words(words, epochs, min_count, subsample):
    assert auto(words) == {"epochs": epochs, "min_count": min_count, "subsample": subsample}


@given(words=st.lists(st.integers(0, 10**9), min_size=2, max_size=2).map(sorted))
def test_larger_corpora_are_gone_through_less_and_lose_more(words):
    smaller, larger = map(auto, words)
    assert smaller["epochs"] >= larger["epochs"]
    assert smaller["min_count"] <= larger["min_count"]
    assert smaller["subsample"] >= larger["subsample"]
    # They're values that can be given too.
    FastText(**larger)


@pytest.mark.parametrize("kind", [FastText, Word2Vec])
def test_what_was_chosen_is_told_and_gives_the_same_vectors(
    kind, sequences, in_this_process, tmp_path
):
    left = kind(width=4, epochs="auto", min_count="auto", subsample="auto")
    assert left.chosen == {}
    left.fit(sequences, seed=1)
    assert left.chosen == {"epochs": 10, "min_count": 1, "subsample": 1.0}
    assert "rare" in left.vocabulary
    same = kind(width=4, **left.chosen)
    same.fit(sequences, seed=1)
    assert same.chosen == {}
    assert (same.embed(["cat", "rare", "new"]) == left.embed(["cat", "rare", "new"])).all()
    partly = kind(width=4, epochs=1, min_count=2, subsample="auto")
    partly.fit(sequences)
    assert partly.chosen == {"subsample": 1.0} and "rare" not in partly.vocabulary
    left.to_disk(tmp_path)
    read = kind(width=4, epochs="auto")
    read.from_disk(tmp_path)
    assert read.chosen == {} and (read.embed(["cat"]) == left.embed(["cat"])).all()

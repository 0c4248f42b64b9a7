import inspect
import json

import pytest

from seqpipe.errors import ConfigError
from seqpipe.parts.embedders import FastText, Word2Vec


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

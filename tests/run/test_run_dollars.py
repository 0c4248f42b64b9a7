"""A ``$`` in a text is one ``$`` for every part, however often the pipeline is saved and loaded."""

import copy
import json
import re

import pytest
import spacy
from confection import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.util import load_model_from_config, registry

from seqpipe.config import compile_file
from seqpipe.run import run

TOKENIZER = """
[nlp]
lang = "en"
pipeline = []

[components]

[nlp.tokenizer]
@tokenizers = "seqpipe.Tokenizer.v1"

[nlp.tokenizer.tokenizer]
@seqpipe_tokenizers = "seqpipe.Regex.v1"
pattern = {}
"""
#: confection would read the parts of some of these as numbers, texts or references of their own.
TEXTS = [
    "$",
    "$$",
    "$5",
    "a$$$b",
    "${system.seed}",
    "$ 1e3 $ true $",
    '$", "$',
    "~$^\\$",
    "\\$$\\d",
]
texts = st.text(st.sampled_from("$${}:\\\"'~ a1.\n"), min_size=1, max_size=12)


def written(value):
    """Return a value as a pipeline file writes it."""
    return json.dumps(value).replace("$", "$$")


def compiled(folder, text):
    file = folder / "file.cfg"
    file.write_text(text, encoding="utf-8")
    return compile_file(file)


def pattern_of(nlp):
    return nlp.tokenizer.tokenize._pattern.pattern


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(texts, st.lists(texts), st.dictionaries(st.just("key"), texts)))
def test_any_value_survives_rounds_of_writing_and_reading(tmp_path, value):
    reader = f'[data]\n@readers = "tests.Value.v1"\nvalue = {written(value)}\n'
    config = compiled(tmp_path, reader + '[embedder]\n@seqpipe_embedders = "seqpipe.Word2Vec.v1"\n')
    for _ in range(3):
        for again in (config, config.interpolate(), copy.deepcopy(config)):
            assert registry.resolve({"data": again["corpora"]["train"]["data"]})["data"] == value
        config = Config().from_str(config.to_str(), interpolate=False)
        # What's printed or saved is a file that `seqpipe run` takes.
        again = compiled(tmp_path, config.to_str())
        assert again["corpora"]["train"]["data"] == config["corpora"]["train"]["data"]


@registry.readers("tests.Value.v1")
def make_value(*, value: str | list[str] | dict[str, str]):
    return value


@pytest.mark.parametrize("text", TEXTS)
def test_tokenizer_is_the_same_however_a_pipeline_is_saved(text, tmp_path):
    pattern = re.escape(text)
    nlp = load_model_from_config(compiled(tmp_path, TOKENIZER.format(written(pattern))))
    for number in range(3):
        assert pattern_of(nlp) == pattern
        nlp.to_disk(tmp_path / str(number))
        nlp = spacy.load(tmp_path / str(number))
        assert pattern_of(nlp) == pattern
        nlp = spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())


@pytest.mark.parametrize("section", ["paths", "variables", "vars"])
def test_free_section_has_no_more_dollars_after_rounds_of_saving(tmp_path, section):
    free = f'[{section}]\na = "p$$$$q"\nb = 3\nc = ["$$"]\n'
    config = compiled(tmp_path, free + TOKENIZER.format(f"${{{section}.a}}"))
    nlp = load_model_from_config(config)
    for number in range(4):
        assert pattern_of(nlp) == "p$$q"
        assert nlp.config[section].items() >= {"b": 3}.items()
        nlp.to_disk(tmp_path / str(number))
        saved = Config().from_disk(tmp_path / str(number) / "config.cfg", interpolate=False)
        assert "$" not in str(saved[section])
        nlp = spacy.load(tmp_path / str(number))


def test_tokenizer_and_path_of_a_run_are_those_of_the_saved_pipeline(tmp_path):
    rows = [f"{i} costs $5 now,good\n{i} free of charge,bad\n" for i in range(10)]
    (tmp_path / "a$b.csv").write_text("text,label\n" + "".join(rows), encoding="utf-8")
    file = tmp_path / "file.cfg"
    file.write_text(
        f'[data]\n@readers = "seqpipe.Csv.v1"\npath = {written(str(tmp_path / "a$b.csv"))}\n'
        '[tokenizer]\n@seqpipe_tokenizers = "seqpipe.Regex.v1"\npattern = "\\\\$$\\\\d+|\\\\w+"\n'
        '[classifier]\n@seqpipe_classifiers = "seqpipe.FastTextClassifier.v1"\nwidth = 4\nbuckets = 9\n',
        encoding="utf-8",
    )
    for output in ("first", "second"):
        nlp = spacy.load(run(file, output=tmp_path / output).model)
        assert [token.text for token in nlp("costs $5 now")] == ["costs", "$5", "now"]
        file = tmp_path / output / "config.cfg"


def test_value_inside_a_mapping_keeps_its_dollars_when_another_is_overridden(tmp_path):
    file = tmp_path / "file.cfg"
    file.write_text(
        '[data]\n@readers = "tests.Value.v1"\nvalue = {"a": "x$$"}\n'
        '[embedder]\n@seqpipe_embedders = "seqpipe.Word2Vec.v1"\n'
    )
    block = compile_file(file, ["--data.value.b", "y$"])["corpora"]["train"]["data"]
    assert registry.resolve({"data": block})["data"] == {"a": "x$", "b": "y$"}

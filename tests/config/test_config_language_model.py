"""Pipeline files that make a language model."""

import inspect

import pytest
from test_config_expand import READER

from seqpipe.adapters import make_language_model_pipe
from seqpipe.config import Makes, expand, what_is_made
from seqpipe.config._schema import LANGUAGE_MODEL_SETTINGS

FILE = """[data]
@readers = "seqpipe.Lines.v1"
path = "texts.txt"

[language_model]
unit = "word"
width = 64
"""


def model(**changed):
    return expand({"data": READER, **changed}, Makes.LANGUAGE_MODEL, None)


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"data", "language_model"}, Makes.LANGUAGE_MODEL),
        ({"data", "embedder", "language_model"}, Makes.LANGUAGE_MODEL),
        ({"data", "head", "language_model"}, Makes.LANGUAGE_MODEL),
        ({"data", "classifier", "language_model"}, Makes.CLASSIFIER),
    ],
)
def test_sections_say_what_a_file_makes(sections, expected):
    assert what_is_made(sections) is expected


def test_settings_are_those_of_the_component():
    parameters = inspect.signature(make_language_model_pipe).parameters
    assert {*parameters} - {"nlp", "name"} == {*LANGUAGE_MODEL_SETTINGS, "cell"}


def test_a_language_model_expands_to_a_component_that_is_trained_as_it_is_initialised():
    config = model(language_model={"width": 9}, pipeline={"lang": "de", "seed": 5})
    component = config["components"]["language_model"]
    lstm = {"@seqpipe_cells": "seqpipe.LSTM.v1"}
    assert component == {"factory": "seqpipe_language_model", "width": 9, "cell": lstm}
    assert config["nlp"]["pipeline"] == ["language_model"] and config["nlp"]["lang"] == "de"
    assert set(config["corpora"]) == {"train", "dev", "test"} and config["system"]["seed"] == 5
    used = config["initialize"]["components"]["language_model"]
    assert used == {part: config["corpora"][part] for part in ("train", "dev")}


def test_cell_is_an_lstm_if_only_settings_are_given():
    cell = {"@seqpipe_cells": "seqpipe.LSTM.v1", "forget_bias": 0.0}
    found = model(language_model={"cell": {"forget_bias": 0.0}})
    assert found["components"]["language_model"]["cell"] == cell


def test_without_a_dev_part_nothing_chooses_the_best():
    split = {"train": 0.9, "test": 0.1}
    config = model(language_model={}, data={**READER, "split": split})
    assert set(config["initialize"]["components"]["language_model"]) == {"train"}
    # For `spacy train`, which wants something to evaluate on.
    assert config["corpora"]["dev"]["part"] == "train"


def test_good_file_has_no_errors(errors_of):
    assert errors_of(FILE) == []
    assert errors_of(FILE + '\n[language_model.cell]\n@seqpipe_cells = "acme.Simple.v1"\n') == []


@pytest.mark.parametrize(
    ("old", "new", "said", "suggested"),
    [
        ("width = 64", "widht = 64", '"widht"', "width"),
        ("width = 64", 'width = "64"', "expected an integer", "64"),
        ('"word"', '"words"', '"words"', "word"),
        ("width = 64", 'cell = "seqpipe.GRU.v1"', "`cell` is a section", "[language_model.cell]"),
    ],
)
def test_mistakes_are_reported_at_their_place(errors_of, old, new, said, suggested):
    (problem,) = errors_of(FILE.replace(old, new))
    assert said in problem.message and suggested in problem.label
    assert problem.place.line in (6, 7)


def test_settings_of_the_cell_are_checked(errors_of):
    cell = '\n[language_model.cell]\n@seqpipe_cells = "acme.Simple.v1"\nforgetbias = 0.0\n'
    (problem,) = errors_of(FILE + cell)
    assert '"forgetbias"' in problem.message and problem.place.line == 11


@pytest.mark.parametrize(
    "section",
    [
        '[head]\n@seqpipe_heads = "seqpipe.TextClassifier.v1"',
        '[embedder]\n@seqpipe_embedders = "seqpipe.FastText.v1"',
        '[encoder]\n@seqpipe_encoders = "seqpipe.Recurrent.v1"',
        "[wide]\nweight = 1.0",
        "[decision]\ntemperature = 1.0",
    ],
)
def test_sections_for_labels_are_refused(errors_of, section):
    problems = errors_of(f"{FILE}\n{section}\n")
    name = section.split("\n")[0]
    said = f"{name} can't be combined with [language_model], which predicts texts and no labels"
    assert said in [problem.message for problem in problems]


def test_classifier_training_and_folds_are_refused(errors_of):
    classifier = '\n[classifier]\n@seqpipe_classifiers = "seqpipe.NGramClassifier.v1"\n'
    messages = [problem.message for problem in errors_of(FILE + classifier)]
    assert (
        "[language_model] can't be combined with [classifier], which is a whole model" in messages
    )
    (problem,) = errors_of(FILE + "\n[training]\nmax_epochs = 3\n")
    assert "[language_model], which trains by itself" in problem.message
    (problem,) = errors_of(FILE.replace("\n\n", '\nfold = {"index": 0, "count": 5}\n\n'))
    assert "a language model has no labelled texts" in problem.message

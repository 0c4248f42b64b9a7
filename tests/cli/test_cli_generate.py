"""`seqpipe generate`: texts on the screen, and what's said of pipelines that can't write."""

import json

import pytest
import spacy
from spacy.training import Example


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written") / "model"
    nlp = spacy.blank("en")
    settings = {"width": 6, "epochs": 1, "min_count": 1}
    nlp.add_pipe("seqpipe_language_model", config=settings)
    texts = map(nlp.make_doc, ["a cat", "a dog", "the dogs"])
    nlp.initialize(lambda: [Example(doc, doc) for doc in texts])
    nlp.to_disk(folder)
    return str(folder)


def test_text_is_that_of_the_component(call, model):
    options = ("--length", "12", "--temperature", "0.5", "--top-k", "4", "--top-p", "0.9")
    called = call("generate", model, "--prompt", "a c", *options, "--seed", "3")
    pipe = spacy.load(model).get_pipe("seqpipe_language_model")
    expected = pipe.generate("a c", length=12, temperature=0.5, top_k=4, top_p=0.9, seed=3)
    assert (called.code, called.out) == (0, expected + "\n")


def test_settings_out_of_bounds_are_an_error(call, model):
    called = call("generate", model, "--top-p", "2")
    assert called.code == 1 and "`top_p` is 2.0" in called.err and called.out == ""


def test_seed_that_is_too_large_is_an_error(call, model):
    called = call("generate", model, "--seed", "99999999999999999999999")
    assert called.code == 1 and "`seed` is 99999999999999999999999; it must be" in called.err


def test_pipeline_that_is_not_there_or_cannot_write_is_an_error(call, tmp_path):
    assert "nowhere is neither a folder nor" in call("generate", "nowhere").err
    spacy.blank("en").to_disk(tmp_path / "blank")
    assert "no language model" in call("generate", str(tmp_path / "blank")).err


def test_folder_of_a_run_is_told_from_its_pipeline(call, tmp_path):
    spacy.blank("en").to_disk(tmp_path / "model-best")
    called = call("generate", str(tmp_path))
    assert called.code == 1
    assert f"name its pipeline, {tmp_path / 'model-best'}" in called.err


def test_help_has_examples(call):
    called = call("generate", "--help")
    assert called.code == 0 and '--prompt "The city of" --temperature 0.7' in called.out


def test_json_has_the_text_as_it_is(call, model):
    called = call("generate", model, "--prompt", "a c", "--length", "12", "--seed", "3", "--json")
    pipe = spacy.load(model).get_pipe("seqpipe_language_model")
    text = pipe.generate("a c", length=12, seed=3)
    assert json.loads(called.out) == {"prompt": "a c", "seed": 3, "text": text}

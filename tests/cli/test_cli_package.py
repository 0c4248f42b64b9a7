"""`seqpipe package`: the wheel, and what's said of it."""

import json
from pathlib import Path

MODEL = str(Path(__file__).parents[1] / "saved_models" / "text-classifier")


def test_wheel_is_written_and_how_to_install_it_is_said(call, tmp_path):
    options = ("--output", str(tmp_path), "--name", "woods", "--version", "2.0", "--license", "MIT")
    called = call("package", MODEL, *options)
    wheel = tmp_path / "en_woods-2.0-py3-none-any.whl"
    assert called.code == 0 and wheel.exists()
    assert called.out.splitlines() == [
        f"package: {wheel}",
        f'install: pip install {wheel}   (nlp = spacy.load("en_woods"))',
    ]


def test_missing_licence_is_said(call, tmp_path):
    called = call("package", MODEL, "--output", str(tmp_path), "--name", "woods")
    assert "licence: not stated" in called.out


def test_name_that_cannot_be_is_an_error(call, tmp_path):
    called = call("package", MODEL, "--output", str(tmp_path), "--name", "no good")
    assert called.code == 1 and "can't be the name of a package" in called.err
    assert not list(tmp_path.iterdir())


def test_help_has_examples(call):
    assert (
        "seqpipe package runs/reviews/model-best --version 1.0.0" in call("package", "--help").out
    )


def test_json_names_the_wheel(call, tmp_path):
    options = ("--output", str(tmp_path), "--name", "woods", "--version", "2.0", "--json")
    told = json.loads(call("package", MODEL, *options).out)
    wheel = tmp_path / "en_woods-2.0-py3-none-any.whl"
    assert told == {"wheel": str(wheel), "name": "en_woods", "version": "2.0"}

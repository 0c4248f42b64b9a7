"""Saved pipelines as wheels: what's in them, what they require, and that they load where they're installed."""

import base64
import csv
import hashlib
import io
import json
import shutil
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
import spacy
from e2e.small_world import python, run_process

from seqpipe.errors import ConfigError, SavedModelError
from seqpipe.packaging import Details, find_report, write_card, write_wheel

SAVED = Path(__file__).parents[1] / "saved_models" / "text-classifier"
TEXTS = ["the gull near the reef", "an owl of Oak"]
DETAILS = Details(name="sea_or_wood", version="1.2", license="MIT", intended_use="For tests alone.")


@pytest.fixture
def model(tmp_path):
    return Path(shutil.copytree(SAVED, tmp_path / "model"))


@pytest.fixture
def wheel(model, tmp_path):
    return write_wheel(model, tmp_path / "dist", DETAILS)


def test_same_model_gives_the_same_bytes(model, wheel, tmp_path):
    again = write_wheel(model, tmp_path / "again", DETAILS)
    assert again.name == wheel.name == "en_sea_or_wood-1.2-py3-none-any.whl"
    assert again.read_bytes() == wheel.read_bytes()


def test_record_has_the_hash_and_the_size_of_each_file(wheel):
    with zipfile.ZipFile(wheel) as archive:
        record = archive.read("en_sea_or_wood-1.2.dist-info/RECORD").decode()
        rows = {name: (digest, size) for name, digest, size in csv.reader(io.StringIO(record))}
        assert set(rows) == set(archive.namelist())
        for name, (digest, size) in rows.items():
            if name.endswith("RECORD"):
                continue
            content = archive.read(name)
            hashed = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            assert (digest, int(size)) == (f"sha256={hashed.decode()}", len(content))


def test_metadata_say_what_is_required_and_have_the_card(wheel):
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read("en_sea_or_wood-1.2.dist-info/METADATA").decode()
        card = archive.read("en_sea_or_wood/README.md").decode()
    found = Parser().parsestr(text)
    assert (found["Name"], found["Version"], found["License"]) == ("en-sea-or-wood", "1.2", "MIT")
    required = found.get_all("Requires-Dist")
    assert required[0].startswith("spacy>=") and required[1].startswith("seqpipe>=")
    assert found.get_payload() == card
    assert "## Intended use\n\nFor tests alone.\n" in card and "- Licence: MIT" in card


@pytest.mark.slow
def test_installed_wheel_loads_by_its_name_and_predicts_the_same(wheel, tmp_path):
    site = tmp_path / "site"
    options = ["--no-deps", "--no-index", "--quiet", "--target", str(site)]
    done = run_process([sys.executable, "-m", "pip", "install", *options, str(wheel)], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    code = (
        f"import json, sys; sys.path.insert(0, {str(site)!r}); import spacy\n"
        "nlp = spacy.load('en_sea_or_wood')\n"
        f"print(json.dumps([[nlp.meta['version'], nlp(text).cats] for text in {TEXTS!r}]))"
    )
    original = spacy.load(SAVED)
    expected = [["1.2", original(text).cats] for text in TEXTS]
    assert json.loads(python(code, cwd=tmp_path)) == expected


def test_files_beside_the_model_s_own_come_along_but_hidden_ones(model, tmp_path):
    (model / "LICENSE").write_text("mine")
    (model / ".git").mkdir()
    (model / ".git" / "HEAD").write_text("x")
    wheel = write_wheel(model, tmp_path / "dist", DETAILS)
    names = zipfile.ZipFile(wheel).namelist()
    assert "en_sea_or_wood/en_sea_or_wood-1.2/LICENSE" in names
    assert not any(".git" in name for name in names)


def test_damaged_model_is_not_packaged(model, tmp_path):
    (model / "textcat" / "model").write_bytes(b"damaged")
    with pytest.raises(SavedModelError, match="textcat/model"):
        write_wheel(model, tmp_path / "dist", DETAILS)
    assert not list(tmp_path.glob("dist/*"))


def test_folder_that_is_no_pipeline_is_an_error(tmp_path):
    with pytest.raises(SavedModelError, match="is no saved pipeline"):
        write_wheel(tmp_path, tmp_path / "dist", DETAILS)


@pytest.mark.parametrize(
    ("details", "message"),
    [
        ({"name": "My Model"}, "can't be the name of a package"),
        ({"version": "one"}, "can't be the version of a package"),
        ({"description": "two\nlines"}, "`description` has several lines"),
        ({"author": "me\r\nLicense: none"}, "`author` has several lines"),
    ],
)
def test_details_that_a_package_cannot_have_are_errors(model, tmp_path, details, message):
    with pytest.raises(ConfigError, match=message):
        write_wheel(model, tmp_path / "dist", Details(**{"name": "a", **details}))


# The card.

META = {
    "lang": "en",
    "name": "reviews",
    "version": "1.0",
    "labels": {"textcat": ["bad", "good"], "wide": ["bad", "good"], "tok2vec": []},
}
REPORT = {
    "seed": 3,
    "data": {"rows": {"train": 1000, "test": 200}, "labels": ["bad", "good"], "fingerprint": "f00"},
    "test": {
        "accuracy": 0.9,
        "classes": {"b|d": {"precision": 1.0, "recall": 0.5, "f": 0.667, "texts": 100}},
    },
    "timings": {"total": 12.3},
    "versions": {"seqpipe": "0.1.0"},
}


def test_card_has_data_scores_and_versions_of_the_report():
    card = write_card(META, REPORT)
    for line in (
        "- Texts: 1,000 train, 200 test",
        "- Fingerprint of the data: `f00`",
        "- accuracy: 0.9000",
        "| b\\|d | 1.000 | 0.500 | 0.667 | 100 |",
        "- Seed: 3",
        "- Versions: seqpipe 0.1.0",
        "- `textcat`: `bad`, `good`",
        "- Licence: not stated",
    ):
        assert line in card
    assert "`wide`" not in card


def test_card_without_a_report_says_what_is_not_stated():
    card = write_card({**META, "labels": {}}, None)
    assert card.count("Not stated.") == 4 and "Vectors of words and texts." in card


def test_card_of_several_heads_names_each():
    heads = {"intent": {"accuracy": 0.5}, "slots": {"f": 0.25}}
    card = write_card(META, {"test": {"heads": heads}})
    assert "- `intent` accuracy: 0.5000" in card and "- `slots` f: 0.2500" in card


def test_report_is_found_beside_the_model(model, tmp_path):
    assert find_report(model) is None
    (tmp_path / "report.json").write_text(json.dumps(REPORT))
    assert find_report(model) == REPORT
    (tmp_path / "report.json").write_text("{")
    with pytest.raises(SavedModelError, match=r"report\.json can't be read"):
        find_report(model)

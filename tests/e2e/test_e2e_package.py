"""A saved model becomes a package by spaCy's own command, and loads from there and once it's installed."""

import json
import shutil
import sys
from email.parser import Parser

import pytest
import spacy
from e2e.small_world import UNSEEN, python, run_process

from seqpipe import __version__

PREDICT = """
import json, sys, spacy
nlp = spacy.load(sys.argv[1])
print(json.dumps([nlp(text).cats for text in json.loads(sys.argv[2])]))
"""


@pytest.fixture(scope="module")
def package(trained, tmp_path_factory):
    """Return the folder of a package made of the trained model, to which a repository's files were added."""
    folder = tmp_path_factory.mktemp("package")
    model = shutil.copytree(trained.model, folder / "model")
    for name in ("LICENSE", ".gitattributes", ".git/HEAD"):
        (model / name).parent.mkdir(exist_ok=True)
        (model / name).write_text("added\n", encoding="utf-8")
    options = ["--build", "none", "--name", "reviews", "--version", "1.2.3"]
    command = [sys.executable, "-m", "spacy", "package", str(model), str(folder), *options]
    done = run_process(command, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "en_reviews-1.2.3"


@pytest.fixture(scope="module")
def site(package, tmp_path_factory):
    """Return a folder that the package is installed into."""
    site = tmp_path_factory.mktemp("site")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target", str(site)]
    done = run_process([sys.executable, "-m", "pip", "install", *options, str(package)], cwd=site)
    assert done.returncode == 0, done.stderr
    return site


def test_saved_model_says_its_name_and_scores(trained):
    meta = json.loads((trained.model / "meta.json").read_text(encoding="utf-8"))
    assert (meta["name"], meta["version"]) == (trained.folder.name, "0.0.0")
    performance = meta["performance"]
    assert performance["cats_micro_f"] == trained.report["dev"]["score"]
    assert performance["textcat_loss"] > 0 and 0 < performance["cats_score"] <= 1


def test_packaged_model_loads_as_a_folder(trained, package):
    packaged = spacy.load(package / "en_reviews" / "en_reviews-1.2.3")
    original = spacy.load(trained.model)
    for text in UNSEEN:
        assert packaged(text).cats == original(text).cats


def test_installed_package_loads_and_says_its_name(trained, site):
    meta = json.loads((site / "en_reviews" / "meta.json").read_text(encoding="utf-8"))
    assert (meta["name"], meta["version"]) == ("reviews", "1.2.3")
    code = f"import sys; sys.path.insert(0, {str(site)!r}){PREDICT}"
    found = python(code, "en_reviews", json.dumps(UNSEEN), cwd=site)
    original = spacy.load(trained.model)
    assert json.loads(found) == [original(text).cats for text in UNSEEN]


def test_wheel_requires_seqpipe_and_spacy(site):
    text = next(site.glob("*.dist-info/METADATA")).read_text(encoding="utf-8")
    required = Parser().parsestr(text).get_all("Requires-Dist")
    assert f"seqpipe>={__version__}" in required
    assert any(line.startswith("spacy<") or line.startswith("spacy>") for line in required)

"""Pipeline files find the tokenizers, and train with them."""

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
from seqpipe.plugins import find_part
from seqpipe.run import run

from seqpipe_chinese._characters import Characters
from seqpipe_chinese._jieba import Jieba

PACKAGE = Path(__file__).parent.parent
PARTS = {"chinese.Jieba.v1": Jieba, "chinese.Characters.v1": Characters}


@pytest.mark.parametrize(("name", "factory"), PARTS.items())
def test_entry_point_leads_to_the_part(name, factory):
    part = find_part("tokenizers", name)
    assert part.factory is factory
    assert "seqpipe-chinese" in str(part.owner)


def test_listing_imports_no_part():
    code = (
        "import sys, seqpipe_chinese\n"
        "print(len(seqpipe_chinese.seqpipe_tokenizers()))\n"
        "print(sorted({'rjieba', 'torch', 'spacy', 'seqpipe_chinese._jieba'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["2", "[]"]


def test_example_trains(tmp_path, monkeypatch):
    monkeypatch.chdir(PACKAGE)
    result = run(Path("example/pipeline.cfg"), output=tmp_path / "trained")
    assert result.report["test"]["accuracy"] >= 0.8
    assert "chinese" in result.report["plugins"]
    nlp = spacy.load(result.model)
    doc = nlp("我想吃酸菜鱼，味道很香。")
    assert "酸菜鱼" in [token.text for token in doc]
    assert max(doc.cats, key=doc.cats.get) == "美食"


def test_example_texts_have_two_classes():
    lines = (PACKAGE / "example/texts.jsonl").read_text(encoding="utf-8").splitlines()
    labels = [json.loads(line)["label"] for line in lines]
    assert labels.count("美食") == labels.count("体育") == len(labels) / 2 >= 24


def test_readme_shows_the_section_of_the_example():
    assert section("pipeline") in readme()
    assert section("tokenizer") in readme()


@pytest.mark.parametrize("factory", PARTS.values())
def test_readme_lists_the_settings(factory):
    for name, parameter in inspect.signature(factory).parameters.items():
        default = json.dumps(parameter.default)
        assert re.search(rf"^\| `{name}` \| .* \| `{default}` \| .* \|$", readme(), re.MULTILINE)


def readme():
    return (PACKAGE / "README.md").read_text(encoding="utf-8")


def section(name):
    example = (PACKAGE / "example/pipeline.cfg").read_text(encoding="utf-8")
    return next(part for part in example.split("\n\n") if part.startswith(f"[{name}]"))

"""Somebody else's package adds a cell and a tokenizer: built, installed, trained, saved and loaded."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import ready
import spacy
from e2e.distributions import write_distribution
from e2e.environments import make_environment
from e2e.small_world import PIPELINE, python, run_process, write_world

from seqpipe.config import PipelineFileError, compile_file
from seqpipe.errors import PluginError

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "acme-parts"
version = "1.2.3"
dependencies = ["seqpipe", "torch"]

[project.entry-points.seqpipe]
acme = "acme_parts"

[tool.hatch.build.targets.wheel]
include = ["acme_parts.py"]
"""

MODULE = '''
"""A cell and a tokenizer, as somebody who only read the contracts would write them."""

import torch
from torch import nn

from seqpipe.hookspecs import hookimpl
from seqpipe.parts.cells import Cell


class MGU(Cell):
    """Minimal gated unit (Zhou et al. 2016).

    f = sigmoid(W_f [h, x] + b_f),  c = tanh(W_h [f h, x] + b_h),  h' = (1 - f) h + f c
    """

    def __init__(self, input_width: int, width: int, *, forget_bias: float = 0.0) -> None:
        super().__init__()
        self.input_width = input_width
        self.width = width
        self.forget = nn.Linear(width + input_width, width)
        self.candidate = nn.Linear(width + input_width, width)
        nn.init.constant_(self.forget.bias, forget_bias)

    def initial_state(self, batch_size, like):
        return (like.new_zeros(batch_size, self.width),)

    def forward(self, input, state):
        (h,) = state
        f = self.forget(torch.cat([h, input], dim=1)).sigmoid()
        candidate = self.candidate(torch.cat([f * h, input], dim=1)).tanh()
        h = (1 - f) * h + f * candidate
        return h, (h,)


class Pieces:
    """Cuts words into pieces of a few characters."""

    def __init__(self, *, size: int = 3) -> None:
        self.size = size

    def __call__(self, text):
        return [
            word[start : start + self.size]
            for word in text.split()
            for start in range(0, len(word), self.size)
        ]


@hookimpl
def seqpipe_cells():
    return {"acme.MGU.v1": MGU}


@hookimpl
def seqpipe_tokenizers():
    return {"acme.Pieces.v1": Pieces}
'''

USING_IT = (
    PIPELINE
    + """
[encoder.cell]
@seqpipe_cells = "acme.MGU.v1"
forget_bias = 0.5

[tokenizer]
@seqpipe_tokenizers = "acme.Pieces.v1"
size = 5
"""
)

LOAD = """
import json, sys
import spacy
doc = spacy.load(sys.argv[1])("the gull of the harbour")
print(json.dumps({"words": [token.text for token in doc], "sea": doc.cats["sea"]}))
"""


@dataclass(frozen=True)
class Acme:
    """An environment with the plugin, and what a run there left behind."""

    python: str
    folder: Path
    run: subprocess.CompletedProcess[str]

    @property
    def model(self) -> Path:
        return self.folder / "out" / "model-best"


@pytest.fixture(scope="module")
def acme(tmp_path_factory):
    """Build and install the plugin in an environment of its own, and train with it there."""
    folder = tmp_path_factory.mktemp("acme")
    source = folder / "source"
    source.mkdir()
    (source / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    (source / "acme_parts.py").write_text(MODULE, encoding="utf-8")
    executable = make_environment(folder / "venv")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    installed = run_process([executable, "-m", "pip", "install", *options, str(source)], cwd=folder)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    write_world(folder / "world", USING_IT)
    arguments = ["-m", "seqpipe", "run", "pipeline.cfg", "--output", "out"]
    with ready.forked(executable):
        run = run_process([executable, *arguments], cwd=folder / "world")
        yield Acme(executable, folder / "world", run)


def test_pipeline_file_trains_with_the_plugins_parts(acme):
    assert acme.run.returncode == 0, acme.run.stderr
    report = json.loads((acme.folder / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["test"]["accuracy"] >= 0.9
    assert report["plugins"]["acme"] == "acme-parts 1.2.3"
    assert report["plugins"]["seqpipe"].startswith("seqpipe ")


def test_saved_model_loads_in_a_fresh_process_where_the_plugin_is(acme):
    printed = python(LOAD, str(acme.model), cwd=acme.folder, executable=acme.python)
    said = json.loads(printed)
    assert said["words"] == ["the", "gull", "of", "the", "harbo", "ur"]
    assert said["sea"] > 0.5


def test_setting_that_the_part_does_not_have_is_named_with_its_plugin(acme):
    arguments = ["-m", "seqpipe", "run", "pipeline.cfg", "--encoder.cell.forget_bais", "1.0"]
    done = run_process([acme.python, *arguments], cwd=acme.folder)
    assert done.returncode == 1
    for said in ("encoder.cell.forget_bais", "acme.MGU.v1", "forget_bias"):
        assert said in done.stderr


def test_saved_model_records_which_package_its_parts_came_from(acme):
    config = (acme.model / "config.cfg").read_text(encoding="utf-8")
    assert config.count('package = "acme-parts 1.2.3"') == 2


def test_loading_without_the_plugin_says_which_package_to_install(acme):
    with pytest.raises(PluginError) as caught:
        spacy.load(acme.model)
    message = str(caught.value)
    assert "acme.Pieces.v1 needs acme-parts 1.2.3" in message
    assert "no installed plugin is called 'acme'" in message
    assert message.endswith('\n  pip install "acme-parts>=1.2.3,<2"')


def test_training_from_the_saved_configuration_without_the_plugin_says_it_too(acme):
    with pytest.raises(PipelineFileError) as caught:
        compile_file(acme.model / "config.cfg")
    messages = {problem.message: problem.help for problem in caught.value.diagnostics}
    for part in ('cell "acme.MGU.v1"', 'tokenizer "acme.Pieces.v1"'):
        assert 'pip install "acme-parts>=1.2.3,<2"' in messages[f"there's no {part}"][0]


def test_loading_with_another_major_version_says_which_one_to_install(acme, tmp_path, monkeypatch):
    # The tokenizer's setting is called otherwise in it.
    text = MODULE.replace("size", "length")
    write_distribution(tmp_path / "new", "acme-parts", "2.0.1", plugin="acme", text=text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "new"))
    done = run_process([sys.executable, "-c", LOAD, str(acme.model)], cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "seqpipe.errors.PluginError: acme.Pieces.v1 needs acme-parts 1.2.3, as its `package` says, but "
        'acme-parts 2.0.1 is installed: pip install "acme-parts>=1.2.3,<2"'
    )


def test_saved_model_loads_with_a_later_minor_version(acme, tmp_path, monkeypatch):
    write_distribution(tmp_path / "new", "acme-parts", "1.3", plugin="acme", text=MODULE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "new"))
    said = json.loads(python(LOAD, str(acme.model), cwd=tmp_path))
    assert said["words"] == ["the", "gull", "of", "the", "harbo", "ur"]

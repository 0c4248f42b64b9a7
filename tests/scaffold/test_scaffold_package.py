"""What a new package contains."""

import ast
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import tomllib
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement

import seqpipe
from seqpipe.config import read
from seqpipe.kinds import KINDS
from seqpipe.scaffold import new_plugin

REPOSITORY = Path(__file__).parents[2]


def tool(*arguments, cwd):
    """Run a tool of this environment, and return its output if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr if done.returncode else ""


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_is_there_and_listed(kind, packages):
    created = packages[kind]
    source = f"src/{created.module}"
    expected = {
        ".gitignore",
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "example/pipeline.cfg",
        "example/texts.jsonl",
        "pyproject.toml",
        f"{source}/__init__.py",
        f"{source}/_{KINDS[kind].one}.py",
        f"{source}/py.typed",
        f"tests/test_{created.module}_contract.py",
        f"tests/test_{created.module}_installed.py",
    }
    listed = {file.relative_to(created.folder).as_posix() for file in created.files}
    there = {
        file.relative_to(created.folder).as_posix()
        for file in created.folder.rglob("*")
        if file.is_file()
    }
    assert listed == there >= expected


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_a_template_is_left(kind, packages):
    for file in packages[kind].files:
        text = file.read_text(encoding="utf-8")
        assert "{{" not in text and "{%" not in text
        assert "\n\n\n\n" not in text
        assert not text or (text.endswith("\n") and not text.endswith("\n\n"))


@pytest.mark.parametrize("kind", KINDS)
def test_hook_names_the_part_and_where_it_is(kind, packages):
    created = packages[kind]
    module = ast.parse((created.folder / "src" / created.module / "__init__.py").read_text("utf-8"))
    hooks = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    hook = hooks[f"seqpipe_{kind}"]
    (place,) = ast.literal_eval(hook.body[-1].value).values()
    name = created.part.split(".")[1]
    assert place == f"{created.module}._{KINDS[kind].one}:{name}"


def test_hooks_load_nothing_heavy(packages):
    created = packages.values()
    code = (
        f"import sys, {', '.join(each.module for each in created)}\n"
        "assert not {'torch', 'numpy', 'spacy'} & {*sys.modules}"
    )
    sources = os.pathsep.join(str(each.folder / "src") for each in created)
    environment = {**os.environ, "PYTHONPATH": sources}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


@pytest.mark.parametrize("kind", KINDS)
def test_readme_shows_the_section_of_the_example(kind, packages):
    created = packages[kind]
    readme = (created.folder / "README.md").read_text(encoding="utf-8")
    section = readme.partition("```ini\n")[2].partition("\n```")[0]
    example = created.folder / "example" / "pipeline.cfg"
    # A pipeline file names a task by its head.
    named = f"{created.plugin}.PoissonCounts.v1" if kind == "tasks" else created.part
    assert named in section
    assert section in example.read_text(encoding="utf-8")
    assert read(example)


@pytest.mark.parametrize("kind", ["tokenizers", "cells"])
def test_example_has_as_many_texts_of_each_class(kind, packages):
    lines = (packages[kind].folder / "example" / "texts.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    labels = [row["label"] for row in rows]
    assert len({row["text"] for row in rows}) == len(rows) >= 40
    assert len(set(labels)) == 2
    assert all(labels.count(label) == len(rows) / 2 for label in labels)


@pytest.mark.parametrize(
    ("version", "asked"),
    [
        ("0.1.0", ">=0.1,<1"),
        ("0.9.3", ">=0.9,<1"),
        ("1.4.2", ">=1.4,<2"),
        ("2.0.0rc1", ">=2.0.0rc1,<3"),
        ("2.0.1.dev3+local", ">=2.0.1.dev3,<3"),
    ],
)
def test_version_range_goes_to_the_next_major_version(version, asked, tmp_path, monkeypatch):
    monkeypatch.setattr(seqpipe, "__version__", version)
    created = new_plugin("acme", "cells", parent=tmp_path)
    project = tomllib.loads((created.folder / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["dependencies"] == [f"seqpipe{asked}"]
    assert Requirement(f"seqpipe{asked}").specifier.contains(version, prereleases=True)


@pytest.mark.parametrize("kind", KINDS)
def test_ruff_finds_nothing(kind, packages):
    folder = packages[kind].folder
    assert not tool("ruff", "format", "--no-cache", "--check", ".", cwd=folder)
    assert not tool("ruff", "check", "--no-cache", ".", cwd=folder)


@pytest.mark.parametrize("kind", KINDS)
def test_source_keeps_the_rules_of_our_own(kind, packages):
    config = ["--config", str(REPOSITORY / "pyproject.toml")]
    source = packages[kind].folder / "src"
    # Which modules are the package's own is for the package's settings to say.
    assert not tool("ruff", "check", "--no-cache", *config, "--ignore", "I", ".", cwd=source)


@pytest.mark.slow
def test_mypy_finds_nothing(packages):
    # That of `make lint`, which has found out about torch.
    cache = REPOSITORY / ".mypy_cache" / "plugins"
    for created in packages.values():
        assert not tool("mypy", "--cache-dir", str(cache), cwd=created.folder)


def test_wheel_holds_every_template(tmp_path):
    (wheel,) = WheelBuilder(str(REPOSITORY)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if "/templates/" in name}
    templates = REPOSITORY / "seqpipe" / "scaffold" / "templates"
    files = {f.relative_to(REPOSITORY).as_posix() for f in templates.rglob("*") if f.is_file()}
    assert packed == files

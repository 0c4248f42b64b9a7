"""Imports are light where they must be, and every public name is told."""

import ast
import importlib
import importlib.metadata
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import seqpipe

HEAVY = ("torch", "spacy", "thinc", "numpy", "fasttext")
PACKAGES = sorted(
    module.name
    for module in pkgutil.walk_packages(seqpipe.__path__, "seqpipe.")
    if module.ispkg and "._" not in module.name
)


def heavy_after(code):
    """Return which heavy packages a fresh process has loaded after running some code."""
    ending = f"\nimport sys\nprint([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code + ending], capture_output=True, text=True, check=True
    )
    return ast.literal_eval(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "code",
    [
        "import seqpipe",
        "import seqpipe.hookspecs, seqpipe.errors, seqpipe.reporting, seqpipe.builtin",
        "from seqpipe.config import read_text; read_text('[training]\\nmax_epochs = 3\\n')",
        "from seqpipe.plugins import host; host().plugin_names",
        # A process for each training, most of which take less time than NumPy.
        "import seqpipe.parts.fasttext._worker",
    ],
)
def test_import_loads_nothing_heavy(code):
    assert heavy_after(code) == []


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["run", "--help"], ["compile", "-h"]]
)
def test_help_loads_nothing_heavy(arguments):
    code = (
        "import sys\nfrom seqpipe.cli import main\n"
        f"sys.argv = ['seqpipe', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit as leave:\n    assert not leave.code\n"
    )
    assert heavy_after(code) == []


def _kind(name):
    """Return what ruff sorts by first: constants, then classes, then functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize("name", PACKAGES)
def test_public_names_are_told_and_sorted(name):
    package = importlib.import_module(name)
    told = getattr(package, "__all__", [])
    assert told == sorted(told, key=_kind)
    assert len(told) == len(set(told))
    assert all(hasattr(package, each) for each in told)
    assert set(_offered(Path(package.__file__))) <= set(told)


def _offered(file):
    """Yield what a package re-exports (`import C as C`) or defines under a public name."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            yield from (alias.asname for alias in node.names if alias.asname == alias.name)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name


def test_packages_are_found():
    assert {"seqpipe.adapters", "seqpipe.parts.embedders.fasttext", "seqpipe.run"} <= set(PACKAGES)


@pytest.mark.parametrize("group", ["spacy_architectures", "spacy_readers", "thinc_optimizers"])
def test_entry_points_lead_somewhere(group):
    entry_points = importlib.metadata.entry_points(group=group)
    ours = [each for each in entry_points if each.name.startswith("seqpipe.")]
    assert ours and all(callable(each.load()) for each in ours)

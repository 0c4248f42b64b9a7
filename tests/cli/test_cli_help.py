"""Help, versions, and commands that don't exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import seqpipe

ROOT = Path(__file__).parents[2]

#: Imports that take seconds, or a noticeable part of one.
HEAVY = ("torch", "spacy", "thinc", "numpy", "confection", "fasttext", "rich.console")


@pytest.fixture(params=[[], ["--help"], ["-h"]], ids=["nothing", "--help", "-h"])
def help_arguments(request):
    """Return arguments that print the general help."""
    return request.param


def test_help_names_the_commands_and_how_to_start(call, help_arguments):
    called = call(*help_arguments)
    text = called.out + called.err
    assert re.search(r"^ *run  +Train, evaluate and save", text, re.M)
    assert re.search(r"^ *compile  +Print the complete spaCy", text, re.M)
    assert re.search(r"^ *plugins  +List, explain, check and create plugins", text, re.M)
    assert "seqpipe run pipelines/bbc-news/pipeline.cfg" in text
    # Without arguments nothing was done, which a script should notice.
    assert called.code == (0 if help_arguments else 2)


def test_help_of_run_has_examples_and_says_where_keys_are_explained(call):
    called = call("run", "--help")
    assert called.code == 0
    assert "--encoder.width 128" in called.out
    assert "docs/pipeline-file.md" in called.out
    for option in ("--output", "--threads", "--quiet"):
        assert option in called.out
    for file in ("model-best", "config.cfg", "report.json"):
        assert file in called.out


def test_help_of_compile_says_how_spacy_trains_what_it_prints(call):
    called = call("compile", "--help")
    assert called.code == 0
    assert "python -m spacy train" in called.out


def test_help_of_plugins_names_the_commands_and_variables(call):
    called = call("plugins", "--help")
    assert called.code == 0
    for command in ("show", "check", "new"):
        assert re.search(rf"^ *{command}  +\w.*\.$", called.out, re.M)
        assert f"seqpipe plugins {command} " in called.out
    assert "SEQPIPE_PLUGINS" in called.out and "SEQPIPE_STRICT_PLUGINS" in called.out


@pytest.mark.parametrize(
    ("command", "example"),
    [
        ("show", "seqpipe plugins show seqpipe.LSTM.v1"),
        ("check", "seqpipe plugins check ./seqpipe-my-cells"),
        ("new", "seqpipe plugins new my-cells --kind cell"),
    ],
)
@pytest.mark.parametrize("asked", ["--help", "-h"])
def test_help_below_plugins_has_examples(call, command, example, asked):
    called = call("plugins", command, asked)
    assert called.code == 0
    assert re.search(rf"^ +{re.escape(example)}$", called.out, re.M)


def test_files_that_help_names_exist(call):
    text = call("--help").out + call("run", "--help").out + call("data", "--help").out
    named = re.findall(r"\b(?:docs|pipelines)/[\w./-]+\w", text)
    assert len(set(named)) >= 2
    for file in named:
        assert (ROOT / file).is_file(), file


def test_version_is_that_of_the_package(call):
    assert call("--version") == (0, f"seqpipe {seqpipe.__version__}\n", "")


def test_unknown_command_is_named(call):
    called = call("trian", "pipeline.cfg")
    assert called.code == 2
    assert "trian" in called.err and "Traceback" not in called.err


def test_run_without_a_file_says_what_is_missing(call):
    called = call("run")
    assert called.code == 2
    assert "Missing argument 'file'" in called.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["run", "--help"],
        ["--version"],
        ["data", "-h"],
        ["plugins", "-h"],
        ["plugins", "check", "-h"],
    ],
)
def test_help_loads_nothing_heavy(arguments):
    code = (
        "import sys, seqpipe.cli\n"
        f"sys.argv = ['seqpipe', *{arguments!r}]\n"
        "try:\n    seqpipe.cli.main()\nfinally:\n"
        f"    print('loaded:', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("loaded: []\n")


def test_importing_the_package_loads_nothing_but_itself():
    code = (
        "import sys; before = set(sys.modules); import seqpipe\n"
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['seqpipe']\n"


def test_command_is_installed_beside_python():
    command = Path(sys.executable).with_name("seqpipe")
    if not command.exists():
        pytest.skip("the package isn't installed in this environment")
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"seqpipe {seqpipe.__version__}\n")

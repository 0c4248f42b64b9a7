"""``seqpipe plugins new``: says what it made, and what to do next."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ONES = ("tokenizer", "embedder", "cell", "encoder", "head")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    """Go to a folder with nothing in it."""
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)


@pytest.mark.parametrize("one", ONES)
def test_package_of_each_kind_is_created_and_reported(call, one):
    called = call("plugins", "new", "My_Parts", "--kind", one)
    assert (called.code, called.err) == (0, "")
    first, *rest = called.out.splitlines()
    assert re.fullmatch(
        rf"created seqpipe-my-parts/, which provides the {one} my_parts\.\w+\.v1", first
    )
    files = {line.strip() for line in rest[: rest.index("")]}
    folder = Path("seqpipe-my-parts")
    assert files == {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    }
    offers = (folder / "src/seqpipe_my_parts/__init__.py").read_text(encoding="utf-8")
    assert f"def seqpipe_{one}s(" in offers


def test_next_steps_are_reported_in_their_order(call):
    out = call("plugins", "new", "my-cells", "-k", "cell").out
    steps = [line.partition("#")[0].strip() for line in out.partition("next:\n")[2].splitlines()]
    assert steps == [
        "cd seqpipe-my-cells",
        'pip install --editable ".[test]"',
        "pytest",
        "seqpipe plugins check my_cells",
        "seqpipe run example/pipeline.cfg",
    ]
    assert Path("seqpipe-my-cells/example/pipeline.cfg").is_file()


def test_it_is_made_where_it_is_wished(call):
    Path("my plugins").mkdir()
    called = call("plugins", "new", "my-cells", "--kind", "cell", "--output", "my plugins")
    folder = Path("my plugins") / "seqpipe-my-cells"
    assert (folder / "pyproject.toml").is_file()
    quote = "'" if os.name == "posix" else '"'
    assert f"cd {quote}{folder}{quote}\n" in called.out


@pytest.mark.skipif(os.name != "posix", reason="cmd.exe quotes otherwise")
def test_first_step_goes_to_the_folder_whatever_it_is_called(call):
    Path("a dir $x'").mkdir()
    out = call("plugins", "new", "my-cells", "--kind", "cell", "--output", "a dir $x'").out
    (step,) = [line for line in out.splitlines() if line.startswith("  cd ")]
    done = subprocess.run(
        ["sh", "-c", f"{step} && pwd"], capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()).name == "seqpipe-my-cells"


def test_name_of_an_installed_plugin_is_refused_without_importing_it(call, install):
    module = install("my_cells", "raise AssertionError('imported')")
    install("my_cells_2", "raise AssertionError('imported')")
    called = call("plugins", "new", "seqpipe-my-cells", "--kind", "cell")
    assert called.code == 1 and module not in sys.modules
    assert "a plugin named 'my_cells' is already installed" in called.err
    assert called.err.endswith("such as my-cells-3\n")
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["my-cells"], 2, "--kind"),
        (["my-cells", "--kind", "cells"], 2, "'cell'"),
        (["--kind", "cell"], 2, "name"),
        (["seqpipe", "--kind", "cell"], 1, "seqpipe's own name"),
        (["9 lives", "--kind", "cell"], 1, "'9 lives' isn't a valid plugin name"),
        (["größe", "--kind", "cell"], 1, "isn't a valid plugin name"),
        (["my-cells", "--kind", "cell", "--output", "nowhere"], 1, "no folder nowhere"),
    ],
)
def test_what_cannot_be_made_is_reported_and_nothing_is_written(call, arguments, code, said):
    called = call("plugins", "new", *arguments)
    assert called.code == code
    assert said in called.err and "Traceback" not in called.err and called.out == ""
    assert list(Path().iterdir()) == []


def test_what_is_there_is_not_overwritten(call):
    call("plugins", "new", "my-cells", "--kind", "cell")
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    called = call("plugins", "new", "my-cells", "--kind", "head")
    assert called.code == 1 and "already exists" in called.err
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == before


def test_json_names_the_files(call):
    told = json.loads(call("plugins", "new", "my-cells", "-k", "cell", "--json").out)
    assert (told["folder"], told["plugin"]) == ("seqpipe-my-cells", "my_cells")
    assert all((Path(told["folder"]) / file).is_file() for file in told["files"])

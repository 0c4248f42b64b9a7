"""From nothing to a pipeline with a part of one's own, all from wheels in a fresh environment."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from e2e.environments import make_environment
from e2e.small_world import run_process
from hatchling.builders.wheel import WheelBuilder

from seqpipe.hookspecs import KINDS

REPOSITORY = Path(__file__).parents[2]

LOAD = """
import sys
import seqpipe, spacy
assert {venv!r} in seqpipe.__file__, seqpipe.__file__
nlp = spacy.load(sys.argv[1])
print(sorted(nlp("read the whole file").cats))
"""


@pytest.fixture(scope="module")
def user(tmp_path_factory):
    """Return an environment that has seqpipe from its wheel, and runs programs of it."""
    folder = tmp_path_factory.mktemp("user")
    python = make_environment(folder / "venv")
    install(python, build_wheel(REPOSITORY, folder / "wheels"))
    return python


def build_wheel(source: Path, folder: Path) -> Path:
    (wheel,) = WheelBuilder(str(source)).build(directory=str(folder), versions=["standard"])
    return Path(wheel)


def install(python: str, wheel: Path) -> None:
    options = ["--no-deps", "--no-index", "--disable-pip-version-check"]
    run(python, "-m", "pip", "install", *options, str(wheel), cwd=wheel.parent)


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    done = run_process([*command], cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def make_plugin(name: str, kind: str, user: str, folder: Path) -> Path:
    """Make and install a plugin with a part of a kind, and return where its source lies."""
    run(user, "-m", "seqpipe", "plugins", "new", name, "--kind", kind, cwd=folder)
    package = folder / f"seqpipe-{name}"
    install(user, build_wheel(package, folder / "wheels"))
    return package


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind.removesuffix("s") for kind in KINDS])
def test_new_plugin_installs_passes_its_tests_trains_and_loads(kind, user, tmp_path):
    package = make_plugin(f"my-{kind}", kind, user, tmp_path)
    # Its tests are the checks of its kind, and two of its own.
    tested = run(user, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", cwd=package)
    assert int(re.search(r"(\d+) passed", tested.stdout)[1]) >= 14 + 2

    run(user, "-m", "seqpipe", "run", "example/pipeline.cfg", "--output", "out", cwd=package)
    report = json.loads((package / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["test"]["accuracy"] >= 0.8
    assert report["plugins"][f"my_{kind}"] == f"seqpipe-my-{kind} 0.1.0"

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    code = LOAD.format(venv=str(Path(user).parents[1]))
    loaded = run(user, "-c", code, str(package / "out" / "model-best"), cwd=elsewhere)
    assert len(json.loads(loaded.stdout.replace("'", '"'))) == 2


@pytest.mark.slow
def test_new_plugin_is_checked_from_anywhere(user, tmp_path):
    make_plugin("its-tokenizer", "tokenizer", user, tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    checked = run(
        user, "-m", "seqpipe", "plugins", "check", "its_tokenizer", "--json", cwd=elsewhere
    )
    counts = json.loads(checked.stdout)["counts"]
    assert counts["failed"] == 0 and counts["passed"] >= 14

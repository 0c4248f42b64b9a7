"""From nothing to a pipeline with a part of one's own, all from wheels in a fresh environment."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import ready
from e2e.environments import make_environment
from e2e.small_world import run_process
from hatchling.builders.wheel import WheelBuilder

from seqpipe.hookspecs import KINDS

REPOSITORY = Path(__file__).parents[2]

NAMES = [kind.removesuffix("s") for kind in KINDS]

#: Each of these is one process for the plugins of all kinds: importing torch and spaCy takes most of it.
TEST = """
import json, os, sys
import pytest

class Counter:
    def __init__(self):
        self.counts = {}

    def pytest_report_teststatus(self, report):
        if report.when == "call":
            self.counts[report.outcome] = self.counts.get(report.outcome, 0) + 1

found = {}
for package in sys.argv[1:]:
    os.chdir(package)
    counter = Counter()
    code = pytest.main(["-W", "error", "-p", "no:cacheprovider"], [counter])
    found[package] = [int(code), counter.counts]
print("found", json.dumps(found))
"""
TRAIN = """
import os, pathlib, sys
from seqpipe.run import run

for package in sys.argv[1:]:
    os.chdir(package)
    run(pathlib.Path("example/pipeline.cfg"), output=pathlib.Path("out"))
"""
LOAD = """
import json, sys
import seqpipe, spacy

assert sys.argv[1] in seqpipe.__file__, seqpipe.__file__
found = {}
for package in sys.argv[2:]:
    doc = spacy.load(package + "/out/model-best")("read the whole file")
    found[package] = sorted(doc.cats) or doc._.count
print("found", json.dumps(found))
"""


@pytest.fixture(scope="module")
def user(tmp_path_factory):
    """Return the Python of an environment that has seqpipe from its wheel."""
    folder = tmp_path_factory.mktemp("user")
    python = make_environment(folder / "venv")
    install(python, build_wheel(REPOSITORY, folder / "wheels"))
    with ready.forked(python):
        yield python


def build_wheel(source: Path, folder: Path) -> Path:
    (wheel,) = WheelBuilder(str(source)).build(directory=str(folder), versions=["standard"])
    return Path(wheel)


def install(python: str, *wheels: Path) -> None:
    options = ["--no-deps", "--no-index", "--disable-pip-version-check"]
    run(python, "-m", "pip", "install", *options, *map(str, wheels), cwd=wheels[0].parent)


def run(*command: str, cwd: Path, timeout: float = 240) -> subprocess.CompletedProcess[str]:
    done = run_process([*command], cwd=cwd, timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def packages(user, tmp_path_factory):
    """Return where the source of an installed plugin with a part of each kind lies, by the kind."""
    folder = tmp_path_factory.mktemp("plugins")
    for kind in NAMES:
        run(user, "-m", "seqpipe", "plugins", "new", f"my-{kind}", "--kind", kind, cwd=folder)
    made = {kind: folder / f"seqpipe-my-{kind}" for kind in NAMES}
    install(user, *(build_wheel(package, folder / "wheels") for package in made.values()))
    return made


def found_in(output: str) -> dict[str, Any]:
    return json.loads(re.search(r"^found (.*)$", output, re.MULTILINE)[1])


@pytest.fixture(scope="module")
def tested(user, packages, tmp_path_factory):
    """Run the tests of all plugins, and return the exit code and the counts of each."""
    folder = tmp_path_factory.mktemp("tested")
    done = run(user, "-c", TEST, *map(str, packages.values()), cwd=folder, timeout=900)
    return found_in(done.stdout), done.stdout


@pytest.fixture(scope="module")
def loaded(user, packages, tmp_path_factory):
    """Train the example of each plugin, and return the classes, or the count, that its loaded pipeline predicts."""
    folder = tmp_path_factory.mktemp("elsewhere")
    run(user, "-c", TRAIN, *map(str, packages.values()), cwd=folder)
    venv = str(Path(user).parents[1])
    return found_in(run(user, "-c", LOAD, venv, *map(str, packages.values()), cwd=folder).stdout)


@pytest.mark.slow
@pytest.mark.parametrize("kind", NAMES)
def test_new_plugin_installs_and_passes_its_tests(kind, packages, tested):
    results, output = tested
    code, counts = results[str(packages[kind])]
    # Its tests are the checks of its kind, and two of its own.
    assert code == 0 and counts["passed"] >= 14 + 2, output


@pytest.mark.slow
@pytest.mark.parametrize("kind", NAMES)
def test_new_plugin_trains_and_its_pipeline_loads(kind, packages, loaded):
    file = packages[kind] / "out" / "report.json"
    report = json.loads(file.read_text(encoding="utf-8"))
    figure, least = ("explained", 0.5) if kind == "task" else ("accuracy", 0.8)
    assert report["test"][figure] >= least
    assert report["plugins"][f"my_{kind}"] == f"seqpipe-my-{kind} 0.1.0"
    said = loaded[str(packages[kind])]
    assert said > 0 if kind == "task" else len(said) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("packages")
def test_new_plugin_is_checked_from_anywhere(user, tmp_path):
    checked = run(
        user, "-m", "seqpipe", "plugins", "check", "my_classifier", "--json", cwd=tmp_path
    )
    counts = json.loads(checked.stdout)["counts"]
    assert counts["failed"] == 0 and counts["passed"] >= 14

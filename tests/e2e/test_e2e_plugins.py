"""Five plugins are installed, and one of them is any good: runs with it go on as if it was alone."""

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from e2e.distributions import write_distribution
from e2e.small_world import PIPELINE, python, seqpipe, write_world

#: Each says when it's imported, by a line in this file.
IMPORTED = "imported.txt"
TELLS = f"""
import os, pathlib
with open(pathlib.Path(os.environ["FOLDER_OF_A_TEST"]) / {IMPORTED!r}, "a") as file:
    print(__name__, file=file)
"""
OFFERS = """
from seqpipe.hookspecs import hookimpl

class Halves:
    '''Cuts each word into two.'''

    def __init__(self, *, least: int = 4) -> None:
        self.least = least

    def __call__(self, text):
        words = []
        for word in text.split():
            half = len(word) // 2 if len(word) >= self.least else 0
            words += [word[:half], word[half:]] if half else [word]
        return words

@hookimpl
def seqpipe_tokenizers():
    return {"PLUGIN.Halves.v1": Halves}
"""

#: By the plugin's name: the distribution, its version, and the module.
FIVE = {
    "good": ("good-parts", "1.4.2", TELLS + OFFERS),
    "raises": ("raising-parts", "0.3", f"{TELLS}\nimport no_such_module_of_a_test\n"),
    "misspells": (
        "misspelling-parts",
        "2.0",
        TELLS + OFFERS.replace("seqpipe_tokenizers", "seqpipe_tokenisers"),
    ),
    # There's a plugin of this name: ours.
    "seqpipe": ("thieving-parts", "9.1", TELLS + OFFERS),
    "slow": ("slow-parts", "1.0", f"{TELLS}\nimport time\ntime.sleep(3)\n{OFFERS}"),
}

USING_IT = f"""
{PIPELINE}
[tokenizer]
@seqpipe_tokenizers = "good.Halves.v1"
least = 5
"""


@dataclass(frozen=True)
class World:
    """A folder with a pipeline file, in an environment of five plugins."""

    folder: Path

    def imported(self) -> list[str]:
        """Return what was imported since this was asked last, sorted."""
        file = self.folder / IMPORTED
        names = file.read_text(encoding="utf-8").split() if file.exists() else []
        file.unlink(missing_ok=True)
        return sorted(set(names))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the pipeline file."""
        return seqpipe("run", "pipeline.cfg", "--output", "out", *arguments, cwd=self.folder)


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    """Install the five."""
    folder = tmp_path_factory.mktemp("five")
    for plugin, (name, version, text) in FIVE.items():
        text = text.replace("PLUGIN", plugin)
        write_distribution(folder / "packages", name, version, plugin=plugin, text=text)
    write_world(folder / "world", USING_IT)
    return folder


@pytest.fixture
def world(five, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(five / "packages"))
    monkeypatch.setenv("FOLDER_OF_A_TEST", str(five / "world"))
    # Not even what's compiled is kept from one process to the next.
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    for name in ("SEQPIPE_PLUGINS", "SEQPIPE_STRICT_PLUGINS"):
        monkeypatch.delenv(name, raising=False)
    world = World(five / "world")
    world.imported()
    return world


def test_pipeline_that_names_the_good_one_runs_and_the_list_shows_the_rest(world):
    # The run, which imports no other.
    run = world.run("--training.max_epochs", "2")
    assert run.returncode == 0, run.stderr
    assert world.imported() == ["good_parts"]
    report = json.loads((world.folder / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["plugins"]["good"] == "good-parts 1.4.2"
    assert set(report["plugins"]) == {"good", "seqpipe"}

    # The pipeline that came of it, in a process of its own.
    load = "import spacy; print([t.text for t in spacy.load('out/model-best')('the harbour')])"
    assert python(load, cwd=world.folder).strip() == "['the', 'har', 'bour']"
    assert world.imported() == ["good_parts"]

    # The list, which imports all that may be imported.
    start = time.perf_counter()
    done = seqpipe("plugins", "--json", cwd=world.folder)
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)
    assert time.perf_counter() - start > 3
    assert world.imported() == ["good_parts", "misspelling_parts", "raising_parts", "slow_parts"]
    found = {(each["name"], each["package"]): each for each in listed["plugins"]}
    ours = {"seqpipe", *(name for name, _, _ in FIVE.values())}
    assert {key: each["state"] for key, each in found.items() if key[1] in ours} == {
        ("good", "good-parts"): "loaded",
        ("misspells", "misspelling-parts"): "quarantined",
        ("raises", "raising-parts"): "quarantined",
        ("seqpipe", "seqpipe"): "loaded",
        ("seqpipe", "thieving-parts"): "quarantined",
        ("slow", "slow-parts"): "loaded",
    }
    theirs = {part["package"]: part["name"] for part in listed["parts"] if part["plugin"] in FIVE}
    assert theirs["good-parts"] == "good.Halves.v1" and theirs["slow-parts"] == "slow.Halves.v1"
    assert found["slow", "slow-parts"]["seconds"] >= 3 > found["good", "good-parts"]["seconds"]

    raises = found["raises", "raising-parts"]
    assert raises["version"] == "0.3"
    assert raises["reason"] == (
        "the plugin 'raises' of raising-parts 0.3 can't be imported (ModuleNotFoundError: No module "
        "named 'no_such_module_of_a_test')"
    )
    assert "pip install raising-parts, which installs what it needs" in raises["fix"]
    assert "raising_parts.py" in raises["traceback"] and "importlib" not in raises["traceback"]

    misspells = found["misspells", "misspelling-parts"]
    assert misspells["version"] == "2.0" and "misspelling-parts" in misspells["fix"]
    assert misspells["reason"].endswith(
        'unknown hook seqpipe_tokenisers; did you mean "seqpipe_tokenizers"?'
    )

    thief = found["seqpipe", "thieving-parts"]
    assert thief["version"] == "9.1" and thief["fix"].startswith("pip uninstall thieving-parts")
    assert "thieving-parts 9.1 claims the plugin name 'seqpipe'" in thief["reason"]

    # What a person sees.
    shown = seqpipe("plugins", cwd=world.folder).stdout
    for each in (raises, misspells, thief):
        assert each["reason"] in shown and each["fix"] in shown


def test_pipeline_that_names_a_broken_one_is_told_where_and_why(world):
    file = world.folder / "broken.cfg"
    file.write_text(USING_IT.replace("good.", "raises."), encoding="utf-8")
    done = seqpipe("run", "broken.cfg", cwd=world.folder)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert 'the tokenizer "raises.Halves.v1" can\'t be used' in done.stderr
    for said in ("broken.cfg:", "raising-parts 0.3", "no_such_module_of_a_test", "pip install"):
        assert said in done.stderr
    assert world.imported() == ["raising_parts"]


def test_strict_run_is_refused_with_all_that_is_broken(world, monkeypatch):
    monkeypatch.setenv("SEQPIPE_STRICT_PLUGINS", "1")
    monkeypatch.setenv("SEQPIPE_PLUGINS", "good, raises, misspells")
    done = world.run()
    assert done.returncode == 1 and "Traceback" not in done.stderr
    for text in ("SEQPIPE_STRICT_PLUGINS is set", "raising-parts 0.3 ", "misspelling-parts 2.0 "):
        assert done.stderr.count(text) == 1
    assert world.imported() == ["good_parts", "misspelling_parts", "raising_parts"]


def test_run_without_plugins_imports_none(world, monkeypatch):
    monkeypatch.setenv("SEQPIPE_PLUGINS", "")
    done = world.run()
    assert done.returncode == 1
    assert "'good' of good-parts 1.4.2 isn't allowed, as SEQPIPE_PLUGINS is ''" in done.stderr
    assert world.imported() == []


def test_plugin_that_prints_on_import_does_not_print_into_a_configuration(
    five, tmp_path, monkeypatch
):
    text = f"print('hello')\n{OFFERS.replace('PLUGIN', 'talks')}"
    write_distribution(tmp_path / "more", "talking-parts", "1.0", plugin="talks", text=text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "more"))
    write_world(tmp_path / "world", USING_IT.replace("good.", "talks."))
    done = seqpipe("compile", "pipeline.cfg", cwd=tmp_path / "world")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[") and "hello" in done.stderr and "hello" not in done.stdout


def test_what_a_file_compiles_to_does_not_depend_on_the_plugins_version(world):
    done = seqpipe("compile", "pipeline.cfg", cwd=world.folder)
    assert done.returncode == 0, done.stderr
    assert '"good.Halves.v1"' in done.stdout and "package" not in done.stdout


def test_package_that_a_file_asks_for_by_hand_is_checked(world):
    done = world.run("--tokenizer.package", "good-parts 2.0")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "-->" in done.stderr
    assert (
        "good.Halves.v1 needs good-parts 2.0, as its `package` says, but good-parts 1.4.2 is installed: "
        'pip install "good-parts>=2.0,<3"'
    ) in done.stderr

"""`seqpipe runs`: what runs came to, and in which settings they differ."""

import json
import os

import pytest

CONFIG = """[training]
max_epochs = {epochs}
seed = ${{system.seed}}

[system]
seed = {seed}

[components]

[components.tok2vec]
width = 48

[paths]
train = "{seed}"
"""


@pytest.fixture
def runs(tmp_path):
    """Return a folder with two runs, one of them with an encoder of its own, and things that are none."""
    folder = tmp_path / "runs"
    for number, (name, epochs, accuracy) in enumerate([("one", 3, 0.5), ("deep/two", 6, 0.75)]):
        run = folder / name
        run.mkdir(parents=True)
        (run / "config.cfg").write_text(CONFIG.format(epochs=epochs, seed=number))
        report = {
            "dev": {"score": accuracy + 0.1},
            "test": {"accuracy": accuracy, "classes": {}},
            "timings": {"total": 12.4},
            "words_per_second": 1000,
        }
        (run / "report.json").write_text(json.dumps(report))
        os.utime(run / "report.json", (1_700_000_000 + number, 1_700_000_000 + number))
    (folder / "deep" / "report.json").write_text("no run")
    return folder


def test_runs_are_listed_with_scores_and_the_settings_that_differ(call, runs):
    called = call("runs", "list", str(runs))
    lines = [line.split() for line in called.out.splitlines()]
    assert called.code == 0, called.err
    head = lines[0]
    assert head == ["run", "ended", "dev", "test", "accuracy", "time", "max_epochs", "seed"]
    assert [line[0] for line in lines if line and line[0] in ("one", "deep/two")] == [
        "one",
        "deep/two",
    ]
    assert "0.6000" in called.out and "0.7500" in called.out and "width" not in called.out


def test_runs_as_json_have_all_that_differs(call, runs):
    told = json.loads(call("runs", "list", str(runs), "--json").out)
    assert [run["test"]["accuracy"] for run in told["runs"]] == [0.5, 0.75]
    assert told["differing"] == {"training.max_epochs": [3, 6], "training.seed": [0, 1]}


def test_two_runs_differ_in_settings_and_scores(call, runs):
    called = call("runs", "diff", str(runs / "one"), str(runs / "deep" / "two"))
    assert called.out.splitlines() == [
        "training.max_epochs: 3 → 6",
        "training.seed: 0 → 1",
        "dev score: 0.6000 → 0.8500 (+0.2500)",
        "test accuracy: 0.5000 → 0.7500 (+0.2500)",
    ]
    same = call("runs", "diff", str(runs / "one"), str(runs / "one"))
    assert same.out.startswith("the settings are the same\n")


def test_folder_without_runs_says_so(call, tmp_path):
    assert call("runs", "list", str(tmp_path)).out == f"no runs in {tmp_path}\n"
    missing = call("runs", "list", str(tmp_path / "nowhere"))
    assert missing.code == 1 and "there's no folder" in missing.err
    none = call("runs", "diff", str(tmp_path), str(tmp_path))
    assert none.code == 1 and "has no run" in none.err


def test_damaged_report_names_its_run(call, runs):
    (runs / "one" / "report.json").write_text("{")
    called = call("runs", "list", str(runs))
    assert (
        called.code == 0 and f"passed over: the run in {runs / 'one'} can't be read" in called.err
    )
    assert "deep/two" in called.out
    (runs / "one" / "report.json").write_text("[]")
    assert "is no report" in call("runs", "list", str(runs)).err
    assert call("runs", "diff", str(runs / "one"), str(runs / "one")).code == 1


def test_help_has_examples(call):
    assert "seqpipe runs diff runs/reviews/seed-0" in call("runs", "diff", "--help").out

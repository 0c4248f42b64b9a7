"""`seqpipe run --seeds`: a run for each seed, and what they come to."""

import json
import random

import pytest

from seqpipe.run._seeds import summarise

FILE = """
[pipeline]
lang = "xx"
seed = 3

[data]
@readers = "seqpipe.Jsonl.v1"
path = "texts.jsonl"

[classifier]
@seqpipe_classifiers = "seqpipe.NGramClassifier.v1"
"""


def report(accuracy, score=0.5, **test):
    return {
        "test": {"accuracy": accuracy, **test},
        "dev": {"score": score},
        "timings": {"total": 2},
    }


def test_figures_have_their_mean_and_spread():
    classes = {"classes": {"a": {}}, "ranked": None}
    found = summarise({3: report(0.5, **classes), 4: report(0.7, **classes)})
    assert found["seeds"]["4"] == {"test accuracy": 0.7, "dev score": 0.5, "seconds": 2.0}
    figure = found["figures"]["test accuracy"]
    assert figure == pytest.approx({"mean": 0.6, "min": 0.5, "max": 0.7, "deviation": 0.1 * 2**0.5})


def test_figure_that_a_seed_lacks_is_left_out_and_one_seed_has_no_spread():
    without = {"test": {}, "dev": {}, "timings": {"total": 1.0}}
    assert [*summarise({0: report(0.5), 1: without})["figures"]] == ["seconds"]
    assert summarise({0: report(0.5)})["figures"]["dev score"]["deviation"] is None
    assert summarise({}) == {"seeds": {}, "figures": {}}


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw = random.Random(0)
    words = {"sea": ["wave", "tide", "gull"], "wood": ["oak", "moss", "owl"]}
    rows = [
        {"text": " ".join(draw.choices(words[label], k=5)), "label": label}
        for label in ["sea", "wood"] * 20
    ]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "pipeline.cfg").write_text(FILE)
    return tmp_path / "pipeline.cfg"


def test_each_seed_has_a_run_of_its_own(call, file, tmp_path):
    called = call("run", str(file), "--seeds", "2", "--output", "out", "--classifier.cost", "2")
    assert called.code == 0, called.err
    summary = json.loads((tmp_path / "out" / "seeds.json").read_text())
    assert [*summary["seeds"]] == ["3", "4"]
    for seed in (3, 4):
        folder = tmp_path / "out" / f"seed-{seed}"
        assert json.loads((folder / "report.json").read_text())["seed"] == seed
        assert "cost = 2" in (folder / "config.cfg").read_text()
    assert "test accuracy" in called.out and "mean" in called.out and "seed 4" in called.out
    assert "seed-*/model-best" in called.out


def test_compiled_file_has_seeds_too(call, file, tmp_path):
    (tmp_path / "all.cfg").write_text(call("compile", str(file)).out)
    called = call("run", "all.cfg", "--seeds", "2", "--output", "out", "--quiet")
    assert (called.code, called.out) == (0, ""), called.err
    assert [*json.loads((tmp_path / "out" / "seeds.json").read_text())["seeds"]] == ["3", "4"]


def test_number_of_seeds_is_checked(call, file, tmp_path):
    called = call("run", str(file), "--seeds", "0")
    assert called.code == 2 and "--seeds" in called.err
    assert not (tmp_path / "runs").exists()

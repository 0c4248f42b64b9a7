"""The benchmark of accuracy: cells are measured once, saved at once, and become tables."""

import json
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import accuracy
import accuracy_cell
import trainings
from accuracy_report import page, summarise
from cells_in_process import cells_in_process
from made_up_texts import write_trec
from ready import run_ready

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "pipelines/fasttext-cooking/pipeline.cfg"
RECIPE = '[head]\n@seqpipe_heads = "seqpipe.TextClassifier.v1"\n\n[encoder]\n@seqpipe_encoders = "seqpipe.Recurrent.v1"\nwidht = 4\n'


def run(monkeypatch, folder, *options):
    """Run it in this process; each training has one of its own all the same, unless `in_process` is used."""
    command = ["accuracy.py", "--json", str(folder / "accuracy.json"), *options]
    monkeypatch.setattr(sys, "argv", command)
    accuracy.main()
    return json.loads((folder / "accuracy.json").read_text())


FIGURES = {"train_seconds": 2.0, "texts_per_second": 1e4, "bytes": 3e6, "memory": 4e8}


def cell(system, seed, score, **others):
    where = {"set": "trec", "system": system, "seed": seed, "environment": 0}
    return {**where, "score": score, **FIGURES, "notes": {}, **others}


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    write_trec(tmp_path / "data")
    monkeypatch.setenv("SEQPIPE_DATA", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def in_process(monkeypatch):
    """Let trainings, and what they start, have no processes of their own: importing all takes seconds in each."""
    monkeypatch.setattr(subprocess, "run", cells_in_process(monkeypatch, accuracy_cell))


@pytest.fixture
def ready(monkeypatch):
    """Have trainings begin with what's slow to import, each in a process of its own."""

    def call(command, *, cwd, env, **_):
        return run_ready(command, cwd=cwd, env=env)

    monkeypatch.setattr(trainings, "subprocess", types.SimpleNamespace(run=call))


def test_a_training_is_measured_once(made_up, ready, monkeypatch, capsys):
    found = run(monkeypatch, made_up, "--sets", "subj", "trec", "--systems", "nb-svm")
    assert "subj is left out" in capsys.readouterr().out
    (first,) = found["cells"]
    assert first["score"] > 0.9 and first["bytes"] > 1000 and first["memory"] > 2**24
    assert first["train_seconds"] > 0 and first["texts_per_second"] > 1
    assert "| nb-svm |" in (made_up / "accuracy.md").read_text()

    def note(job, cell):
        measured.append((job.data.name, job.system, job.seed))
        return {"score": 0.5, **FIGURES}

    measured = []
    monkeypatch.setattr(trainings, "measure", note)
    options = ["--sets", "trec", "--systems", "nb-svm", "--seeds", "0", "1"]
    found = run(monkeypatch, made_up, *options, "--render")
    assert not measured
    found = run(monkeypatch, made_up, *options)
    assert measured == [("trec", "nb-svm", 1)]
    assert found["cells"][0] == first
    assert [each["seed"] for each in found["cells"]] == [0, 1]
    assert len(found["environments"]) == 1 and found["sets"]["trec"]["test"] == 90


def test_a_system_that_fails_spoils_its_own_cell_only(made_up, in_process, monkeypatch, capsys):
    recipe = made_up / "recipe.cfg"
    recipe.write_text(RECIPE)
    options = ["--sets", "trec", "--systems", f"seqpipe:{recipe}", "tfidf-lr"]
    failed, measured = run(monkeypatch, made_up, *options)["cells"]
    assert "widht" in failed["error"] and "widht" in capsys.readouterr().err
    assert failed["system"] == trainings.shown(f"seqpipe:{recipe}")
    assert measured["score"] > 0.9
    written = (made_up / "accuracy.md").read_text()
    assert "## Failed" in written and "| tfidf-lr |" in written


def test_a_recipe_learns_the_set(made_up, in_process, monkeypatch):
    options = ["--sets", "trec", "--systems", f"seqpipe:{SHIPPED}"]
    (shipped,) = run(monkeypatch, made_up, *options)["cells"]
    assert shipped["notes"]["timings"]["training"] > 0
    assert shipped["system"].startswith("seqpipe:pipelines/fasttext-cooking/pipeline.cfg#")
    assert shipped["score"] > 0.9 and shipped["bytes"] > 1000


def test_pipeline_files_are_told_apart_by_what_they_hold(tmp_path):
    one, other = tmp_path / "one" / "a.cfg", tmp_path / "other" / "a.cfg"
    for path in (one, other):
        path.parent.mkdir()
        path.write_text(f"# {path.parent.name}\n")
    names = [trainings.shown(f"seqpipe:{path}") for path in (one, other)]
    assert re.fullmatch(r"seqpipe:a\.cfg#[0-9a-f]{8}", names[0])
    results = trainings.Results(tmp_path / "results.json")
    results.add({"set": "trec", "system": names[0], "seed": 0}, {"score": 0.5}, 1)
    assert not results.has({"set": "trec", "system": names[1], "seed": 0})
    one.write_text("# edited\n")
    edited = trainings.shown(f"seqpipe:{one}")
    assert not results.has({"set": "trec", "system": edited, "seed": 0})
    one.write_text("# one\n")
    assert trainings.shown(f"seqpipe:{one}") == names[0]


def test_results_without_a_digest_count_for_the_files_of_the_repository(tmp_path):
    results = trainings.Results(tmp_path / "results.json")
    for place in (SHIPPED.relative_to(ROOT), Path("recipe.cfg")):
        old = {"set": "trec", "system": f"seqpipe:{place.as_posix()}", "seed": 0}
        results.cells.append({**old, "score": 0.5})
    key = {"set": "trec", "system": trainings.shown(f"seqpipe:{SHIPPED}"), "seed": 0}
    assert results.has(key) and not results.has({**key, "seed": 1})
    recipe = tmp_path / "recipe.cfg"
    recipe.write_text(RECIPE)
    assert not results.has({**key, "system": trainings.shown(f"seqpipe:{recipe}")})
    results.add(key, {"score": 0.6}, 1)
    assert [cell["score"] for cell in results.cells] == [0.5, 0.6]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--systems", "nb-svn"], "neither one of seqpipe, tfidf-lr"),
        (["--systems", "seqpipe:none.cfg"], "there's no pipeline file none.cfg"),
        (["--threads", "0"], "at least 1"),
        (["--render"], "there's no file"),
    ],
)
def test_mistaken_options_are_named(options, words, tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch, tmp_path, *options)
    assert words in " ".join(capsys.readouterr().err.split())


def test_figures_are_means_and_ranges_over_seeds():
    cells = [
        cell("a", 0, 0.5),
        cell("a", 1, 0.7, train_seconds=4.0),
        cell("b", 0, 0.9),
        {"set": "trec", "system": "c", "seed": 0, "error": "ValueError: no"},
    ]
    first, second = summarise(cells, "trec")
    assert first["system"] == "b"
    assert second["mean"] == pytest.approx(0.6)
    assert (second["min"], second["max"], second["seeds"]) == (0.5, 0.7, [0, 1])
    assert second["train_seconds"] == 3.0


def test_the_page_names_machine_versions_and_seeds():
    machine = {"processor": "a processor", "cores": 2, "system": "Linux", "python": "3.11"}
    environment = {"number": 0, "date": "2026-01-01", "threads": 1, "machine": machine}
    written = page(
        {
            "sets": {"trec": {"train": 4907, "dev": 545, "test": 500}},
            "environments": [{**environment, "versions": {"spacy": "3.8"}}],
            "cells": [cell("a", seed, 0.5 + seed / 10) for seed in range(3)],
        }
    )
    assert "| a | 0.600 | 0.500-0.700 | 0-2 | 2.0 | 10,000 | 3.0 | 400 |" in written
    assert "a processor" in written and "spacy 3.8" in written and "4,907 train" in written
    assert "| trec | **0.600** |" in written

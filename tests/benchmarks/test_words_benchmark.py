"""The benchmark of words: cells are measured once, saved at once, and become tables."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import trainings
import words
import words_cell
from cells_in_process import cells_in_process
from made_up_words import write_atis, write_stsb
from words_report import page, summarise

RECIPE = """[heads.intent]
@seqpipe_heads = "seqpipe.TextClassifier.v2"

[heads.slots]
@seqpipe_heads = "seqpipe.Crf.v1"

[heads.slots.task]
@seqpipe_tasks = "seqpipe.Entities.v1"

[embedder]
@seqpipe_embedders = "seqpipe.Word2Vec.v1"
width = 8
epochs = 1
min_count = 1
trained_width = 16

[encoder]
@seqpipe_encoders = "seqpipe.Convolutional.v1"

[training]
max_epochs = 20

[training.optimizer]
learn_rate = 0.02

[training.batcher]
size = 8
"""
FIGURES = {"train_seconds": 2.0, "words_per_second": 1e4, "bytes": 3e6, "memory": 4e8}


def run(monkeypatch, folder, *options):
    """Run it in this process; each training has one of its own all the same."""
    command = ["words.py", "--json", str(folder / "words.json"), *options]
    monkeypatch.setattr(sys, "argv", command)
    words.main()
    return json.loads((folder / "words.json").read_text())


def cell(system, seed, *scores, **others):
    where = {"set": "atis", "system": system, "seed": seed, "environment": 0}
    named = dict(zip(("slots, F", "intent, accuracy"), scores, strict=True))
    return {**where, "score": scores[0], "scores": named, **FIGURES, "notes": {}, **others}


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    write_atis(tmp_path / "data")
    write_stsb(tmp_path / "data")
    monkeypatch.setenv("SEQPIPE_DATA", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def in_process(monkeypatch):
    """Let trainings, and what they start, have no processes of their own."""
    monkeypatch.setattr(subprocess, "run", cells_in_process(monkeypatch, words_cell))


def note_jobs(monkeypatch):
    """Have nothing trained; return the list of what would have been."""

    def measure(job, script):
        jobs.append((job.name, job.system, job.seed))
        return cell("", 0, 0.5, 0.6)

    jobs = []
    monkeypatch.setattr(trainings, "measure", measure)
    return jobs


def test_a_pipeline_file_is_measured_once(made_up, in_process, monkeypatch, capsys):
    recipe = made_up / "recipe.cfg"
    recipe.write_text(RECIPE)
    options = ["--sets", "ewt", "atis", "--systems", f"seqpipe:{recipe}"]
    found = run(monkeypatch, made_up, *options)
    assert "ewt is left out" in capsys.readouterr().out
    (first,) = found["cells"]
    assert first["system"].startswith("seqpipe:recipe.cfg#") and "error" not in first, first
    assert set(first["scores"]) == {"slots, F", "intent, accuracy"}
    assert first["score"] == first["scores"]["slots, F"] > 0.5
    assert first["bytes"] > 1000 and first["memory"] > 2**24
    assert first["train_seconds"] > 0 and first["words_per_second"] > 1
    assert f"| {first['system']} |" in (made_up / "words.md").read_text()
    jobs = note_jobs(monkeypatch)
    assert run(monkeypatch, made_up, *options)["cells"] == [first] and not jobs


def test_systems_without_pairs_leave_them_out(made_up, monkeypatch):
    jobs = note_jobs(monkeypatch)
    systems = ["--systems", "seqpipe", "spacy"]
    run(monkeypatch, made_up, "--sets", "atis", *systems)
    assert jobs == [("atis", "seqpipe", 0), ("atis", "spacy", 0)]
    assert words.make_job("stsb", "spacy", 0, 1, made_up) is None


def test_figures_of_fewer_texts_are_not_mixed_with_others(made_up, monkeypatch):
    jobs = note_jobs(monkeypatch)
    options = ["--sets", "atis", "--systems", "spacy"]
    found = run(monkeypatch, made_up, *options, "--texts", "10")
    assert found["sets"]["atis"] == {"train": 10, "dev": 10, "test": 10}
    with pytest.raises(SystemExit, match="name another --json"):
        run(monkeypatch, made_up, *options)
    assert len(jobs) == 1
    found = run(monkeypatch, made_up, *options, "--again")
    assert found["sets"]["atis"]["train"] == 60 and len(jobs) == 2


def test_figures_are_means_and_ranges_over_seeds():
    cells = [
        cell("a", 0, 0.5, 0.9),
        cell("a", 1, 0.7, 0.9, train_seconds=4.0),
        cell("b", 0, 0.8, 0.1),
        {"set": "atis", "system": "c", "seed": 0, "error": "ValueError: no"},
    ]
    first, second = summarise(cells, "atis")
    assert first["system"] == "b"
    assert second["scores"]["slots, F"] == pytest.approx((0.6, 0.5, 0.7))
    assert second["seeds"] == [0, 1] and second["train_seconds"] == 3.0


def test_the_page_has_a_row_for_each_measure():
    machine = {"processor": "a processor", "cores": 2, "system": "Linux", "python": "3.11"}
    environment = {"number": 0, "date": "2026-01-01", "threads": 1, "machine": machine}
    failed = {"set": "atis", "system": "c", "seed": 0, "environment": 0, "error": "ValueError: no"}
    written = page(
        {
            "sets": {"atis": {"train": 4478, "dev": 500, "test": 893}},
            "environments": [{**environment, "versions": {"spacy": "3.8"}}],
            "cells": [cell("a", 0, 0.5, 0.9), cell("b", 0, 0.8, 0.1), failed],
        }
    )
    assert "| atis, slots, F | **0.800** | 0.500 |" in written
    assert "| atis, intent, accuracy | 0.100 | **0.900** |" in written
    assert "| a | 0.500 | 0.500-0.500 | 0.900 | 0.900-0.900 | 0 | 2.0 | 10,000 | 3.0 | 400 |" in (
        written
    )
    assert "4,478 train" in written and "- atis, c, seed 0: `ValueError: no`" in written

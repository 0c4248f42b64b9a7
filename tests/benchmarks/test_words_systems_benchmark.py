"""The systems that are compared on words: each learns what's easy to learn."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import words_bilstm
import words_glove
import words_spacy
from accuracy_seqpipe import with_data
from accuracy_systems import size_on_disk
from made_up_words import made_up_parts
from word_sets import WORD_SETS, reader_settings
from words_scores import scores
from words_seqpipe import default_file
from words_systems import WORD_SYSTEMS, WordsJob, count_words, learns, load_words_system

from seqpipe import config

#: spaCy's three components are in two of the sets.
PEERS = [
    *(("bilstm-crf", name) for name in ("ewt", "atis", "zh-resume")),
    ("spacy", "ewt"),
    ("spacy", "atis"),
]


@pytest.fixture
def small_peers(monkeypatch):
    """Have peers take no more steps than made-up texts need, and vectors for which nothing is installed."""

    def glove_of(words):
        known = sorted({word for word in words if word != "oslo"})
        return known, np.random.default_rng(0).normal(0, 0.4, (len(known), 50)).astype("f4")

    monkeypatch.setattr(words_glove, "glove_of", glove_of)
    monkeypatch.setattr(words_bilstm, "_RATE", 0.01)
    monkeypatch.setattr(words_bilstm, "_BATCH", 8)
    monkeypatch.setattr(words_spacy, "_TRAINING", {"eval_frequency": 20, "max_steps": 60})


@pytest.mark.usefixtures("small_peers")
@pytest.mark.parametrize(("system", "name"), PEERS)
def test_peers_learn(system, name, tmp_path, monkeypatch):
    parts, folder = made_up_parts(name, tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    job = WordsJob(system, name, folder)
    trained = load_words_system(system)(job, parts)
    found = scores(job.known, trained.predict(parts["test"]), parts["test"])
    assert min(found) > 0.9, found
    assert trained.notes["dev"]
    (tmp_path / "saved").mkdir()
    trained.save(tmp_path / "saved")
    assert size_on_disk(tmp_path / "saved") > 1000


@pytest.mark.usefixtures("small_peers")
def test_spacy_is_stopped_when_its_time_is_up(tmp_path, monkeypatch):
    parts, folder = made_up_parts("wikigold", tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(words_spacy, "SECONDS", 0.0)
    trained = load_words_system("spacy")(WordsJob("spacy", "wikigold", folder), parts)
    assert trained.notes["time_was_up"]
    assert len(trained.predict(parts["test"])) == len(parts["test"])


@pytest.mark.parametrize("name", [name for name in WORD_SETS if name != "wnut17"])
def test_a_file_of_data_heads_and_tasks_can_be_run(name, tmp_path, monkeypatch):
    _, folder = made_up_parts(name, tmp_path, monkeypatch)
    known = WORD_SETS[name]
    text = with_data(default_file(known), folder, **reader_settings(known))
    (tmp_path / "pipeline.cfg").write_text(text, encoding="utf-8")
    config.check(config.read(tmp_path / "pipeline.cfg"))


def test_every_system_can_be_imported():
    assert all(callable(load_words_system(name)) for name in [*WORD_SYSTEMS, "seqpipe:any.cfg"])


def test_pairs_are_learned_by_seqpipe_alone():
    assert learns("seqpipe", WORD_SETS["stsb"]) and learns("seqpipe:any.cfg", WORD_SETS["stsb"])
    assert not learns("spacy", WORD_SETS["stsb"]) and learns("spacy", WORD_SETS["ewt"])


def test_words_of_pairs_are_counted_in_both_texts(tmp_path, monkeypatch):
    parts, _ = made_up_parts("stsb", tmp_path, monkeypatch)
    row = parts["train"][1]
    assert count_words([row]) == 2 * len(row.text.split())

"""Embedders that are trained by a module in a process of its own."""

import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqpipe.errors import EmbedderError, SavedModelError
from seqpipe.workers import (
    Tables,
    read_tables,
    spool_sequences,
    train_out_of_process,
    write_tables,
)

SEQUENCES = [["b", "a", "b"], [], ["two words", "b", "\ud800", "a"], ["a\n", ""]]
SETTINGS = {"epochs": 2, "min_count": 1, "lower": False}
FORMS = {"vectors": (np.float32, (-1, 3)), "counts": (np.int64, (None,))}

#: Counts what it reads, and fails as its settings say.
WORKER = """
import os, threading, time
import numpy as np
from seqpipe.workers import serve

def train(job):
    passes, read, how = job.passes(), [], job.settings.get("how")
    for _ in range(job.settings["epochs"]):
        time.sleep(0.15 * (how == "slow"))
        read += passes
    if how == "raise":
        raise MemoryError("no room")
    if how == "thread":
        def fail():
            raise ValueError("in a thread")
        threading.Thread(target=fail).start()
        time.sleep(60)
    if how == "kill":
        os.kill(os.getpid(), 9)
    value = float("nan") if how == "nan" else job.seed
    return {
        "vectors": np.array([[value, count, sum(w.count(word) for w in read)]
                             for word, count in job.counts.items()], dtype=np.float64),
        "sizes": np.array([job.sequences, job.tokens, len(read)]),
    }

if __name__ == "__main__":
    serve(train)
"""


@pytest.fixture
def worker(tmp_path, monkeypatch):
    (tmp_path / "counting_worker.py").write_text(WORKER, encoding="utf-8")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    return "counting_worker"


def train(worker, *, seed=0, on_progress=None, **settings):
    return train_out_of_process(
        worker, iter(SEQUENCES), settings=SETTINGS | settings, seed=seed, on_progress=on_progress
    )


def test_the_module_reads_the_sequences_as_often_as_it_likes(worker, temporary):
    tables = train(worker)
    assert tables.words == ("b", "a", "two words", "\ud800", "a\n", "")
    assert tables.arrays["counts"].tolist() == [3, 2, 1, 1, 1, 1]
    assert tables.arrays["vectors"][:, 1:].tolist() == [[n, 2 * n] for n in (3, 2, 1, 1, 1, 1)]
    assert tables.arrays["sizes"].tolist() == [3, 9, 6]
    assert tables.settings == SETTINGS
    assert list(temporary.iterdir()) == []


def test_rare_words_are_read_and_not_known(worker):
    tables = train(worker, min_count=2)
    assert tables.words == ("b", "a")
    assert tables.arrays["sizes"][1] == 9


def test_seeds_are_far_from_each_other(worker):
    seeds = [train(worker, seed=seed, epochs=1).arrays["vectors"][0, 0] for seed in (0, 1, 0)]
    assert seeds[0] == seeds[2]
    assert abs(seeds[0] - seeds[1]) > 1000


def test_progress_is_reported(worker):
    reports = []
    train(worker, how="slow", epochs=4, on_progress=reports.append)
    fractions = [progress.fraction for progress in reports]
    assert len(fractions) > 1 and fractions == sorted(fractions) and fractions[-1] == 1.0
    assert reports[0].words_per_second > 0


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("raise", "exit code 1, after these lines:(.|\n)*MemoryError: no room"),
        ("thread", "exit code 1, after these lines:(.|\n)*ValueError: in a thread"),
        ("nan", "gave vectors that aren't finite"),
        pytest.param(
            "kill", "ended by SIGKILL", marks=pytest.mark.skipif(os.name == "nt", reason="POSIX")
        ),
    ],
)
def test_a_failure_is_an_error(worker, temporary, how, message):
    with pytest.raises(EmbedderError, match=message):
        train(worker, how=how)
    assert list(temporary.iterdir()) == []


def test_what_is_raised_meanwhile_ends_the_training(worker, temporary, monkeypatch):
    def interrupt(progress):
        raise KeyboardInterrupt

    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        train(worker, how="slow", epochs=10**6, on_progress=interrupt)
    assert time.monotonic() - begin < 30
    assert list(temporary.iterdir()) == []


WORDS = st.text(st.characters(codec=None), max_size=3)


@given(sequences=st.lists(st.lists(WORDS, max_size=4), max_size=6))
def test_spooled_sequences_come_back(tmp_path_factory, sequences):
    path = tmp_path_factory.mktemp("spool") / "sequences.txt"
    kept = [words for words in sequences if words]
    if not kept:
        with pytest.raises(EmbedderError, match="nothing to fit"):
            spool_sequences(sequences, path)
        return
    spool = spool_sequences(iter(sequences), path)
    assert list(spool) == list(spool) == kept
    counts = Counter(word for words in kept for word in words)
    assert dict(zip(spool.words, spool.counts, strict=True)) == counts
    assert (spool.tokens, spool.sequences) == (counts.total(), len(kept))


def test_frequent_words_come_first(tmp_path):
    spool = spool_sequences([["x", "Y", "z", "y"], ["Z", "x", "x"]], tmp_path / "s", lower=True)
    assert [spool.words[number] for number in spool.frequent(2)] == ["x", "y", "z"]
    with pytest.raises(EmbedderError, match="1 of the 3 words in 2 sequences occur 3 times"):
        spool.frequent(3)


def test_texts_are_refused(tmp_path):
    with pytest.raises(EmbedderError, match="sequence 2 is a string, 'a text'"):
        spool_sequences([["a"], "a text"], tmp_path / "s")


@pytest.fixture
def written(tmp_path):
    arrays = {"vectors": np.ones((2, 3), np.float32), "counts": np.array([2, 1, 0])}
    write_tables(Tables(("a", "\ud800"), {"a": 1}, arrays), tmp_path, kind="Mine")
    return tmp_path


def test_tables_come_back(written):
    tables = read_tables(written, kind="Mine", forms=FORMS)
    assert (tables.words, tables.settings) == (("a", "\ud800"), {"a": 1})
    assert tables.arrays["vectors"].tolist() == [[1, 1, 1], [1, 1, 1]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "Other"}, "is of Mine, not of Other"),
        ({"forms": {"vectors": FORMS["vectors"]}}, r"it holds \['counts', 'vectors'\]"),
        ({"forms": FORMS | {"vectors": (np.float32, (-1, 4))}}, r"not float32 \[2, 4\]"),
        ({"forms": FORMS | {"vectors": (np.float64, (-1, 3))}}, "`vectors` is float32"),
        ({"forms": FORMS | {"counts": (np.int64, (-1,))}}, r"`counts` is int64 \[3\]"),
        ({"forms": FORMS | {"counts": (np.int64, (3, 1))}}, "`counts` is int64"),
    ],
)
def test_tables_of_another_form_are_refused(written, change, message):
    with pytest.raises(SavedModelError, match=message):
        read_tables(written, **({"kind": "Mine", "forms": FORMS} | change))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("embedder.json", {"format": 2}, "in the format 1"),
        ("embedder.json", {"format": 1, "kind": "Mine"}, "`settings` is None"),
        ("words.json", ["a", "a"], "a word occurs in it twice"),
        ("words.json", ["a", 1], "isn't a list of words"),
        ("words.json", ["a", "b", "c"], "is damaged"),
    ],
)
def test_damaged_files_are_refused(written: Path, name, content, message):
    (written / name).write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(SavedModelError, match=message):
        read_tables(written, kind="Mine", forms=FORMS)

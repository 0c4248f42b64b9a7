"""Without a C compiler a run gives the same results, and says once what it lacks."""

import json
import os
import random
import subprocess
import sys

import pytest

FILE = """
[pipeline]
lang = "xx"

[data]
@readers = "seqpipe.Jsonl.v1"
path = "texts.jsonl"

[embedder]
@seqpipe_embedders = "seqpipe.FastText.v1"
width = 8
epochs = 1
min_count = 1

[encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = 8

[encoder.cell]
@seqpipe_cells = "seqpipe.GRU.v1"

[head]

[training]
max_epochs = 2
eval_frequency = 2
"""


@pytest.fixture
def run(tmp_path):
    draw = random.Random(0)
    words = {"sea": ["wave", "tide", "gull", "the"], "wood": ["oak", "moss", "owl", "the"]}
    rows = [
        {"text": " ".join(draw.choices(words[label], k=6)), "label": label}
        for label in ["sea", "wood"] * 20
    ]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "pipeline.cfg").write_text(FILE)

    def run(compiler):
        environment = {key: value for key, value in os.environ.items() if key != "CC"}
        environment |= {} if compiler is None else {"CC": compiler}
        command = [sys.executable, "-m", "seqpipe", "run", "pipeline.cfg", "-q", "-o", "out"]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        return done.stderr, json.loads((tmp_path / "out" / "report.json").read_text())

    return run


@pytest.mark.slow
def test_run_without_a_compiler_gives_the_same_results_and_says_so_once(run):
    _, expected = run(None)
    said, report = run("no-such-compiler")
    assert {*report["engines"].values()} == {"eager"}
    assert said.count("can't run here") == 1 and "unset CC" in said
    for line, same in zip(report["history"], expected["history"], strict=True):
        assert line["loss"] == pytest.approx(same["loss"], abs=1e-5)
        assert line["score"] == same["score"]
    assert report["test"]["confusion"] == expected["test"]["confusion"]

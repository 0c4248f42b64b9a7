"""`seqpipe benchmark`: a table of figures, and what can't be measured."""

import json
from pathlib import Path

from benchmarking.in_process import InProcess

from seqpipe.benchmarking import _benchmark

MODEL = str(Path(__file__).parents[1] / "saved_models" / "text-classifier")


def test_figures_are_printed_and_written(call, tmp_path):
    texts, numbers = tmp_path / "texts.jsonl", tmp_path / "numbers.json"
    texts.write_text('{"text": "the gull near the reef"}\n' * 40 + "{broken\n", encoding="utf-8")
    options = ["--repeats", "2", "--texts", "35", "--threads", "1", "--json", str(numbers)]
    called = call("benchmark", MODEL, str(texts), *options)
    assert called.code == 0, called.err
    lines = called.out.splitlines()
    assert lines[0] == "35 texts, 175 words; 2 repeats"
    rows = [line.strip() for line in lines]
    for begin in ("words per second", "95 %", "latency of 1 text, p50", "latency of 32 texts, p99"):
        assert any(row.startswith(begin) for row in rows), begin
    told = json.loads(numbers.read_text())
    assert (told["texts"], told["threads"], told["ratio"]) == (35, 1, None)
    assert set(told["models"][0]["latency_seconds"]) == {"1", "32"}


def test_model_that_is_not_there_is_named(call, monkeypatch):
    monkeypatch.setattr(_benchmark, "Process", InProcess)
    called = call("benchmark", "nowhere")
    assert called.code == 1 and called.out == ""
    assert "nowhere is neither a folder nor an installed spaCy pipeline" in called.err


def test_one_repeat_is_refused(call):
    called = call("benchmark", MODEL, "--repeats", "1")
    assert called.code == 2 and "--repeats" in called.err

"""`seqpipe run`, as a user calls it."""

import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from e2e.small_world import WORDS, environment, names, write_world

from seqpipe import storage
from seqpipe.run import run

CLASS_KEYS = {"precision", "recall", "f", "texts"}


def test_run_ends_well_and_says_so_in_plain_lines(trained):
    process = trained.process
    assert process.returncode == 0
    assert process.stderr == ""
    lines = process.stdout.splitlines()
    assert lines[0] == "seqpipe run pipeline.cfg"
    for stage in ("data", "embedder", "training", "evaluation"):
        assert any(re.fullmatch(rf"{stage} +[\d.]+ s", line) for line in lines), stage
    assert "\x1b" not in process.stdout and "\r" not in process.stdout


def test_plain_lines_tell_epoch_loss_score_speed_and_time_left(trained):
    pattern = (
        r"training +\d+%  epoch \d+  loss \d+\.\d+  dev(?: score)? [01]\.\d+  "
        r"[\d,]+ words/s  .*\d s left"
    )
    assert re.search(pattern, trained.process.stdout)


def test_run_prints_a_table_of_classes_and_where_the_pipeline_is(trained):
    table = trained.process.stdout
    accuracy = trained.report["test"]["accuracy"]
    for label in WORDS:
        score = trained.report["test"]["classes"][label]
        assert re.search(rf"^{label} +{score['precision']:.3f} +{score['recall']:.3f}", table, re.M)
    assert f"test accuracy {accuracy:.4f}" in table
    assert str(Path("out/model-best")) in table


def test_run_writes_model_config_and_report_and_nothing_else(trained):
    assert names(trained.folder / "out") == [
        "config.cfg",
        "model-best",
        "report.html",
        "report.json",
    ]
    assert (trained.model / "seqpipe-manifest.json").is_file()
    storage.verify_folder(trained.model)
    written = (trained.folder / "out" / "config.cfg").read_text(encoding="utf-8")
    assert written == (trained.model / "config.cfg").read_text(encoding="utf-8")


def test_run_leaves_the_folder_that_it_is_called_in_alone(trained):
    assert names(trained.folder) == ["out", "pipeline.cfg", "texts"]


def test_pipeline_learns_what_can_be_learnt(trained):
    assert trained.report["test"]["accuracy"] >= 0.9
    assert trained.report["dev"]["score"] >= 0.9


def test_report_has_scores_of_each_class_and_the_confusion_matrix(trained):
    test = trained.report["test"]
    assert set(test["classes"]) == set(WORDS)
    assert all(set(score) == CLASS_KEYS for score in test["classes"].values())
    assert [score["texts"] for score in test["classes"].values()] == [6, 6]
    assert sum(n for row in test["confusion"].values() for n in row.values()) == 12
    hits = sum(test["confusion"][label][label] for label in WORDS)
    assert test["accuracy"] == pytest.approx(hits / 12)


def test_report_says_with_what_on_what_and_how_fast(trained):
    report = trained.report
    assert report["seed"] == 0
    assert report["data"]["rows"] == {"train": 36, "dev": 12, "test": 12}
    assert report["data"]["labels"] == list(WORDS)
    assert re.fullmatch(r"[0-9a-f]{64}", report["data"]["fingerprint"])
    assert {"data", "embedder", "training", "evaluation", "total"} <= set(report["timings"])
    assert all(seconds >= 0 for seconds in report["timings"].values())
    assert report["words_per_second"] > 0
    assert {"python", "seqpipe", "spacy", "thinc", "torch", "numpy"} <= set(report["versions"])
    assert report["plugins"]["seqpipe"].startswith("seqpipe ")


def test_report_says_which_evaluation_the_best_model_comes_from(trained):
    best = [line for line in trained.report["history"] if line["is_best"]]
    assert trained.report["dev"] == best[-1]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_terminal_shows_a_bar_and_the_same_seed_gives_the_same_model(trained, tmp_path):
    # A pipeline is named after its folder.
    folder = tmp_path / trained.folder.name
    write_world(folder)
    code, output = _run_on_terminal(["run", "pipeline.cfg", "--output", "out"], cwd=folder)
    assert code == 0, output
    figures = r"epoch \d+  loss \d\.\d+  dev(?: score)? [01]\.\d+  [\d,]+ words/s  [^\r\n]*s left"
    assert re.search(r"training +━[━╸╺]+ +" + figures, _without_codes(output))
    assert "test accuracy" in output
    # The manifest has the hash of every file.
    again = (folder / "out" / "model-best" / "seqpipe-manifest.json").read_bytes()
    assert again == (trained.model / "seqpipe-manifest.json").read_bytes()
    assert _same_figures(_report(folder / "out"), trained.report)


def test_another_seed_gives_another_split_and_another_model(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(trained.folder)
    overrides = ["--pipeline.seed", "1", "--training.max_steps", "2"]
    result = run(Path("pipeline.cfg"), overrides=overrides, output=tmp_path / "out")
    assert result.report["seed"] == 1
    assert result.report["data"]["fingerprint"] == trained.report["data"]["fingerprint"]
    for file in ("tok2vec/model", "vocab/embedder/vectors.safetensors"):
        assert (result.model / file).read_bytes() != (trained.model / file).read_bytes()


def _report(folder):
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))


def _same_figures(one, other):
    keys = ("seed", "data", "dev", "test", "history", "versions", "plugins")
    return all(one[key] == other[key] for key in keys)


def _without_codes(output):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output)


def _run_on_terminal(arguments, *, cwd):
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "seqpipe", *arguments],
        cwd=cwd,
        env=environment(TERM="xterm-256color"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    output = _read_all(ours)
    os.close(ours)
    return process.wait(), output


def _read_all(terminal):
    output = b""
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # Linux's way to say that nobody has it open any more
            data = b""
        if not data:
            return output.decode("utf-8")
        output += data

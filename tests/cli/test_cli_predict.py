"""`seqpipe predict`: from files and standard input, to files and standard output, and what it says meanwhile."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

MODEL = str(Path(__file__).parents[1] / "saved_models" / "text-classifier")
COMMAND = [sys.executable, "-m", "seqpipe", "predict"]


@pytest.fixture
def reviews(tmp_path):
    file = tmp_path / "reviews.csv"
    file.write_text('id,review\n1,"the gull, the reef"\n2,\n3,an owl of Oak\n')
    return str(file)


@pytest.fixture
def typed(monkeypatch):
    """Return a function that says what's typed."""

    def type_in(text):
        stream = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8")
        monkeypatch.setattr(sys, "stdin", stream)

    return type_in


def test_lines_become_objects(call, typed):
    typed("the gull near the reef\n\nan owl\n")
    called = call("predict", MODEL)
    rows = [json.loads(line) for line in called.out.splitlines()]
    assert called.code == 0 and [row["text"] for row in rows] == [
        "the gull near the reef",
        "an owl",
    ]
    assert list(rows[0]) == ["text", "predicted_label", "predicted_score"]
    assert called.err.startswith("2 records in ")


def test_table_stays_a_table_and_bad_records_are_told(call, reviews):
    called = call("predict", MODEL, reviews, "--text", "review", "--prefix", "", "--quiet")
    assert called.out.splitlines()[0] == "id,review,label,score"
    assert called.out.splitlines()[1].startswith('1,"the gull, the reef",sea,0.5')
    assert len(called.out.splitlines()) == 3
    assert called.err == f"{reviews}:3: its text is empty, or only white space\n"


def test_errors_go_to_the_file_that_is_named(call, reviews, tmp_path):
    called = call("predict", MODEL, reviews, "--text", "review", "--errors", str(tmp_path / "e"))
    (line,) = (tmp_path / "e").read_text().splitlines()
    assert json.loads(line)["id"] == "2"
    assert "1 failed" in called.err and "its text" not in called.err


def test_file_of_errors_that_is_there_is_kept(call, reviews, tmp_path):
    called = call("predict", MODEL, reviews, "--text", "review", "--errors", reviews)
    assert called.code == 1 and "is there already: name another file by --errors" in called.err
    assert "an owl of Oak" in Path(reviews).read_text()


def test_output_is_a_file_in_the_format_of_its_name(call, reviews, tmp_path):
    output = tmp_path / "out.jsonl"
    called = call(
        "predict", MODEL, reviews, "--text", "review", "--output", str(output), "--top", "2"
    )
    assert called.code == 0 and called.out == ""
    assert f"1 record failed: see {output}.errors.jsonl" in called.err
    assert f"predictions: {output}" in called.err
    assert json.loads(output.read_text().splitlines()[0])["predicted_labels"] == ["sea", "wood"]
    again = call("predict", MODEL, reviews, "--text", "review", "--output", str(output))
    assert again.code == 1 and "is there already" in again.err
    resumed = call(
        "predict", MODEL, reviews, "--text", "review", "--output", str(output), "--resume"
    )
    assert resumed.code == 1 and "is there already, and whole" in resumed.err


def test_folder_gets_parts(call, reviews, tmp_path):
    folder = tmp_path / "out"
    options = ("--text", "review", "--output", f"{folder}{os.sep}", "--part-size", "1")
    assert call("predict", MODEL, reviews, *options).code == 0
    assert sorted(p.name for p in folder.iterdir()) == [
        "_errors.jsonl",
        "job.json",
        "part-00000.csv",
        "part-00001.csv",
        "part-00002.csv",
    ]


def test_schema_says_what_is_added(call):
    called = call("predict", MODEL, "--schema", "--proba")
    assert [(f["name"], f["type"]) for f in json.loads(called.out)] == [
        ("predicted_label", "string"),
        ("predicted_score", "number"),
        ("predicted_probabilities", "scores"),
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "xml"], "--format is 'xml'; it may be"),
        (["--input-format", "xml"], "--input-format is 'xml'"),
        (["--resume"], "--resume is about a file: name it by --output"),
        (["--overwrite"], "--overwrite is about a file"),
        (["--output", "out.docx"], "says no format: let it end in"),
        (["--pair", "other"], "doesn't compare pairs"),
        (["nowhere.csv"], "nowhere.csv"),
        (["--format", "parquet"], "Parquet can't be written to a stream"),
        (["--delimiter", ",,"], "`delimiter` is ',,'"),
    ],
)
def test_what_cannot_be_done_is_said(call, typed, options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    typed("a\n")
    called = call("predict", MODEL, *options)
    assert called.code in (1, 2) and message in called.err and called.out == ""
    assert not list(tmp_path.iterdir())


def test_missing_model_is_said(call):
    assert "nowhere is neither a folder nor" in call("predict", "nowhere").err


def test_text_of_a_model_for_pairs_is_refused(call, typed):
    typed('{"texts": "a"}\n')
    called = call("predict", MODEL)
    assert called.out == "" and 'stdin:1: it has no "text", only texts' in called.err


def test_header_and_quotes_can_be_said(call, tmp_path):
    file = tmp_path / "a.tsv"
    file.write_text('1\t"wave" oak\n')
    options = ("--no-header", "--quote", "none", "--text", "2", "-q")
    called = call("predict", MODEL, str(file), *options)
    assert called.out.startswith('1\t"wave" oak\t') and called.err == ""


def test_help_has_examples(call):
    called = call("predict", "--help")
    assert called.code == 0 and "tail -f texts.jsonl | seqpipe predict $MODEL" in called.out


@pytest.mark.slow
def test_head_that_stops_reading_is_no_error(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("wave oak\n" * 20_000)
    line = f"{sys.executable} -m seqpipe predict {MODEL} {file} | head -n 1"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=120)
    assert done.stdout.count("\n") == 1 and done.stderr == ""


@pytest.mark.slow
def test_ctrl_c_keeps_parts_and_says_how_to_go_on(tmp_path):
    file, output = tmp_path / "a.txt", tmp_path / "out.jsonl"
    file.write_text("".join(f"wave oak {n}\n" for n in range(60_000)))
    options = [MODEL, str(file), "--output", str(output), "--part-size", "300", "--workers", "2"]
    process = subprocess.Popen([*COMMAND, *options], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 90
    while not list(tmp_path.glob("out.jsonl.parts/part-*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and "with --resume goes on with it" in said
    assert "Traceback" not in said and not output.exists()
    done = subprocess.run(
        [*COMMAND, *options, "--resume"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    texts = [json.loads(line)["text"] for line in output.read_text().splitlines()]
    assert texts == [f"wave oak {n}" for n in range(60_000)]

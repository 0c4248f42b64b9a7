"""`seqpipe shrink`: sizes and scores before and after, and what's refused."""

import json
from pathlib import Path

import pytest

MODEL = str(Path(__file__).parents[1] / "saved_models" / "text-classifier")
ROWS = [("the gull near the reef", "sea"), ("an owl of oak", "wood")]


@pytest.fixture
def data(tmp_path):
    """Return a file of texts with their labels."""
    file = tmp_path / "texts.jsonl"
    rows = [json.dumps({"text": text, "label": label}) for text, label in ROWS * 3]
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return str(file)


def test_sizes_and_scores_are_printed_and_written(call, data, tmp_path):
    output, numbers = tmp_path / "small", tmp_path / "numbers.json"
    options = ["--vocabulary", "6", "--data", data, "--json", str(numbers)]
    called = call("shrink", MODEL, str(output), *options)
    assert called.code == 0, called.err
    lines = called.out.splitlines()
    assert lines[0] == "shrunk: float16, 6 words" and lines[-1] == f"model: {output}"
    assert any(line.startswith("in all") for line in lines)
    assert any(line.startswith("accuracy") for line in lines)
    told = json.loads(numbers.read_text())
    assert told["settings"]["vocabulary"] == 6
    assert told["bytes"]["after"] == sum(
        each.stat().st_size for each in output.rglob("*") if each.is_file()
    )
    assert 0 <= told["scores"]["after"]["textcat"]["accuracy"] <= 1
    assert call("predict", str(output), data).code == 0


def test_model_that_is_there_is_replaced_only_if_asked_for(call, tmp_path):
    output = str(tmp_path / "small")
    assert call("shrink", MODEL, output).code == 0
    called = call("shrink", MODEL, output, "--dtype", "int8")
    assert called.code == 1 and "is there: choose another folder, or give --overwrite" in called.err
    called = call("shrink", MODEL, output, "--dtype", "int8", "--overwrite")
    assert called.code == 0 and called.out.startswith("shrunk: int8")


def test_other_files_are_never_replaced(call, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    called = call("shrink", MODEL, str(tmp_path), "--overwrite")
    assert called.code == 1 and "can't be replaced" in called.err
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--dtype", "int4"], 1, "`dtype` is 'int4'"),
        (["--dtype", "float32"], 1, "there's nothing to do"),
        (["--target-size", "small"], 1, "'small' is no size"),
        (["--target-size", "900MB"], 1, "there's nothing to shrink"),
        (["--target-size", "1kB", "--dtype", "int8"], 2, "--target-size"),
        (["--data", "x.csv", "--part", "dev"], 2, "--data"),
        (["--vocabulary", "0"], 2, "--vocabulary"),
        (["--data", "nothing.jsonl"], 1, "nothing.jsonl"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_written(call, tmp_path, options, code, message):
    called = call("shrink", MODEL, str(tmp_path / "small"), *options)
    assert (called.code, called.out) == (code, "") and message in called.err
    assert not (tmp_path / "small").exists()


@pytest.fixture
def unscored(monkeypatch):
    """Have a test fail if a model is scored."""
    monkeypatch.setattr("seqpipe.run.evaluate_model", lambda *_, **__: pytest.fail("scored"))


@pytest.mark.usefixtures("unscored")
@pytest.mark.parametrize(
    ("output", "options", "message"),
    [
        ("small", ["--dtype", "int4"], "`dtype` is 'int4'"),
        ("small", ["--target-size", "900MB"], "there's nothing to shrink"),
        (f"{MODEL}/small", [], "can't be in the place of the old one"),
    ],
)
def test_nothing_is_scored_before_all_is_checked(call, data, tmp_path, output, options, message):
    called = call("shrink", MODEL, str(tmp_path / output), "--data", data, *options)
    assert called.code == 1 and message in called.err


@pytest.mark.usefixtures("unscored")
def test_model_is_not_shrunk_twice(call, data, tmp_path):
    call("shrink", MODEL, str(tmp_path / "small"))
    called = call("shrink", str(tmp_path / "small"), str(tmp_path / "smaller"), "--data", data)
    assert called.code == 1 and "was shrunk before" in called.err

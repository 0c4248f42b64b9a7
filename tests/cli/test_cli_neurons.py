"""`seqpipe neurons`: gates, units, files, and what can't be shown."""

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from seqpipe.cli._neurons import _write
from seqpipe.errors import NotFiniteError

MODEL = str(Path(__file__).parents[1] / "saved_models" / "text-classifier")
ROWS = "label,text\n" + "".join(
    f"sea,the gull near the reef {i}\nwood,an oak of the owl {i}\n" for i in range(6)
)


@pytest.fixture
def rows(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text(ROWS, encoding="utf-8")
    return str(file)


def test_gates_are_listed_by_cell(call):
    called = call("neurons", MODEL, "the gull near the reef", "--words", "2")
    lines = [line.split() for line in called.out.splitlines()]
    assert called.code == 0 and called.out.startswith("gates over 2 words of 5\n")
    names = [line[:3] for line in lines[2:]]
    assert names[0] == ["1.forward", "input", "2"] and names[-1][:2] == ["1.backward", "cell"]


def test_units_of_a_corpus_stand_beside_the_pipeline(call, rows):
    called = call("neurons", MODEL, "--corpus", rows, "--contexts", "1", "--unit", "1.forward.1")
    assert "accuracy on 6 of 12 texts" in called.out
    assert "1.forward.1 is highest at" in called.out and "[" in called.out.splitlines()[-1]


def test_corpus_is_drawn_from_if_it_is_large(call, rows):
    first, again = (
        call("neurons", MODEL, "--corpus", rows, "--texts", "8", "--seed", "3").out for _ in "ab"
    )
    assert "of 8 texts" in first and first == again


def test_text_comes_from_standard_input_and_goes_to_files(call, tmp_path, rows, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("wave oak\n"))
    page, numbers, folder = tmp_path / "n.html", tmp_path / "n.json", tmp_path / "drawings"
    files = ["--html", str(page), "--json", str(numbers), "--svg", str(folder)]
    called = call("neurons", MODEL, "-", "--corpus", rows, *files)
    assert f"page: {page}" in called.out and "wave" in page.read_text(encoding="utf-8")
    assert json.loads(numbers.read_text(encoding="utf-8"))["words"] == ["wave", "oak"]
    assert {"gates-1.forward.svg", "states.svg"} <= {path.name for path in folder.iterdir()}


def test_states_that_are_not_finite_are_no_numbers_of_json(tmp_path):
    found = SimpleNamespace(to_json=lambda: {"values": [float("nan")]})
    page, numbers = tmp_path / "n.html", tmp_path / "n.json"
    with pytest.raises(NotFiniteError, match="a gate or state of the model is NaN or infinite"):
        _write(found, MODEL, page, None, numbers)
    assert not page.exists() and not numbers.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "neither a text nor a corpus"),
        (["wave", "--unit", "17"], "there's no unit '17'"),
        (["--corpus", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_what_cannot_be_shown_is_said(call, options, message):
    called = call("neurons", MODEL, *options)
    assert called.code == 1 and message in called.err and called.out == ""


def test_corpus_of_empty_texts_is_an_error(call, tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text('label,text\nsea," "\nwood," "\n', encoding="utf-8")
    called = call("neurons", MODEL, "--corpus", str(file))
    assert called.code == 1 and called.err

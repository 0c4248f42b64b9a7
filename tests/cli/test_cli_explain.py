"""`seqpipe explain`: words with bars, pages, and what can't be explained."""

import io
import json
import sys
from pathlib import Path

import pytest

MODEL = str(Path(__file__).parents[1] / "saved_models" / "text-classifier")


def test_words_are_listed_with_all_their_places_together(call):
    called = call("explain", MODEL, "the gull near the reef", "--label", "sea")
    lines = called.out.splitlines()
    assert called.code == 0 and lines[0].startswith("sea   score 0.50")
    assert "they add up to" in lines[1]
    assert sorted(line.split("  ")[-1].strip() for line in lines[2:]) == [
        "gull",
        "near",
        "reef",
        "the ×2",
    ]


def test_other_words_are_summed_up(call):
    called = call(
        "explain", MODEL, "the gull near the reef", "--words", "1", "--method", "leave-one-out"
    )
    assert called.out.splitlines()[-1].endswith("3 other words")


def test_text_comes_from_standard_input_and_goes_to_files(call, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("wave oak\n"))
    page, numbers = tmp_path / "why.html", tmp_path / "why.json"
    called = call("explain", MODEL, "--html", str(page), "--json", str(numbers))
    assert f"page: {page}" in called.out and "wave" in page.read_text()
    assert json.loads(numbers.read_text())["words"] == ["wave", "oak"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--label", "see"], 'did you mean "sea"?'),
        (["--method", "magic"], "`method` is 'magic'"),
        (["--component", "ner"], "no component 'ner'"),
    ],
)
def test_what_cannot_be_explained_is_said(call, options, message):
    called = call("explain", MODEL, "wave", *options)
    assert called.code == 1 and message in called.err and called.out == ""


def test_help_has_examples(call):
    assert "--label bad --html why.html < review.txt" in call("explain", "--help").out

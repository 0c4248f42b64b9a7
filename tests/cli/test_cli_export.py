"""`seqpipe export`: the folder, what's said of it, and what's refused."""

import json
from pathlib import Path

SAVED = Path(__file__).parents[1] / "saved_models"


def test_folder_is_written_and_how_to_use_it_is_said(call, tmp_path):
    folder = tmp_path / "exported"
    called = call("export", str(SAVED / "several-labels"), str(folder))
    assert called.code == 0, called.err
    size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    assert called.out.splitlines() == [
        f"exported: {folder} ({size:.1f} MB)",
        f"use: python {folder / 'reader.py'} < texts.txt",
    ]
    assert {"model.onnx", "pipeline.json", "reader.py"} <= {file.name for file in folder.iterdir()}


def test_words_are_asked_for_where_the_reader_lacks_the_tokenizer(call, tmp_path):
    called = call("export", str(SAVED / "text-classifier"), str(tmp_path / "exported"))
    assert called.out.splitlines()[1].endswith(
        "reader.py < words.jsonl   (on each line a list of words)"
    )


def test_pipeline_that_cannot_be_exported_is_a_message(call, tmp_path):
    called = call("export", str(SAVED / "fasttext-classifier"), str(tmp_path / "exported"))
    assert called.code == 1 and "the component 'classifier'" in called.err
    assert not list(tmp_path.iterdir())


def test_other_formats_are_none(call, tmp_path):
    model = str(SAVED / "several-labels")
    assert call("export", model, str(tmp_path / "exported"), "--format", "pmml").code == 2


def test_help_has_examples(call):
    assert "seqpipe export runs/reviews/model-best exported" in call("export", "--help").out


def test_json_has_the_folder_and_its_size(call, tmp_path):
    folder = tmp_path / "exported"
    called = call("export", str(SAVED / "several-labels"), str(folder), "--json")
    size = sum(file.stat().st_size for file in folder.iterdir())
    told = {"folder": str(folder), "format": "onnx", "bytes": size, "input": "texts"}
    assert json.loads(called.out) == told

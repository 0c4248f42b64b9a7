"""`seqpipe evaluate`: on the model's own data, on files, beside another model."""

import json
from pathlib import Path

import pytest
import spacy

from seqpipe.run import run

PIPELINE = """
[data]
@readers = "seqpipe.Csv.v1"
path = "{path}"
text = "review"
label = "verdict"

[embedder]
@seqpipe_embedders = "seqpipe.FastText.v1"
width = 8
epochs = 3
min_count = 1
buckets = 50

[encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = 8

[head]
@seqpipe_heads = "seqpipe.TextClassifier.v1"

[wide]
@seqpipe_classifiers = "seqpipe.NGramClassifier.v1"

[training]
max_epochs = 2
eval_frequency = 1
"""


def write(file, texts):
    lines = [f"{text} {n},{label}" for n, (text, label) in enumerate(texts)]
    file.write_text("review,verdict\n" + "\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return the folder of a run, whose data is beside it."""
    folder = tmp_path_factory.mktemp("evaluated")
    write(folder / "reviews.csv", [("a fine film", "good"), ("a dull film", "bad")] * 30)
    file = folder / "pipeline.cfg"
    file.write_text(PIPELINE.format(path=(folder / "reviews.csv").as_posix()))
    run(file, output=folder / "run")
    return folder / "run"


@pytest.fixture
def model(trained):
    return str(trained / "model-best")


def test_own_test_part_gives_the_figures_of_the_run(call, model, trained, tmp_path):
    out = tmp_path / "found.json"
    called = call("evaluate", model, "--json", str(out))
    assert called.code == 0, called.err
    found, report = json.loads(out.read_text()), json.loads((trained / "report.json").read_text())
    (head,) = found["heads"].values()
    assert head["figures"]["accuracy"] == report["test"]["accuracy"]
    assert head["figures"]["confusion"] == report["test"]["confusion"]
    assert called.out.startswith("6 texts\n") and "accuracy" in called.out and "95 %" in called.out


def test_file_is_read_as_the_data_of_the_training_was(call, model, tmp_path):
    write(
        tmp_path / "new.csv", [("a fine film", "good"), ("a dull film", "good"), ("a film", "bad")]
    )
    page = tmp_path / "page.html"
    called = call("evaluate", model, str(tmp_path / "new.csv"), "--html", str(page))
    assert called.code == 0 and called.out.startswith("3 texts\n"), called.err
    assert "the worst mistakes:" in called.out and "new.csv:3: good → bad" in called.out
    assert "The worst mistakes" in page.read_text() and f"page: {page}" in called.out


def test_file_of_another_form_is_read_by_its_lines(call, model, tmp_path):
    rows = [{"text": "a fine film", "label": "good"}, {"text": "a dull film", "label": "bad"}] * 3
    file = tmp_path / "new.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert call("evaluate", model, str(file)).out.startswith("6 texts\n")


def test_pipeline_file_names_data(call, model, tmp_path):
    write(tmp_path / "new.csv", [("a fine film", "good"), ("a dull film", "bad")])
    file = tmp_path / "data.cfg"
    reader = '@readers = "seqpipe.Csv.v1"\npath = "new.csv"\ntext = "review"\nlabel = "verdict"\n'
    file.write_text(f"[data]\n{reader}".replace("new.csv", (tmp_path / "new.csv").as_posix()))
    assert call("evaluate", model, str(file)).out.startswith("2 texts\n")
    (tmp_path / "none.cfg").write_text("[head]\nx = 1\n")
    assert "names no reader" in call("evaluate", model, str(tmp_path / "none.cfg")).err


def test_comparison_with_itself_differs_by_nothing(call, model):
    called = call("evaluate", model, "--compare", model)
    assert "accuracy +0.0000   95 %: +0.0000 to +0.0000" in called.out
    assert "only the second about 0; McNemar's exact test: p = 1." in called.out


def test_run_leaves_a_page_with_curves(trained):
    page = (trained / "report.html").read_text()
    assert "<polyline" in page and "Confusion" in page and "run: the test part" in page


def test_model_that_names_no_data_needs_a_file(call, tmp_path):
    spacy.blank("en").to_disk(tmp_path / "blank")
    called = call("evaluate", str(tmp_path / "blank"))
    assert called.code == 1 and "has no test part of the data, none: name a file" in called.err


def test_data_without_truths_is_an_error(call, model, tmp_path):
    (tmp_path / "new.csv").write_text("review,other\na,b\n")
    called = call("evaluate", model, str(tmp_path / "new.csv"))
    assert called.code == 1 and 'there is no column "verdict"' in called.err


def test_help_has_examples(call):
    assert "--compare runs/other/model-best" in call("evaluate", "--help").out


def test_scores_of_classes_mix_head_and_wide_and_are_put_out_once(call, model, tmp_path):
    (tmp_path / "new.txt").write_text("a fine film\n")
    called = call("predict", model, str(tmp_path / "new.txt"))
    assert list(json.loads(called.out)) == ["text", "predicted_label", "predicted_score"]
    nlp = spacy.load(Path(model))
    assert json.loads(called.out)["predicted_score"] == pytest.approx(
        max(nlp("a fine film").cats.values()), abs=1e-6
    )

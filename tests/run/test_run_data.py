"""Runs on data of other shapes: several labels, files for each part, and rows that can't be used."""

import csv
import json
import random
from pathlib import Path

import pytest
import spacy
from confection import Config
from e2e.small_world import EMBEDDER, WORDS, make_text
from spacy.util import load_model_from_config, resolve_dot_names

from seqpipe.errors import DataError
from seqpipe.reporting import Progress, Reporter
from seqpipe.run import run

REST = f"""
{EMBEDDER}
[encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = 16

[head]
@seqpipe_heads = "seqpipe.TextClassifier.v1"
exclusive = true

[training]
max_epochs = 10

[training.optimizer]
@optimizers = "seqpipe.AdamW.v1"
learn_rate = 0.02
"""

#: A language without special cases, as building those of English takes several times as long.
QUICK = """
[pipeline]
lang = "xx"
"""

JSONL = """
[data]
@readers = "seqpipe.Jsonl.v1"
path = "rows.jsonl"
split = {"train": 0.6, "dev": 0.2, "test": 0.2}
"""

TABLES = """
[data]

[data.train]
@readers = "seqpipe.Csv.v1"
path = "train.csv"

[data.dev]
@readers = "seqpipe.Csv.v1"
path = "dev.tsv"

[data.test]
@readers = "seqpipe.Csv.v1"
path = "test.csv"
delimiter = ";"
text = ["title", "body"]
label = "class"
"""

NEVER_TRAINED = ["--training.max_steps", "1"]


class Recorder(Reporter):
    """Keeps what a run reports."""

    def __init__(self):
        self.stages: list[str] = []
        self.notes: list[str] = []
        self.reports: list[tuple[str, Progress]] = []

    def stage(self, name):
        self.stages.append(name)

    def progress(self, progress):
        self.reports.append((self.stages[-1], progress))

    def note(self, text):
        self.notes.append(text)


@pytest.fixture(autouse=True)
def _there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run_file(data, *overrides, reporter=None):
    file = Path("pipeline.cfg")
    file.write_text(QUICK + data + REST, encoding="utf-8")
    return run(file, overrides=overrides, output=Path("out"), reporter=reporter)


def labelled_texts(number, *, both=False):
    """Return texts of each class in turn, and of both if asked for."""
    chance = random.Random(number)
    choices = [[label] for label in WORDS] + ([list(WORDS)] if both else [])
    labels = [choices[i % len(choices)] for i in range(number)]
    return [(make_text(each, chance), each) for each in labels]


def write_jsonl(rows):
    lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
    Path("rows.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_table(path, header, rows, delimiter):
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *rows])


def test_texts_of_several_labels_get_several():
    write_jsonl(labelled_texts(90, both=True))
    result = run_file(JSONL, "--head.exclusive", "false")
    test = result.report["test"]
    assert test["confusion"] is None
    assert test["micro_f"] >= 0.8
    assert sum(score["texts"] for score in test["classes"].values()) == 18 / 3 * 4
    nlp = spacy.load(result.model)
    assert nlp.pipe_names == ["tok2vec", "textcat_multilabel"]
    both, sea = nlp.pipe(["gull oak wave moss sailor owl reef fern", "gull wave sailor reef the"])
    assert min(both.cats.values()) > 0.5
    assert sea.cats["sea"] > sea.cats["wood"] + 0.1


def test_row_of_two_labels_is_named_where_classes_are_exclusive():
    rows = labelled_texts(30)
    for place in range(16, 30):
        rows[place] = (rows[place][0], ["sea", "wood"])
    write_jsonl(rows)
    with pytest.raises(DataError) as error:
        run_file(JSONL, *NEVER_TRAINED)
    # The first in the file, in whichever part it is.
    for said in ("rows.jsonl:17", "sea, wood", "13 more rows", "exclusive = false"):
        assert said in str(error.value)
    assert not Path("out").exists()


def test_each_part_may_have_a_file_of_its_own():
    table = [(text, label) for text, (label,) in labelled_texts(60)]
    write_table("train.csv", ["text", "label"], table[:40], ",")
    write_table("dev.tsv", ["label", "text"], [(b, a) for a, b in table[40:50]], "\t")
    titled = [(a[:10], a[10:], b) for a, b in table[50:]]
    write_table("test.csv", ["title", "body", "class"], titled, ";")
    recorder = Recorder()
    result = run_file(TABLES, reporter=recorder)
    assert result.report["data"]["rows"] == {"train": 40, "dev": 10, "test": 10}
    assert result.report["test"]["accuracy"] >= 0.8
    assert "40 train, 10 dev, 10 test; 2 labels" in recorder.notes


def test_parts_without_a_file_are_split_off_the_training_rows():
    table = [(text, label) for text, (label,) in labelled_texts(50)]
    write_table("train.csv", ["text", "label"], table[:40], ",")
    write_table("test.csv", ["title", "body", "class"], [("", *row) for row in table[40:]], ";")
    data = TABLES.replace("[data]\n", '[data]\nsplit = {"train": 0.75, "dev": 0.25}\n')
    before, _, after = data.partition("[data.dev]")
    result = run_file(before + after[after.index("[data.test]") :], *NEVER_TRAINED)
    assert result.report["data"]["rows"] == {"train": 30, "dev": 10, "test": 10}


def test_without_a_test_part_nothing_is_evaluated_at_the_end():
    write_jsonl(labelled_texts(30))
    data = JSONL.replace('"dev": 0.2, "test": 0.2', '"dev": 0.4')
    recorder = Recorder()
    result = run_file(data, *NEVER_TRAINED, reporter=recorder)
    assert result.report["test"] == {}
    assert result.report["data"]["rows"] == {"train": 18, "dev": 12}
    assert spacy.load(result.model)("the gull").cats


def test_bad_row_is_an_error_that_names_file_and_line():
    write_jsonl(labelled_texts(30))
    with Path("rows.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"text": "a gull"}\n')
    with pytest.raises(DataError, match=r"rows\.jsonl:31"):
        run_file(JSONL)
    assert not Path("out").exists()


def test_bad_rows_are_skipped_if_asked_for_and_reported():
    write_jsonl(labelled_texts(30))
    with Path("rows.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"text": "a gull"}\nnot JSON\n{"text": " ", "label": "sea"}\n')
    recorder = Recorder()
    overrides = ["--data.on_bad_row", "skip", *NEVER_TRAINED]
    result = run_file(JSONL, *overrides, reporter=recorder)
    skipped = result.report["data"]["skipped"]
    assert [row.split(": ")[0] for row in skipped] == [f"rows.jsonl:{n}" for n in (31, 32, 33)]
    assert sum(result.report["data"]["rows"].values()) == 30
    assert any("rows.jsonl:31" in note for note in recorder.notes)


def test_class_with_one_row_is_named():
    write_jsonl([*labelled_texts(30), ("the lake of the swan", "lake")])
    with pytest.raises(DataError) as error:
        run_file(JSONL)
    for said in ('"lake"', "1 text", "rows.jsonl:31"):
        assert said in str(error.value)


def test_one_class_alone_is_nothing_to_tell_apart():
    write_jsonl([(text, "sea") for text, _ in labelled_texts(30)])
    with pytest.raises(DataError, match="two classes at least"):
        run_file(JSONL)


def test_class_that_only_the_test_part_has_is_scored_as_missed():
    table = [(text, label) for text, (label,) in labelled_texts(50)]
    write_table("train.csv", ["text", "label"], table[:40], ",")
    write_table("dev.tsv", ["label", "text"], [(b, a) for a, b in table[40:]], "\t")
    rows = [("the", "gull", "sea"), ("the", "swan", "lake")]
    write_table("test.csv", ["title", "body", "class"], rows, ";")
    result = run_file(TABLES)
    lake = result.report["test"]["classes"]["lake"]
    assert (lake["texts"], lake["recall"]) == (1, 0.0)


def test_second_run_in_a_process_reads_the_data_again():
    write_jsonl(labelled_texts(30))
    first = run_file(JSONL, *NEVER_TRAINED)
    kept = load_model_from_config(Config().from_disk(first.model / "config.cfg"))
    held = resolve_dot_names(kept.config.interpolate(), ["corpora.train"])[0]
    held.read(kept)
    write_jsonl(labelled_texts(40))
    second = run_file(JSONL, *NEVER_TRAINED)
    assert len(held.rows(kept)) == 18
    assert sum(second.report["data"]["rows"].values()) == 40


def test_reporter_is_told_every_stage_and_how_far_it_is():
    write_jsonl(labelled_texts(40))
    recorder = Recorder()
    result = run_file(JSONL, "--training.eval_frequency", "2", reporter=recorder)
    assert recorder.stages == list(result.report["timings"])[:-1]
    told = [progress for stage, progress in recorder.reports if stage == "training"]
    assert [p.fraction for p in told] == sorted(p.fraction for p in told)
    assert told[-1].fraction == 1
    assert told[-1].score == result.report["history"][-1]["score"]
    assert all(p.loss is not None and p.words_per_second for p in told)
    embedder = [progress for stage, progress in recorder.reports if stage == "embedder"]
    assert embedder[-1].fraction == 1

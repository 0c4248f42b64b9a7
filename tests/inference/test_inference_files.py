"""Predictions for files: whole or not at all, in parts that a later run goes on with, by one process or several."""

import csv
import datetime
import decimal
import io
import json
import os
import threading

import pyarrow
import pytest
from inference.conftest import TEXTS, Importing
from pyarrow import parquet

from seqpipe.errors import ConfigError, DataError, SavedModelError
from seqpipe.inference import Predictor, Reading, Records, predict_to_file, predict_to_stream


def nothing(_):
    pass


def to_file(predictor, path, output, **settings):
    records = Records([str(path)], Reading())
    return predict_to_file(
        predictor, records, output, **{"on_done": nothing, "on_kept": nothing, **settings}
    )


def lines_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def texts(tmp_path):
    """Return a file of 25 records, the eighth of which is bad."""
    file = tmp_path / "texts.jsonl"
    rows = [{"id": n, "text": f"{TEXTS[n % 4]} {n}"} for n in range(25)]
    rows[7]["text"] = ""
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_records_keep_order_and_columns_and_bad_ones_are_written_apart(predictor, texts, tmp_path):
    output = tmp_path / "out.jsonl"
    failed = to_file(predictor, texts, output, part_size=10)
    rows = lines_of(output)
    assert [row["id"] for row in rows] == [n for n in range(25) if n != 7]
    assert list(rows[0]) == ["id", "text", "predicted_label", "predicted_score"]
    assert rows[0]["predicted_label"] == predictor.predict([rows[0]])[0]["label"]
    assert failed == tmp_path / "out.jsonl.errors.jsonl"
    (bad,) = lines_of(failed)
    assert bad == {
        "place": f"{texts}:8",
        "id": 7,
        "reason": "its text is empty, or only white space",
        "record": {"id": 7, "text": ""},
    }
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "out.jsonl",
        "out.jsonl.errors.jsonl",
        "texts.jsonl",
    ]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_any_format_becomes_any_other(predictor, texts, tmp_path, suffix):
    output = tmp_path / f"out.{suffix}"
    to_file(predictor, texts, output, part_size=10, format=suffix)
    expected = tmp_path / "out.jsonl"
    to_file(predictor, texts, expected)
    if suffix == "parquet":
        found = parquet.read_table(output).to_pylist()
    else:
        reader = csv.DictReader(
            io.StringIO(output.read_text()), delimiter={"csv": ",", "tsv": "\t"}[suffix]
        )
        found = [
            {**row, "id": int(row["id"]), "predicted_score": float(row["predicted_score"])}
            for row in reader
        ]
    assert found == lines_of(expected)
    back = tmp_path / "back.jsonl"
    to_file(predictor, output, back, format="jsonl")
    assert [row["predicted_label"] for row in lines_of(back)] == [
        row["predicted_label"] for row in found
    ]


def test_lists_are_json_in_cells(classifier, texts, tmp_path):
    to_file(Predictor(classifier, top=2), texts, tmp_path / "out.csv", format="csv")
    with (tmp_path / "out.csv").open() as file:
        row = next(csv.DictReader(file))
    assert len(json.loads(row["predicted_labels"])) == len(json.loads(row["predicted_scores"])) == 2


def test_record_with_more_columns_than_a_table_has_fails(predictor, tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text('{"text": "wave"}\n{"text": "oak", "note": "x"}\n')
    failed = to_file(predictor, file, tmp_path / "a.csv", format="csv")
    (bad,) = lines_of(failed)
    assert bad["reason"].startswith("it has note, which the first record lacks")


@pytest.mark.parametrize("part_size", [1, 100])
def test_column_of_several_types_becomes_text_in_parquet(predictor, tmp_path, part_size):
    file = tmp_path / "a.jsonl"
    rows = [
        {"text": "wave", "n": 1, "m": 1, "none": None},
        {"text": "oak", "n": "x", "m": 2.5, "none": None},
        {"text": "tide", "n": [2], "m": None, "none": None},
        {"text": "owl", "n": 10**30, "m": 3, "none": None},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    output = tmp_path / "a.parquet"
    assert to_file(predictor, file, output, format="parquet", part_size=part_size) is None
    found = parquet.read_table(output).to_pylist()
    assert [row["n"] for row in found] == ["1", "x", "[2]", "1" + "0" * 30]
    assert [row["m"] for row in found] == [1.0, 2.5, None, 3.0]


def test_part_in_which_all_records_fail_leaves_the_types_of_the_others(predictor, tmp_path):
    file = tmp_path / "a.jsonl"
    rows = [{"text": "wave", "n": 1}, {"text": "", "n": 2}, {"text": "oak", "n": 3}]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    to_file(predictor, file, tmp_path / "a.parquet", format="parquet", part_size=1)
    types = {field.name: str(field.type) for field in parquet.read_schema(tmp_path / "a.parquet")}
    assert (types["n"], types["predicted_score"]) == ("int64", "double")


@pytest.mark.parametrize("value", ["\ud800", {}, [{}], 2**60 + 1, 10**40, [1, "x"]])
@pytest.mark.parametrize("part_size", [1, 100])
def test_value_that_parquet_has_no_form_for_stops_nothing(predictor, tmp_path, value, part_size):
    file = tmp_path / "a.jsonl"
    rows = [{"text": "wave", "x": value}, {"text": "oak", "x": 1.5}, {"text": "tide", "x": None}]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    to_file(predictor, file, tmp_path / "a.parquet", format="parquet", part_size=part_size)
    assert parquet.read_table(tmp_path / "a.parquet").num_rows == 3


def test_cells_of_csv_are_read_as_they_were_written(predictor, tmp_path):
    rows = [{"text": text} for text in ("a\rb", "a\nb", "a\r\nb", 'say "it"', "a,b", " a ")]
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    to_file(predictor, file, tmp_path / "a.csv", format="csv")
    with (tmp_path / "a.csv").open(newline="") as written:
        assert [row["text"] for row in csv.DictReader(written)] == [row["text"] for row in rows]


def test_table_without_quotes_is_written_without_and_what_needs_them_fails(classifier, tmp_path):
    file = tmp_path / "a.tsv"
    file.write_text('id\ttext\n1\tsay "wave" oak\n')
    records = Records([str(file)], Reading(quote=None))
    out = io.BytesIO()
    predict_to_stream(Predictor(classifier), records, out, on_done=nothing)
    assert out.getvalue().decode().splitlines()[1].startswith('1\tsay "wave" oak\t')


def test_dates_and_decimals_are_cells_without_quotes(predictor, tmp_path):
    row = {
        "text": "wave",
        "day": datetime.date(2020, 1, 2),
        "price": decimal.Decimal("1.50"),
        "list": [1, 2],
        "is": True,
    }
    parquet.write_table(pyarrow.Table.from_pylist([row]), tmp_path / "a.parquet")
    to_file(predictor, tmp_path / "a.parquet", tmp_path / "a.csv", format="csv")
    with (tmp_path / "a.csv").open(newline="") as written:
        (found,) = csv.DictReader(written)
    assert (found["day"], found["price"], found["list"], found["is"]) == (
        "2020-01-02",
        "1.50",
        "[1, 2]",
        "true",
    )


def test_file_without_records_becomes_one_without(predictor, tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("id,text\n")
    to_file(predictor, file, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "id,text,predicted_label,predicted_score\n"
    to_file(predictor, file, tmp_path / "out.parquet", format="parquet")
    assert parquet.read_table(tmp_path / "out.parquet").num_rows == 0


def test_output_that_is_there_is_not_replaced_unasked(predictor, texts, tmp_path):
    output = tmp_path / "out.jsonl"
    output.write_text("mine")
    with pytest.raises(DataError, match="and whole: name another output, or add --overwrite"):
        to_file(predictor, texts, output)
    assert output.read_text() == "mine"
    to_file(predictor, texts, output, overwrite=True)
    assert len(lines_of(output)) == 24


# What was stopped goes on.


class StopError(Exception):
    pass


def stopped_after(batches):
    """Return what stops a job once so many batches are done."""
    left = [batches]

    def on_done(done):
        left[0] -= 1
        if not left[0]:
            raise StopError

    return on_done


@pytest.mark.parametrize("is_folder", [False, True])
def test_what_was_stopped_goes_on_and_gives_the_same(predictor, texts, tmp_path, is_folder):
    whole, output = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    to_file(predictor, texts, whole, part_size=10)
    settings = {"part_size": 10, "is_folder": is_folder}
    with pytest.raises(StopError):
        to_file(predictor, texts, output, on_done=stopped_after(3), **settings)
    folder = output if is_folder else tmp_path / "out.jsonl.parts"
    parts = sorted(folder.glob("part-*"))
    assert len(parts) == 2 and not (output.exists() and not is_folder)
    before = parts[0].stat().st_mtime_ns
    with pytest.raises(DataError, match="add --resume to go on with them"):
        to_file(predictor, texts, output, **settings)
    kept = []
    failed = to_file(predictor, texts, output, resume=True, on_kept=kept.append, **settings)
    assert kept == [10, 10]
    found = sorted(folder.glob("part-*")) if is_folder else [output]
    assert "".join(file.read_text() for file in found) == whole.read_text()
    assert [bad["id"] for bad in lines_of(failed)] == [7]
    if is_folder:
        assert found[0].stat().st_mtime_ns == before
    else:
        assert not folder.exists()


def test_resuming_a_folder_that_is_complete_does_nothing_and_another_job_is_refused(
    predictor, classifier, texts, tmp_path
):
    folder = tmp_path / "out"
    to_file(predictor, texts, folder, is_folder=True)
    before = {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
    to_file(predictor, texts, folder, is_folder=True, resume=True, on_done=stopped_after(1))
    assert before == {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
    with pytest.raises(DataError, match="`wanted` differs"):
        to_file(Predictor(classifier, top=2), texts, folder, is_folder=True, resume=True)


def test_resuming_a_file_that_is_whole_is_refused_as_nothing_says_what_it_is_of(
    predictor, texts, tmp_path
):
    output = tmp_path / "out.jsonl"
    to_file(predictor, texts, output)
    with pytest.raises(DataError, match="is there already, and whole"):
        to_file(predictor, texts, output, resume=True)


@pytest.mark.parametrize("overwrite", [True, False])
def test_what_a_job_left_that_was_killed_before_its_first_part_is_cleared_away(
    predictor, texts, tmp_path, overwrite
):
    output, folder = tmp_path / "out.jsonl", tmp_path / "out.jsonl.parts"
    with pytest.raises(StopError):
        to_file(predictor, texts, output, on_done=stopped_after(1))
    assert [file.name for file in folder.iterdir()] == ["job.json"]
    (folder / ".part-00000.jsonl.seqpipe-part-ab").write_text("half")
    to_file(predictor, texts, output, overwrite=overwrite)
    assert len(lines_of(output)) == 24 and not folder.exists()


@pytest.mark.parametrize(
    "name", ["part-00000.jsonl", "part-r-1.csv", "job.json", "errors-1.jsonl", "part-a/b"]
)
@pytest.mark.parametrize("settings", [{}, {"overwrite": True}, {"resume": True}])
def test_files_of_others_that_are_called_alike_are_left_alone(
    predictor, texts, tmp_path, name, settings
):
    theirs = tmp_path / "out" / name
    theirs.parent.mkdir(parents=True)
    theirs.write_text('{"text": "wave"}\n')
    with pytest.raises(DataError, match="with other things than predictions in it"):
        to_file(predictor, texts, tmp_path / "out", is_folder=True, **settings)
    assert theirs.read_text() == '{"text": "wave"}\n'


def test_folder_that_is_read_is_not_written(predictor, texts, tmp_path):
    folder = tmp_path / "out"
    to_file(predictor, texts, folder, is_folder=True, part_size=10)
    before = sorted(file.read_bytes() for file in folder.iterdir())
    with pytest.raises(DataError, match="would be read as well as written"):
        to_file(predictor, folder, folder, is_folder=True, overwrite=True)
    assert before == sorted(file.read_bytes() for file in folder.iterdir())


def test_overwriting_goes_before_going_on_where_there_is_nothing_to_go_on_with(
    predictor, texts, tmp_path
):
    output = tmp_path / "out.jsonl"
    output.write_text("old\n")
    to_file(predictor, texts, output, overwrite=True, resume=True)
    assert len(lines_of(output)) == 24


def test_going_on_needs_the_same_file_of_errors(predictor, texts, tmp_path):
    mine = tmp_path / "mine"
    mine.write_text("mine")
    with pytest.raises(StopError):
        to_file(predictor, texts, tmp_path / "out.jsonl", part_size=10, on_done=stopped_after(2))
    with pytest.raises(DataError, match="`errors` differs"):
        to_file(predictor, texts, tmp_path / "out.jsonl", part_size=10, resume=True, errors=mine)
    assert mine.read_text() == "mine"


def test_output_and_errors_are_two_files(predictor, texts, tmp_path):
    with pytest.raises(DataError, match="is named for what's predicted and for what failed"):
        to_file(predictor, texts, tmp_path / "a.jsonl", errors=tmp_path / "a.jsonl")


def test_errors_of_a_try_that_ended_are_not_those_of_the_next(predictor, texts, tmp_path):
    folder = tmp_path / "out"
    with pytest.raises(StopError):
        to_file(predictor, texts, folder, is_folder=True, part_size=10, on_done=stopped_after(2))
    (folder / "errors-00001.jsonl").write_text("stale\n")
    failed = to_file(predictor, texts, folder, is_folder=True, part_size=10, resume=True)
    assert len(lines_of(failed)) == 1


def test_file_of_errors_that_is_there_is_kept(predictor, texts, tmp_path):
    mine = tmp_path / "mine"
    mine.write_text("mine")
    with pytest.raises(DataError, match="where records that fail are written, is there already"):
        to_file(predictor, texts, tmp_path / "out.jsonl", errors=mine)
    assert mine.read_text() == "mine"
    to_file(predictor, texts, tmp_path / "out.jsonl", errors=mine, overwrite=True)
    assert len(lines_of(mine)) == 1


def test_named_file_of_errors_is_empty_if_nothing_failed(predictor, tmp_path):
    (tmp_path / "a.txt").write_text("wave\n")
    errors = tmp_path / "errors"
    assert to_file(predictor, tmp_path / "a.txt", tmp_path / "out.jsonl", errors=errors) is None
    assert errors.read_text() == ""


def test_what_is_written_is_not_read(predictor, texts, tmp_path):
    before = texts.read_text()
    with pytest.raises(DataError, match="would be read as well as written"):
        to_file(predictor, texts, texts, overwrite=True)
    assert texts.read_text() == before
    to_file(predictor, texts, tmp_path / "out.jsonl")
    with pytest.raises(DataError, match="would be read as well as written"):
        to_file(predictor, tmp_path, tmp_path / "out.jsonl", overwrite=True)


def test_folder_of_predictions_can_be_read_again_without_its_errors(predictor, texts, tmp_path):
    to_file(predictor, texts, tmp_path / "out", is_folder=True, part_size=10)
    assert (tmp_path / "out" / "_errors.jsonl").exists()
    to_file(predictor, tmp_path / "out", tmp_path / "again.jsonl")
    assert len(lines_of(tmp_path / "again.jsonl")) == 24


def test_parts_of_another_job_are_not_gone_on_with(predictor, classifier, texts, tmp_path):
    output = tmp_path / "out.jsonl"
    with pytest.raises(StopError):
        to_file(predictor, texts, output, part_size=10, on_done=stopped_after(2))
    other = Predictor(classifier, top=2)
    with pytest.raises(DataError, match="parts of other predictions: `wanted` differs"):
        to_file(other, texts, output, part_size=10, resume=True)
    with pytest.raises(DataError, match="--part-size differs"):
        to_file(predictor, texts, output, part_size=11, resume=True)
    os.utime(texts, ns=(1, 1))
    with pytest.raises(DataError, match="the files differs"):
        to_file(predictor, texts, output, part_size=10, resume=True)
    to_file(other, texts, output, part_size=10, overwrite=True)
    assert "predicted_labels" in lines_of(output)[0]


def test_folder_with_other_things_in_it_is_left_alone(predictor, texts, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="with other things than predictions in it"):
        to_file(predictor, texts, folder, is_folder=True, overwrite=True)
    assert [p.name for p in folder.iterdir()] == ["mine.txt"]


# Streams.


def test_each_line_of_a_stream_is_answered_before_the_next_one_comes(predictor):
    reading, writing = os.pipe()
    answers, out = os.pipe()
    with (
        os.fdopen(reading, "rb") as source,
        os.fdopen(out, "wb") as sink,
        os.fdopen(answers) as answered,
    ):
        records = Records(["-"], Reading(), source)
        thread = threading.Thread(
            target=lambda: predict_to_stream(predictor, records, sink, on_done=nothing)
        )
        thread.start()
        for text in TEXTS:
            os.write(writing, f"{text}\n".encode())
            assert json.loads(answered.readline())["text"] == text
        os.close(writing)
        thread.join(30)
        assert not thread.is_alive()


@pytest.mark.slow
def test_several_processes_answer_each_line_too(predictor):
    reading, writing = os.pipe()
    answers, out = os.pipe()
    with (
        os.fdopen(reading, "rb") as source,
        os.fdopen(out, "wb") as sink,
        os.fdopen(answers) as answered,
    ):
        records = Records(["-"], Reading("lines"), source)
        given = {"workers": 2, "on_done": nothing}
        thread = threading.Thread(
            target=predict_to_stream, args=(predictor, records, sink), kwargs=given
        )
        thread.start()
        for text in TEXTS:
            os.write(writing, f"{text}\n".encode())
            assert json.loads(answered.readline())["text"] == text
        os.close(writing)
        thread.join(30)
        assert not thread.is_alive()


@pytest.mark.slow
def test_process_that_dies_of_loading_the_model_blames_no_record(make_deadly, tmp_path):
    (tmp_path / "a.txt").write_text("wave\n" * 5)
    with pytest.raises(SavedModelError, match="or while it loads the model"):
        to_file(DiesOfLoading(make_deadly), tmp_path / "a.txt", tmp_path / "out.jsonl", workers=2)


class DiesOfLoading(Importing):
    """A predictor whose process ends when another one than this test's loads the model."""

    def __getstate__(self):
        return {**super().__getstate__(), "loading": os.getpid()}

    @property
    def schema(self):
        if self.__dict__.get("loading") not in (None, os.getpid()):
            os._exit(9)
        return super().schema

    def predict(self, records):
        _ = self.schema
        return super().predict(records)


def test_stream_cannot_be_parquet_nor_gone_on_with(predictor, texts, tmp_path):
    with pytest.raises(ConfigError, match="Parquet can't be written to a stream"):
        records = Records([str(texts)], Reading())
        predict_to_stream(predictor, records, io.BytesIO(), format="parquet", on_done=nothing)
    with pytest.raises(ConfigError, match="--resume needs files"):
        records = Records(["-"], Reading(), io.BytesIO(b""))
        predict_to_file(
            predictor, records, tmp_path / "x.jsonl", resume=True, on_done=nothing, on_kept=nothing
        )


def test_error_in_reading_a_stream_comes_after_what_was_read(predictor):
    class Breaking(io.RawIOBase):
        def __init__(self):
            self.lines = [b"wave\n", b"oak\n"]

        def readable(self):
            return True

        def readinto(self, buffer):
            if not self.lines:
                raise OSError("the line is dead")
            line = self.lines.pop(0)
            buffer[: len(line)] = line
            return len(line)

    out = io.BytesIO()
    records = Records(["-"], Reading("lines"), io.BufferedReader(Breaking()))
    with pytest.raises(DataError, match="stdin can't be read past line 2: the line is dead"):
        predict_to_stream(predictor, records, out, on_done=nothing)
    assert out.getvalue().count(b"\n") == 2


# Several processes.


@pytest.mark.slow
def test_two_processes_write_what_one_writes(predictor, tmp_path):
    file = tmp_path / "texts.txt"
    file.write_text("".join(f"{TEXTS[n % 4]} {n}\n" if n % 100 else "\0\n" for n in range(3000)))
    for workers in (1, 2):
        to_file(predictor, file, tmp_path / f"{workers}.jsonl", workers=workers, part_size=700)
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()
    assert len(lines_of(tmp_path / "2.jsonl.errors.jsonl")) == 30


@pytest.mark.slow
def test_record_that_ends_its_process_is_named_and_left_out(make_deadly, tmp_path):
    file = tmp_path / "texts.jsonl"
    mark = tmp_path / "mark"
    texts = [f"wave {n}" for n in range(600)]
    texts[400], texts[100] = "die", f"once {mark}"
    rows = [{"id": n, "text": text} for n, text in enumerate(texts)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    output = tmp_path / "out.jsonl"
    failed = to_file(Importing(make_deadly), file, output, workers=2)
    assert mark.exists()
    assert [row["id"] for row in lines_of(output)] == [n for n in range(600) if n != 400]
    (bad,) = lines_of(failed)
    assert (bad["id"], bad["place"]) == (400, f"{file}:401")
    assert bad["reason"] == "it ended the process that predicted for it, 2 times"


@pytest.mark.slow
def test_process_that_dies_before_it_has_begun_is_not_started_for_ever(make_deadly, tmp_path):
    (tmp_path / "a.txt").write_text("wave\n" * 5)
    with pytest.raises(SavedModelError, match="ends before it has begun"):
        to_file(DiesOfComing(make_deadly), tmp_path / "a.txt", tmp_path / "out.jsonl", workers=2)


class DiesOfComing(Importing):
    """A predictor that ends the process that it comes to."""

    def __setstate__(self, state):
        os._exit(9)

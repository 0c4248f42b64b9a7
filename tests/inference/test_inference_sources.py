"""Records out of files: with all their columns, and what's wrong with those that can't be read."""

import gzip
import io
import json

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from seqpipe.errors import ConfigError, DataError
from seqpipe.inference import Reading
from seqpipe.inference._sources import Input, input_files
from seqpipe.parts.readers import parse_table, stream_table


def read(path, **settings):
    return list(Input(str(path), Reading(**settings)).items())


def records(path, **settings):
    return [item.record for item in read(path, **settings)]


def test_lines_are_texts_and_blank_ones_are_passed_over(tmp_path):
    file = tmp_path / "a.txt"
    file.write_bytes("\ufeffone\r\n\n two\u2028three \n".encode())
    items = read(file)
    assert [item.record for item in items] == ["one", " two\u2028three "]
    assert [item.place for item in items] == [f"{file}:1", f"{file}:3"]


def test_objects_keep_all_their_keys(tmp_path):
    rows = [{"id": 1, "text": "ä", "more": {"deep": [1, None]}}, {"text": "b"}]
    file = tmp_path / "a.jsonl"
    file.write_text("\n\n".join(map(json.dumps, rows)))
    assert records(file) == rows
    with gzip.open(tmp_path / "a.jsonl.gz", "wt") as packed:
        packed.write(file.read_text())
    assert records(tmp_path / "a.jsonl.gz") == rows


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"text": "a"', "it isn't JSON"),
        ('["a"]', "it's JSON, and no object"),
        ("[" * 100_000, "it isn't JSON"),
        ('{"n": ' + "9" * 5000 + "}", "it isn't JSON"),
    ],
)
def test_line_that_is_no_object_is_a_problem_with_its_place(tmp_path, line, problem):
    file = tmp_path / "a.jsonl"
    file.write_text(f'{{"text": "one"}}\n{line}\n{{"text": "three"}}\n')
    good, bad, last = read(file)
    assert (good.problem, last.problem, bad.record) == ("", "", line)
    assert bad.problem.startswith(problem) and bad.place == f"{file}:2"


def test_byte_of_another_encoding_spoils_its_record_alone(tmp_path):
    file = tmp_path / "a.csv"
    file.write_bytes("id,text\n1,café\n".encode() + "2,café\n".encode("cp1252") + b"3,x\n")
    first, second, third = read(file)
    assert first.record == {"id": "1", "text": "café"} and third.record["id"] == "3"
    assert second.problem.startswith("the byte 0xE9 isn't of the encoding utf-8")
    assert records(file, encoding="cp1252")[1] == {"id": "2", "text": "café"}


def test_wide_encoding_is_read(tmp_path):
    file = tmp_path / "a.csv"
    file.write_bytes("text\nä\n".encode("utf-16"))
    assert records(file, encoding="utf-16") == [{"text": "ä"}]


def test_table_without_header_has_numbers_for_names(tmp_path):
    file = tmp_path / "a.tsv"
    file.write_text('x\t"a"\ny\tb\n')
    assert records(file, header=False, quote=None) == [{"1": "x", "2": '"a"'}, {"1": "y", "2": "b"}]


def test_row_of_another_length_is_a_problem(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("id,text\n1,a,b\n2,c\n")
    bad, good = read(file)
    assert bad.problem == "it has 3 cells where the header has 2" and good.record["text"] == "c"


def test_table_with_two_columns_of_one_name_is_an_error(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("text,text\na,b\n")
    with pytest.raises(DataError, match="two columns that are called 'text'"):
        read(file)


def test_parquet_rows_keep_their_columns(tmp_path):
    rows = [{"id": 1, "text": "a", "l": [1, 2]}, {"id": 2, "text": None, "l": []}]
    file = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(rows), file)
    assert records(file) == rows


def test_unknown_file_is_told_by_its_first_line(tmp_path):
    for name, text, expected in (
        ("a.data", '{"text": "x"}\n', [{"text": "x"}]),
        ("b.data", "x\ny", ["x", "y"]),
        ("c.data", "", []),
    ):
        (tmp_path / name).write_text(text)
        assert records(tmp_path / name) == expected


def test_standard_input_is_told_by_its_first_line():
    for data, expected in (
        (b'{"text": "x"}\n{"text": "y"}\n', [{"text": "x"}, {"text": "y"}]),
        (b"x\ny\n", ["x", "y"]),
    ):
        source = Input("-", Reading(), io.BufferedReader(io.BytesIO(data)))
        assert [item.record for item in source.items()] == expected


def test_damaged_compressed_file_is_an_error_after_what_can_be_read(tmp_path):
    file = tmp_path / "a.txt.gz"
    with gzip.open(file, "wt") as packed:
        packed.write("\n".join(f"text {number * 7919}" for number in range(20_000)))
    file.write_bytes(file.read_bytes()[:-4000])
    found = []
    with pytest.raises(DataError, match="can't be read past line"):
        for item in Input(str(file), Reading()).items():
            found.append(item)
    assert len(found) > 1000


def test_folders_and_patterns_are_files_in_their_order(tmp_path):
    for name in ("b.csv", "a.jsonl", "c.png"):
        (tmp_path / name).write_text("text\nx\n")
    assert input_files([str(tmp_path), "-"]) == [
        str(tmp_path / "a.jsonl"),
        str(tmp_path / "b.csv"),
        "-",
    ]
    with pytest.raises(DataError, match="nowhere"):
        input_files([str(tmp_path / "nowhere.csv")])


@pytest.mark.parametrize("setting", [{"delimiter": ",,"}, {"quote": "\n"}, {"encoding": "utf-9"}])
def test_reading_that_cannot_be_is_an_error(setting):
    with pytest.raises(ConfigError, match=next(iter(setting))):
        Reading(**setting)


@given(st.text(alphabet='ab,"\n\r', max_size=40), st.sampled_from(['"', None]))
def test_rows_that_come_as_a_stream_are_those_of_the_whole_table(text, quote):
    lines = list(io.StringIO(text, newline=""))
    whole = parse_table(lines, delimiter=",", quote=quote)
    streamed = list(stream_table(iter(lines), delimiter=",", quote=quote))
    assert [(r.line, r.cells, str(r.problem)) for r in streamed] == [
        (r.line, r.cells, str(r.problem)) for r in whole
    ]

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers import Csv, ReadResult, Row
from seqpipe.parts.readers._table import parse_table


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(content: str | bytes, *, name: str = "rows.csv", **settings) -> ReadResult:
    data = content if isinstance(content, bytes) else content.encode()
    Path(name).write_bytes(data)
    return Csv(name, **settings).read()


def pairs(result: ReadResult) -> list[tuple[str, tuple[str, ...]]]:
    return [(row.text, row.labels) for row in result.rows]


def message_of(content: str | bytes, **settings) -> str:
    with pytest.raises(DataError) as caught:
        read(content, **settings)
    return str(caught.value)


def test_rows_know_the_physical_line_they_start_on() -> None:
    result = read('\n text ,label\n"two\r\nlines",a\n\n   \none, b \n')
    assert result.rows == (
        Row("two\nlines", ("a",), "rows.csv:3"),
        Row("one", ("b",), "rows.csv:7"),
    )


def test_the_delimiter_follows_from_the_suffix() -> None:
    assert pairs(read("text\tlabel\na, b\tc\n", name="x.tsv")) == [("a, b", ("c",))]
    assert pairs(read(gzip.compress(b"text,label\na,c\n"), name="x.CSV.gz")) == [("a", ("c",))]
    assert pairs(read("text;label\na;c\n", name="x.txt", delimiter=";")) == [("a", ("c",))]
    with pytest.raises(ConfigError, match=r"x\.txt ends in neither"):
        Csv("x.txt")


def test_columns_are_chosen_by_name_or_number() -> None:
    content = "id,topic,title,body\n1,a,head,text\n2,b,,only text\n"
    expected = [("head text", ("a",)), ("only text", ("b",))]
    assert pairs(read(content, text=["title", "body"], label="topic")) == expected
    assert pairs(read(content, text=[3, "body"], label=2)) == expected


def test_without_a_header_columns_go_by_number() -> None:
    result = read("a,one\nb,two\n", header=False, text=2, label=1)
    assert pairs(result) == [("one", ("a",)), ("two", ("b",))]
    assert result.rows[0].source == "rows.csv:1"
    with pytest.raises(ConfigError, match='no column is named "text"'):
        Csv("rows.csv", header=False)


def test_a_table_without_quotes_keeps_them_in_its_texts() -> None:
    content = 'text\tlabel\n"he said\ta\nit\'s 5" long\tb\n'
    result = read(content, name="x.tsv", quote=None)
    assert pairs(result) == [('"he said', ("a",)), ("it's 5\" long", ("b",))]


def test_one_cell_may_hold_several_labels() -> None:
    result = read("text,label\nx,a| b |a|\ny,c\n", label_separator="|")
    assert pairs(result) == [("x", ("a", "b")), ("y", ("c",))]
    assert "label is empty" in message_of("text,label\nx, | \n", label_separator="|")


def test_a_byte_order_mark_is_no_part_of_the_first_column_name() -> None:
    assert pairs(read(b"\xef\xbb\xbftext,label\nx,a\n")) == [("x", ("a",))]


def test_a_missing_column_names_those_there_and_the_nearest() -> None:
    message = message_of("id,Text,topic\n1,x,a\n", on_bad_row="skip")
    assert 'rows.csv:1: there is no column "text"' in message
    assert '"id", "Text", "topic"' in message and 'did you mean "Text"?' in message
    assert "no column 4, only 3" in message_of("a,b,c\n1,x,a\n", text=4, label=1)


def test_two_columns_of_the_name_asked_for_are_an_error() -> None:
    content = "text,label,text\nx,a,y\n"
    assert '2 columns are named "text"' in message_of(content)
    assert pairs(read(content, text=3)) == [("y", ("a",))]


def test_text_and_label_from_one_column_is_an_error() -> None:
    assert "text and as label" in message_of("text,label\nx,a\n", text=["text", 2])


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("x", "1 cells where the header has 2"),
        ("x,a,b", "3 cells where the header has 2"),
        (" ,a", "text is empty"),
        ("x,", "label is empty"),
        ("x\0y,a", "NUL"),
        ('"x"y,a', "closing quote"),
        ('"x,a', "never closed"),
    ],
)
def test_a_bad_row_is_an_error_with_its_line_or_skipped(row: str, problem: str) -> None:
    content = f'text,label\n"good\nrow",a\n{row}\n'
    message = message_of(content)
    assert message.startswith("rows.csv:4: ") and problem in message
    result = read(content, on_bad_row="skip")
    assert [text for text, _ in pairs(result)] == ["good\nrow"]
    assert [bad.source for bad in result.skipped] == ["rows.csv:4"]
    assert problem in result.skipped[0].problem


def test_a_quote_left_open_takes_only_its_own_line_with_it() -> None:
    result = read('text,label\n"open,a\n"one",b\ntwo,c\n"last,d\nthree,e\n', on_bad_row="skip")
    assert [text for text, _ in pairs(result)] == ["one", "two", "three"]
    assert [bad.source for bad in result.skipped] == ["rows.csv:2", "rows.csv:5"]


def test_a_byte_of_another_encoding_spoils_its_row_only() -> None:
    content = b"text,label\nfine,a\n\xa35,b\ngood,c\n"
    assert "rows.csv:3: the byte 0xA3" in message_of(content)
    result = read(content, on_bad_row="skip")
    assert [text for text, _ in pairs(result)] == ["fine", "good"]
    assert pairs(read(content, encoding="cp1252"))[1] == ("£5", ("b",))


def test_a_file_that_cannot_be_decoded_at_all_is_an_error() -> None:
    data = "text,label\nx,a\n".encode("utf-16") + b"\x00"
    message = message_of(data, encoding="utf-16", on_bad_row="skip")
    assert "rows.csv" in message and "byte offset" in message


@pytest.fixture
def small_limit() -> Iterator[int]:
    before = csv.field_size_limit(10)
    yield 10
    csv.field_size_limit(before)


def test_a_cell_may_be_longer_than_the_limit_of_csv_and_the_limit_stays(small_limit: int) -> None:
    long = "x" * (small_limit + 1)
    assert pairs(read(f"text,label\n{long},a\n")) == [(long, ("a",))]
    assert csv.field_size_limit() == small_limit


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_kind_of_line_end_ends_a_row(end: str) -> None:
    result = read(f'text,label{end}"two{end}lines",a{end}{end}one,b')
    assert pairs(result) == [("two\nlines", ("a",)), ("one", ("b",))]
    assert [row.source for row in result.rows] == ["rows.csv:2", "rows.csv:5"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("text,label\n", "holds no rows"),
        ('"text,label\n', "never closed"),
        (b"text,label\xa3\nx,a\n", "0xA3"),
        ("text,label\nx,\n", "none of its 1 rows"),
    ],
)
def test_what_leaves_no_rows_is_an_error_under_skip_too(content, problem: str) -> None:
    message = message_of(content, on_bad_row="skip")
    assert "rows.csv" in message and problem in message


def test_a_file_that_is_missing_or_no_file_is_an_error() -> None:
    Path("folder.csv").mkdir()
    with pytest.raises(DataError, match=r"folder\.csv is a folder"):
        Csv("folder.csv").read()
    with pytest.raises(DataError, match=r"gone\.csv isn't there"):
        Csv("gone.csv").read()


def test_a_file_that_may_not_be_read_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_(self: Path, mode: str = "r") -> None:
        raise PermissionError(13, "Permission denied", str(self))

    Path("rows.csv").write_text("text,label\nx,a\n")
    monkeypatch.setattr(Path, "open", open_)
    with pytest.raises(DataError, match=r"it can't be read: Permission denied$"):
        Csv("rows.csv").read()


@pytest.mark.parametrize(
    "settings",
    [
        {"text": 0},
        {"label": -1},
        {"text": True},
        {"text": []},
        {"delimiter": "||"},
        {"delimiter": "\n"},
        {"quote": ""},
        {"quote": ","},
        {"label_separator": ""},
    ],
)
def test_settings_that_cannot_be_used_are_refused_before_reading(settings) -> None:
    with pytest.raises(ConfigError):
        Csv("rows.csv", **settings)


CELL = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)


@given(
    rows=st.lists(st.lists(CELL, min_size=2, max_size=3), max_size=5),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_parsing_is_the_inverse_of_writing(rows: list[list[str]], end: str) -> None:
    lines: list[str] = []
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) + end for row in rows]
    starts = []
    for text in quoted:
        starts.append(len(lines) + 1)
        lines += physical_lines(text)
    parsed = parse_table(lines, delimiter=",", quote='"')
    assert [list(row.cells) for row in parsed] == rows
    assert [row.line for row in parsed] == starts


def physical_lines(text: str) -> list[str]:
    return [line.decode() for line in text.encode().splitlines(keepends=True)]


@pytest.mark.parametrize("cell", ['"never closed', '"closed" too early'])
def test_a_stray_quote_leads_to_the_setting_and_not_to_leaving_rows_out(cell: str) -> None:
    content = f"text\tlabel\n{cell}\ta\n"
    message = message_of(content, name="rows.tsv")
    assert "set quote = null" in message and "skip" not in message
    assert len(read(content, name="rows.tsv", quote=None).rows) == 1

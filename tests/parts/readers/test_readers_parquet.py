"""Tables of Parquet and Arrow files: what columns mean, bad rows, and files that are damaged."""

import json
import random
from pathlib import Path

import pyarrow
import pytest
from pyarrow import feather, ipc, parquet

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers import Jsonl, Parquet, Span


@pytest.fixture(autouse=True)
def working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write_parquet(table, path, size=None):
    parquet.write_table(table, path, row_group_size=size)


def write_file(table, path, size=None):
    with ipc.new_file(path, table.schema) as target:
        target.write_table(table, size)


def write_stream(table, path, size=None):
    with ipc.new_stream(path, table.schema) as target:
        target.write_table(table, size)


def write_feather(table, path, size=None):
    feather.write_feather(table, path, compression="zstd", chunksize=size)


WRITE = {
    "rows.parquet": write_parquet,
    "rows.arrow": write_file,
    "stream.arrow": write_stream,
    "rows.feather": write_feather,
}


def read(columns, name="rows.parquet", *, size=None, **settings):
    table = columns if isinstance(columns, pyarrow.Table) else pyarrow.table(columns)
    WRITE[name](table, name, size)
    return Parquet(name, **settings).read()


def message_of(columns, **settings):
    with pytest.raises(DataError) as caught:
        read(columns, **settings)
    return str(caught.value)


@pytest.mark.parametrize("name", WRITE)
@pytest.mark.parametrize("size", [None, 2])
def test_rows_of_every_kind_of_file_have_their_places(name, size):
    table = {"label": ["x", "y", "x"], "id": [1, 2, 3], "text": ["a", "b", "c"]}
    rows = read(table, name, size=size).rows
    assert [(row.text, row.labels) for row in rows] == [("a", ("x",)), ("b", ("y",)), ("c", ("x",))]
    assert [row.source for row in rows] == [f"{name}:{number}" for number in (1, 2, 3)]


@pytest.mark.parametrize("name", WRITE)
def test_rows_are_counted_over_pieces(name):
    table = {"text": [f"text {n}" for n in range(2500)], "label": ["x"] * 2500}
    rows = read(table, name, size=1600).rows
    assert [row.source for row in rows] == [f"{name}:{n}" for n in range(1, 2501)]
    assert [row.text for row in rows] == table["text"]


@pytest.mark.parametrize(
    ("columns", "settings"),
    [
        (
            {"title": ["a", ""], "body": ["b", "c"], "y": [3, 4]},
            {"text": ["title", "body"], "label": "y"},
        ),
        ({"text": ["a", "b"], "label": [["x", "y"], ["z"]]}, {}),
        ({"text": ["a", "b"], "label": [0.5, 2.0]}, {}),
        ({"text": ["a", "b"], "label": [[0.5, 1.5], [2.5, 3.5]]}, {}),
        (
            {"user": [{"text": "a", "n": 1}, {"text": "b", "n": 2}], "label": ["x", "y"]},
            {"text": "user.text"},
        ),
        ({"user.text": ["a", "b"], "label": ["x", "y"]}, {"text": "user.text"}),
        (
            {
                "w": [["Ada", "ran"], ["No"]],
                "t": [["B-PER", "O"], ["O"]],
                "p": [["N", None], ["D"]],
            },
            {"words": "w", "tags": {"ner": "t", "pos": "p"}},
        ),
        (
            {"text": ["Ada", "no"], "e": [[{"start": 0, "end": 3, "label": "PER"}], []]},
            {"spans": "e"},
        ),
        ({"text": ["Ada", "no"], "e": [[], []], "label": ["x", None]}, {"spans": "e"}),
    ],
)
def test_columns_mean_what_the_same_keys_of_json_mean(columns, settings):
    table = pyarrow.table(columns)
    result = read(table, **settings)
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    expected = Jsonl("rows.jsonl", **settings).read()
    strip = [(r.text, r.labels, r.words, r.tags, r.spans, r.numbers) for r in result.rows]
    assert strip == [(r.text, r.labels, r.words, r.tags, r.spans, r.numbers) for r in expected.rows]


def test_words_have_tags_and_the_spans_they_say():
    table = {"w": [["Ada", "Lovelace", "ran"]], "t": [["B-PER", "I-PER", "O"]]}
    (row,) = read(table, words="w", tags={"ner": "t"}).rows
    assert row.text == "Ada Lovelace ran" and row.spans == (Span(0, 12, "PER"),)
    assert row.tags == {"ner": ("B-PER", "I-PER", "O")}


def test_types_of_columns_make_no_difference():
    texts = pyarrow.array(["a", "b"])
    for kind in (pyarrow.large_string(), pyarrow.dictionary(pyarrow.int8(), pyarrow.string())):
        for labels in (pyarrow.uint8(), pyarrow.int64()):
            label = pyarrow.array([1, 2], labels)
            rows = read({"text": texts.cast(kind), "label": label}).rows
            assert [(row.text, row.labels) for row in rows] == [("a", ("1",)), ("b", ("2",))]


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ({"text": None, "label": "x"}, '"text" is null; it should be a string'),
        ({"text": "a", "label": None}, '"label" is null'),
        ({"text": " ", "label": "x"}, "its text is empty"),
        ({"text": "a", "label": ""}, "its label is empty"),
    ],
)
def test_bad_row_is_an_error_with_its_number_or_skipped(bad, problem):
    good = {"text": "a", "label": "x"}
    table = pyarrow.Table.from_pylist([good, bad, good])
    assert message_of(table).startswith(f"rows.parquet:2: {problem}")
    result = read(table, on_bad_row="skip")
    assert [row.source for row in result.rows] == ["rows.parquet:1", "rows.parquet:3"]
    assert [row.source for row in result.skipped] == ["rows.parquet:2"]


def test_struct_that_is_null_is_a_bad_row():
    users = [{"text": "a"}, None]
    table = {"user": users, "label": ["x", "y"]}
    assert "rows.parquet:2" in message_of(table, text="user.text")


def test_value_of_another_type_is_named():
    times = pyarrow.array([0], pyarrow.timestamp("s"))
    assert '"text" is of the type datetime' in message_of({"text": times, "label": ["x"]})
    assert '"text" is of the type bytes' in message_of({"text": [b"a"], "label": ["x"]})
    assert '"label" is true or false' in message_of({"text": ["a"], "label": [True]})


@pytest.mark.parametrize("name", WRITE)
def test_text_that_is_no_utf8_spoils_its_row_only(name):
    texts = pyarrow.array([b"a", b"caf\xe9", b"c"]).view(pyarrow.string())
    table = pyarrow.table({"text": texts, "label": ["x", "y", "z"]})
    with pytest.raises(DataError, match=rf"{name}:2: it can't be read: .*UTF8"):
        read(table, name)
    result = read(table, name, on_bad_row="skip")
    assert [row.text for row in result.rows] == ["a", "c"]


@pytest.mark.parametrize("name", WRITE)
def test_column_that_is_not_there_is_an_error_whatever_the_policy(name):
    table = pyarrow.table({"body": ["a"], "label": ["x"], "user": [{"name": "b"}]})
    for settings, problem in {
        (
            "text",
            "bodi",
        ): 'there is no column "bodi", only "body", "label", "user", "user.name"; did you mean "body"?',
        ("text", "user.nam"): 'there is no column "user.nam"',
        ("label", "y"): 'there is no column "y"',
    }.items():
        keys = {"text": "body", **dict([settings])}
        with pytest.raises(DataError) as caught:
            read(table, name, on_bad_row="skip", **keys)
        assert str(caught.value).startswith(f"{name}: {problem}")


def test_two_columns_of_one_name_are_refused():
    table = pyarrow.table([["a"], ["b"], ["x"]], names=["text", "text", "label"])
    WRITE["rows.arrow"](table, "rows.arrow")
    with pytest.raises(DataError, match='2 columns are named "text"'):
        Parquet("rows.arrow").read()


def test_table_without_rows_is_an_error():
    table = pyarrow.table(
        {"text": pyarrow.array([], "string"), "label": pyarrow.array([], "string")}
    )
    assert message_of(table) == "rows.parquet holds no rows"


@pytest.mark.parametrize("name", WRITE)
@pytest.mark.parametrize("left", [0, 3, 100, 0.5, -1])
def test_cut_file_is_named(name, left):
    rows = 5000
    table = {"text": [f"text {n} {n * n}" for n in range(rows)], "label": ["x"] * rows}
    read(table, name, size=1000)
    data = Path(name).read_bytes()
    if name == "stream.arrow" and left == -1:
        left = -20  # what ends a stream may be missing
    cut = data[: int(len(data) * left) if isinstance(left, float) else left]
    Path(name).write_bytes(cut)
    with pytest.raises(DataError, match=f"^{name} can't be read"):
        Parquet(name, on_bad_row="skip").read()


@pytest.mark.parametrize("name", WRITE)
def test_bytes_that_are_changed_never_do_more_than_an_error(name):
    table = {"text": ["some text", "another"] * 20, "label": [["x"], ["y", "z"]] * 20}
    read(table, name)
    data = Path(name).read_bytes()
    chance = random.Random(0)
    for _ in range(150):
        damaged = bytearray(data)
        damaged[chance.randrange(len(data))] = chance.randrange(256)
        Path(name).write_bytes(damaged)
        try:
            Parquet(name, on_bad_row="skip").read()
        except DataError as error:
            assert name in str(error)


def test_other_file_is_refused():
    Path("rows.parquet").write_text("text,label\na,b\n")
    with pytest.raises(
        DataError, match=r"rows\.parquet can't be read as a file of Parquet or Arrow"
    ):
        Parquet("rows.parquet").read()


def test_folder_has_files_of_all_suffixes():
    for name in WRITE:
        read({"text": [name], "label": ["x"]}, name)
    Path("state.json").write_text("{}")
    assert [row.text for row in Parquet(".").read().rows] == sorted(WRITE)
    assert [row.source for row in Parquet("*.arrow").read().rows] == [
        "rows.arrow:1",
        "stream.arrow:1",
    ]


def test_without_pyarrow_says_what_to_install(monkeypatch):
    monkeypatch.setattr("seqpipe.parts.readers._parquet.find_spec", lambda name: None)
    with pytest.raises(DataError, match=r'pyarrow.*pip install "seqpipe\[parquet\]"'):
        Parquet("rows.parquet").read()


@pytest.mark.parametrize(
    "settings",
    [
        {"path": ""},
        {"text": []},
        {"text": "label"},
        {"tags": {"a": "b"}},
        {"words": "w", "spans": "s"},
        {"on_bad_row": "drop"},
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings):
    with pytest.raises(ConfigError):
        Parquet(**{"path": "rows.parquet", **settings})


def test_readers_with_the_same_settings_are_equal():
    assert Parquet("a", text="b") == Parquet("a", text=["b"])
    assert hash(Parquet("a", tags={"x": "y"}, words="w")) == hash(
        Parquet("a", tags={"x": "y"}, words="w")
    )
    assert Parquet("a") != Parquet("a", text="b")


def test_checksums_of_pages_are_verified():
    texts = [f"text {n}" for n in range(50)]
    table = pyarrow.table({"text": texts, "label": ["x"] * 50})
    settings = {"compression": "none", "use_dictionary": False, "write_page_checksum": True}
    parquet.write_table(table, "rows.parquet", **settings)
    data = Path("rows.parquet").read_bytes()
    Path("rows.parquet").write_bytes(data.replace(b"text 7", b"next 7", 1))
    with pytest.raises(DataError, match=r"rows\.parquet can't be read"):
        Parquet("rows.parquet").read()

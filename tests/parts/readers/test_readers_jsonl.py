import json
import lzma
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers import Jsonl, ReadResult, Row


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(content: str | bytes, *, name: str = "rows.jsonl", **settings) -> ReadResult:
    data = content if isinstance(content, bytes) else content.encode()
    Path(name).write_bytes(data)
    return Jsonl(name, **settings).read()


def message_of(content: str | bytes, **settings) -> str:
    with pytest.raises(DataError) as caught:
        read(content, **settings)
    return str(caught.value)


GOOD = '{"text": "fine", "label": "a"}\n'


def test_rows_know_their_line_and_blank_lines_are_passed_over() -> None:
    content = (
        '\ufeff{"text": "one", "label": " a "}\r\n\r\n {"label": ["b", "a", "b"], "text": "2"}'
    )
    assert read(content).rows == (
        Row("one", ("a",), "rows.jsonl:1"),
        Row("2", ("b", "a"), "rows.jsonl:3"),
    )


def test_keys_can_be_named_and_texts_joined() -> None:
    content = (
        '{"title": "head", "body": "text", "topic": "a"}\n{"title": " ", "body": "b", "topic": "a"}'
    )
    result = read(content, text=["title", "body"], label="topic")
    assert [row.text for row in result.rows] == ["head text", "b"]


def test_line_separators_inside_a_text_end_no_line() -> None:
    assert read('{"text": "a\u2028b\x85c", "label": "x"}').rows[0].text == "a\u2028b\x85c"


def test_a_compressed_file_opens_by_its_suffix() -> None:
    assert read(lzma.compress(GOOD.encode()), name="rows.jsonl.xz").rows[0].text == "fine"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"text": "x", "label": "a"', "isn't JSON"),
        ('{"text": "x"} {"label": "a"}', "column 15"),
        ('["x", "a"]', "a list"),
        ("null", "null"),
        ("7", "a number"),
        ("9" * 5000, "can't be read"),
        ("[" * 200_000, "can't be read"),
        ('{"Text": "x", "label": "a"}', 'did you mean "Text"?'),
        ('{"text": "x"}', 'no key "label"'),
        ("{}", "only none"),
        ('{"text": 5, "label": "a"}', '"text" is a number'),
        ('{"text": null, "label": "a"}', '"text" is null'),
        (
            '{"text": "x", "label": [0.5, "a"]}',
            'an item of "label" is the number 0.5',
        ),
        ('{"text": "x", "label": [0.5, NaN]}', "its numbers are [0.5, NaN]; they should be finite"),
        ('{"text": "x", "label": true}', '"label" is true or false'),
        ('{"text": "x", "label": {"a": 1}}', '"label" is an object'),
        ('{"text": "x", "label": true}', '"label" is true or false'),
        ('{"text": "x", "label": ["a", 5.5]}', 'an item of "label" is the number 5.5'),
        ('{"text": "x", "label": []}', "label is empty"),
        ('{"text": "x", "label": ["a", ""]}', "label is empty"),
        ('{"text": "x", "label": " "}', "label is empty"),
        ('{"text": "\\n", "label": "a"}', "text is empty"),
        ('{"text": "x\\u0000", "label": "a"}', "NUL"),
        ('{"text": "x", "label": "a\\u0000"}', "label holds a NUL"),
        ('{"text": "x \\ud83d", "label": "a"}', "U+D83D"),
        ('{"text": "x", "label": "\\udc00"}', "label holds half of a surrogate pair"),
        ('{"\\ud800": "x", "label": "a"}', r"\ud800"),
    ],
)
def test_a_bad_row_is_an_error_with_its_line_or_skipped(line: str, problem: str) -> None:
    content = f"{GOOD}\n{line}\n{GOOD}"
    message = message_of(content)
    assert message.startswith("rows.jsonl:3: ") and problem in message
    message.encode()
    result = read(content, on_bad_row="skip")
    assert [row.source for row in result.rows] == ["rows.jsonl:1", "rows.jsonl:4"]
    assert [bad.source for bad in result.skipped] == ["rows.jsonl:3"]
    assert problem in result.skipped[0].problem


def test_a_byte_of_another_encoding_spoils_its_row_only() -> None:
    content = GOOD.encode() + b'{"text": "\xa35", "label": "a"}\n'
    assert "rows.jsonl:2: the byte 0xA3" in message_of(content)
    assert len(read(content, on_bad_row="skip").rows) == 1
    assert read(content, encoding="latin-1").rows[1].text == "£5"


def test_a_pair_of_surrogate_escapes_is_one_character() -> None:
    assert read('{"text": "\\ud83d\\ude00", "label": "a"}').rows[0].text == "😀"


@pytest.mark.parametrize("content", ["", "\n \r\n"])
def test_a_file_without_rows_is_an_error(content: str) -> None:
    assert "rows.jsonl holds no rows" in message_of(content, on_bad_row="skip")


def test_a_file_of_bad_rows_only_is_an_error_under_skip_too() -> None:
    assert "none of its 2 rows" in message_of("{}\n[]\n", on_bad_row="skip")


@pytest.mark.parametrize("settings", [{"text": []}, {"text": "label"}, {"on_bad_row": "raise"}])
def test_settings_that_cannot_be_used_are_refused_before_reading(settings) -> None:
    with pytest.raises(ConfigError):
        Jsonl("rows.jsonl", **settings)


TEXT = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"])).filter(
    str.strip
)
LABELS = st.lists(TEXT.map(str.strip), min_size=1, max_size=3, unique=True)


@given(rows=st.lists(st.tuples(TEXT, LABELS), min_size=1, max_size=4), ascii_only=st.booleans())
def test_reading_is_the_inverse_of_writing(rows, ascii_only: bool) -> None:
    lines = [
        json.dumps({"text": text, "label": labels}, ensure_ascii=ascii_only)
        for text, labels in rows
    ]
    result = read("\n".join(lines))
    assert [(row.text, list(row.labels)) for row in result.rows] == rows


def test_whole_numbers_are_labels_as_they_are_in_a_table() -> None:
    result = read('{"text": "x", "label": 5}\n{"text": "y", "label": [1, "a"]}\n')
    assert [row.labels for row in result.rows] == [("5",), ("1", "a")]


def test_name_of_a_key_does_not_pass_for_a_setting() -> None:
    assert '(on_bad_row = "skip" leaves' in message_of('{"text": "x"}', label="set label")


# Words, spans, objects in objects.


def test_words_have_tags_and_spans():
    row = {
        "tokens": ["Ada", "Byron", "ran"],
        "ner_tags": ["B-PER", "I-PER", "O"],
        "pos": [1, None, 2],
    }
    result = read(json.dumps(row), words="tokens", tags={"pos": "pos", "ner": "ner_tags"})
    (found,) = result.rows
    assert (found.text, found.words, found.labels) == ("Ada Byron ran", ("Ada", "Byron", "ran"), ())
    assert found.tags == {"pos": ("1", None, "2"), "ner": ("B-PER", "I-PER", "O")}
    assert found.spans == ((0, 9, "PER"),)


@pytest.mark.parametrize(
    "spans", [[[0, 3, "PER"]], [{"start": 0, "end": 3, "label": "PER", "token_start": 0}]]
)
def test_spans_count_characters(spans):
    row = {"text": "Ada\r\nran", "entities": spans}
    (found,) = read(json.dumps(row), spans="entities").rows
    assert (found.text, found.spans, found.labels) == ("Ada\r\nran", ((0, 3, "PER"),), ())
    with_label = {**row, "label": "x"}
    assert read(json.dumps(with_label), spans="entities").rows[0].labels == ("x",)


def test_key_with_dots_is_looked_for_inside():
    row = {"user": {"text": "inside"}, "user.label": "outside", "a": {"b": {"c": "deep"}}}
    (found,) = read(json.dumps(row), text=["user.text", "a.b.c"], label="user.label").rows
    assert (found.text, found.labels) == ("inside deep", ("outside",))
    with pytest.raises(DataError, match=r'no key "user\.name"'):
        read(json.dumps(row), text="user.name", label="user.label")


@pytest.mark.parametrize(
    ("row", "settings", "message"),
    [
        ({"text": "Ada", "e": [[0, 9, "PER"]]}, {"spans": "e"}, "from 0 to 9, and its text has 3"),
        ({"text": "Ada", "e": [[0, 3, " "]]}, {"spans": "e"}, "has no label"),
        ({"text": "Ada", "e": [[0, 3]]}, {"spans": "e"}, r"an item of \"e\" is \[0, 3\]"),
        ({"text": "Ada", "e": [[True, 3, "a"]]}, {"spans": "e"}, "should be .start, end, label"),
        ({"text": "Ada", "e": {}}, {"spans": "e"}, '"e" is an object; it should be a list'),
        ({"w": ["a"], "t": ["x", "y"]}, {"words": "w", "tags": {"t": "t"}}, '1 words and 2 of "t"'),
        ({"w": "a b"}, {"words": "w"}, '"w" is a string; it should be a list'),
        ({"w": []}, {"words": "w"}, "its text is empty"),
        ({"w": ["a", " "]}, {"words": "w"}, "its word 2 is empty"),
    ],
)
def test_bad_words_and_spans_are_told_or_skipped(row, settings, message):
    with pytest.raises(DataError, match=f":1: .*{message}"):
        read(json.dumps(row), **settings)
    good = {"text": "fine", "e": [], "w": ["fine"], "t": ["x"]}
    lines = f"{json.dumps(row)}\n{json.dumps(good)}"
    assert len(read(lines, **settings, on_bad_row="skip").rows) == 1


@pytest.mark.parametrize(
    "settings",
    [{"spans": "e", "words": "w"}, {"spans": "e", "text": ["a", "b"]}, {"tags": {"t": "t"}}],
)
def test_settings_of_words_and_spans_exclude_each_other(settings):
    with pytest.raises(ConfigError, match=f"`{next(iter(settings))}`"):
        Jsonl("x", **settings)


def test_numbers_with_a_fraction_are_no_labels():
    lines = [
        {"text": "a", "label": 1.5},
        {"text": "b", "label": [2, 2.0]},
        {"text": "c", "label": 2},
    ]
    rows = read("\n".join(map(json.dumps, lines))).rows
    assert [(row.numbers, row.labels) for row in rows] == [
        ((1.5,), ()),
        ((2.0, 2.0), ()),
        ((), ("2",)),
    ]

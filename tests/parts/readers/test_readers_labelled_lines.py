import pytest

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers import LabelledLines


def read(tmp_path, text, **settings):
    file = tmp_path / "texts.txt"
    file.write_text(text, encoding="utf-8")
    return LabelledLines(str(file), **settings).read()


def test_labels_stand_before_the_text(tmp_path):
    result = read(tmp_path, "__label__a __label__b  How much?\n\n__label__a __label and more\n")
    assert [(row.text, row.labels) for row in result.rows] == [
        ("How much?", ("a", "b")),
        ("__label and more", ("a",)),
    ]
    assert [row.source.rpartition(":")[2] for row in result.rows] == ["1", "3"]


def test_labels_end_at_any_white_space(tmp_path):
    (row,) = read(tmp_path, "__label__a\t__label__b \t The\tteam\n").rows
    assert (row.text, row.labels) == ("The\tteam", ("a", "b"))


def test_text_goes_on_with_what_looks_like_a_label(tmp_path):
    (row,) = read(tmp_path, "__label__a see __label__b\n").rows
    assert (row.text, row.labels) == ("see __label__b", ("a",))


def test_prefix_may_be_another(tmp_path):
    (row,) = read(tmp_path, "#a #b text\n", prefix="#").rows
    assert (row.text, row.labels) == ("text", ("a", "b"))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("no label here", ":1: it has no label"),
        ("__label__a", ":1: its text is empty"),
        ("__label__ text", ":1: its label is empty"),
    ],
)
def test_bad_rows_are_reported_or_skipped(tmp_path, line, problem):
    with pytest.raises(DataError, match=problem):
        read(tmp_path, line + "\n")
    result = read(tmp_path, f"{line}\n__label__a fine\n", on_bad_row="skip")
    assert (len(result.rows), len(result.skipped)) == (1, 1)


def test_first_word_is_the_label_where_nothing_marks_it(tmp_path):
    lines = "DESC:manner How did serfdom\tdevelop ?\n\n0 __label__1 text\n"
    rows = read(tmp_path, lines, prefix=None).rows
    assert [(row.text, row.labels) for row in rows] == [
        ("How did serfdom\tdevelop ?", ("DESC:manner",)),
        ("__label__1 text", ("0",)),
    ]


def test_label_without_a_text_is_a_bad_row_there_too(tmp_path):
    with pytest.raises(DataError, match=r"texts\.txt:2"):
        read(tmp_path, "0 some text\n1\n", prefix=None)


def test_error_of_a_line_without_a_label_names_the_setting(tmp_path):
    with pytest.raises(DataError, match="set `prefix = null`"):
        read(tmp_path, "0 some text\n")


@pytest.mark.parametrize("prefix", ["", "a b", "\t"])
def test_prefix_that_is_not_a_word_is_refused(prefix):
    with pytest.raises(ConfigError, match="the reader's `prefix` is"):
        LabelledLines("texts.txt", prefix=prefix)

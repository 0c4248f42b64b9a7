import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqpipe.config import Diagnostic, PipelineFileError, Place, check, read_text, render
from seqpipe.messages import to_json
from seqpipe.messages._text import columns


def show(text, column, length, label="here"):
    place = Place("a.cfg", 7, column, length, text)
    error = PipelineFileError([Diagnostic("wrong", place, label)], "a.cfg")
    return render(error).split("\n")


def caret(lines):
    """Return the column and length of the carets, and the line above them."""
    mark = next(line for line in lines if "^" in line.partition("|")[2])
    source = lines[lines.index(mark) - 1].partition("| ")[2]
    mark = mark.partition("| ")[2]
    return mark.index("^"), mark.count("^"), source


def test_an_error_looks_like_this(good):
    with pytest.raises(PipelineFileError) as caught:
        check(read_text(good.replace("dropout", "droput")))
    assert str(caught.value).split("\n")[:6] == [
        'error: [training] has no key "droput"',
        "  --> pipeline.cfg:34:1",
        "   |",
        "34 | droput = 0.1",
        '   | ^^^^^^ did you mean "dropout"?',
        "   |",
    ]
    assert str(caught.value).endswith("\n\n1 error in pipeline.cfg")


def test_further_places_and_help_look_like_this():
    first, second = Place("a.cfg", 3, 1, 1, "x = 1"), Place("a.cfg", 12, 1, 1, "x = 2")
    diagnostic = Diagnostic("set twice", second, "remove it", ((first, "first"),), ("read on",))
    assert str(PipelineFileError([diagnostic], "a.cfg")).split("\n") == [
        "error: set twice",
        "  --> a.cfg:12:1",
        "   |",
        "12 | x = 2",
        "   | ^ remove it",
        "  ::: a.cfg:3:1",
        "   |",
        " 3 | x = 1",
        "   | - first",
        "   |",
        "   = help: read on",
        "",
        "1 error in a.cfg",
    ]


def test_a_whole_file_has_no_line():
    assert str(PipelineFileError([Diagnostic("gone", Place("a.cfg"), "look")], "a.cfg")).split(
        "\n"
    ) == [
        *("error: gone", " --> a.cfg", "  = look", "", "1 error in a.cfg"),
    ]


def test_colour_is_added_by_role(good):
    with pytest.raises(PipelineFileError) as caught:
        check(read_text(good.replace("dropout", "droput")))
    roles = set()

    def style(role, text):
        roles.add(role)
        return f"<{text}>"

    coloured = render(caught.value, style)
    assert coloured.replace("<", "").replace(">", "") == str(caught.value).replace("<", "").replace(
        ">", ""
    )
    assert roles == {"error", "place", "gutter", "mark", "help"}


def test_wide_characters_take_two_columns():
    assert caret(show('日本 = "語"', 6, 3))[:2] == (7, 4)


def test_combining_characters_take_none():
    assert caret(show('e\u0301 = "x"', 6, 3))[:2] == (4, 3)


def test_tabs_take_four_columns():
    assert caret(show("\tx = 1", 2, 1))[:2] == (4, 1)


@pytest.mark.parametrize(
    ("character", "shown"),
    [
        ("\x1b", "\\x1b"),
        ("\u202e", "\\u202e"),
        ("\xa0", "\\xa0"),
        ("\u200b", "\\u200b"),
        ("\x00", "\\x00"),
    ],
)
def test_what_doesnt_show_is_spelt_out(character, shown):
    start, _, source = caret(show(f"a{character}b = 1", 3, 1))
    assert source.startswith(f"a{shown}b")
    assert source[start] == "b"


def test_names_in_messages_are_harmless(errors_of, good):
    (problem,) = errors_of(good + "[training.\x1b[31mred\u202e]\nx = 1\n".replace("[31m", "31m"))
    assert "\x1b" not in problem.message + problem.label
    assert "\u202e" not in problem.message + problem.label


@pytest.mark.parametrize("column", [1, 5, 90, 150, 5_000, 9_990])
def test_a_long_line_is_cut_around_the_place(column):
    text = "x" * (column - 1) + "HERE" + "y" * (10_000 - column)
    start, length, source = caret(show(text, column, 4))
    assert len(source) < 110
    assert source[start : start + length] == "HERE"


def test_a_long_stretch_is_cut():
    start, length, source = caret(show("x = " + "y" * 10_000, 5, 10_000))
    assert start == 4
    assert length <= len(source) < 110


@given(
    st.text(st.characters(exclude_characters="\n\r^|"), max_size=150),
    st.text(st.sampled_from("ab=日"), min_size=1, max_size=20),
    st.text(st.characters(exclude_characters="\n\r^|"), max_size=150),
)
def test_the_caret_is_under_its_place(before, mark, after):
    start, length, source = caret(show(before + mark + after, len(before) + 1, len(mark), ""))
    position = next(i for i in range(len(source) + 1) if columns(source[:i]) >= start)
    shown = source[position:]
    while shown and columns(shown[0]) == 0 and not shown.startswith(mark):
        shown = shown[1:]
    assert shown.startswith(mark)
    assert length == columns(mark)


def test_error_comes_whole_out_of_another_process():
    error = PipelineFileError(
        [Diagnostic("wrong", Place("a.cfg", 7, 1, 2, "text"), "here")], "a.cfg", more=True
    )
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) and again.diagnostics == error.diagnostics and again.more


def test_problems_are_data_for_other_programs():
    place = Place("a.cfg", 7, 3, 2, "  text")
    error = PipelineFileError([Diagnostic("wrong", place, "here", help=("try",))], "a.cfg")
    (found,) = to_json(error)
    at = {"source": "a.cfg", "line": 7, "column": 3, "length": 2, "label": "here"}
    assert found == {"message": "wrong", "label": "here", "help": ["try"], "places": [at]}

from pathlib import Path

import pytest
from confection import Config

from seqpipe.config import PipelineFileError, read, read_text
from seqpipe.errors import ConfigError


def problems(text, *overrides):
    with pytest.raises(PipelineFileError) as caught:
        read_text(text, overrides=overrides)
    return caught.value.diagnostics


def only(text, *overrides):
    (problem,) = problems(text, *overrides)
    return problem


def marked(problem):
    place = problem.place
    return place.text[place.column - 1 : place.column - 1 + place.length]


def test_values_are_those_of_confection(good):
    assert read_text(good).sections == dict(Config().from_str(good))


def test_colons_continuations_and_comments_are_read_as_confection_does():
    text = '[a]\n# one\nx: [1,\n   # two\n   2,\n\n   3]\n; three\ny : "a:b=c"\n'
    assert (
        read_text(text).sections
        == dict(Config().from_str(text))
        == {"a": {"x": [1, 2, 3], "y": "a:b=c"}}
    )


def test_a_section_needs_no_parents_and_no_order():
    text = "[a.b.c]\nx = 1\n[a]\ny = 2\n"
    assert read_text(text).sections == {"a": {"b": {"c": {"x": 1}}, "y": 2}}


def test_windows_line_ends_and_a_byte_order_mark_are_read(write):
    path = write(b'\xef\xbb\xbf[a]\r\nx = 1\r\ny = "z"\r\n')
    assert read(path).sections == {"a": {"x": 1, "y": "z"}}


def test_a_missing_file_is_reported_with_near_names(write):
    path = write("[a]\nx = 1\n")
    with pytest.raises(
        ConfigError, match=r"there.s no file .*pipelin\.cfg[\s\S]*did you mean .*pipeline\.cfg"
    ):
        read(path.with_name("pipelin.cfg"))


def test_a_missing_folder_is_reported(tmp_path):
    with pytest.raises(ConfigError, match="folder doesn't exist"):
        read(tmp_path / "nowhere" / "pipeline.cfg")


def test_a_folder_is_reported_with_the_file_in_it(write):
    path = write("[a]\nx = 1\n")
    with pytest.raises(ConfigError, match=r"is a folder[\s\S]*pipeline\.cfg"):
        read(path.parent)


def test_a_byte_that_isnt_utf8_is_shown(write):
    with pytest.raises(PipelineFileError, match="0xe9") as caught:
        read(write(b'[a]\nx = "caf\xe9"\n'))
    place = caught.value.diagnostics[0].place
    assert (place.line, place.column) == (2, 9)


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xff\xfe[\0a\0]\0", b'[a]\nx = "\0"\n'])
def test_what_holds_no_text_is_reported(write, content):
    with pytest.raises(PipelineFileError):
        read(write(content))


def test_a_device_isnt_read():
    with pytest.raises(PipelineFileError, match="regular file"):
        read(Path("/dev/zero"))


def test_a_large_file_isnt_read(write):
    with pytest.raises(PipelineFileError, match="1 MB"):
        read(write("# comment\n" * 100_001))


@pytest.mark.parametrize(
    ("line", "mark", "label"),
    [
        ("lang = en", "en", 'did you mean "en"?'),
        ("x = True", "True", "did you mean true"),
        ("x = None", "None", "did you mean null"),
        ("x = FALSE", "FALSE", "did you mean false"),
        ("x = yes", "yes", "did you mean true"),
        ("x = 'one'", "'one'", 'did you mean "one"?'),
        ("x = {'a': True}", "{'a': True}", 'did you mean {"a": true}?'),
        ("x = [1, 2,]", "[1, 2,]", "did you mean [1, 2]?"),
        ("x = (1, 2)", "(1, 2)", "did you mean [1, 2]?"),
        ("x = .5", ".5", "did you mean 0.5?"),
        ("x = 1_000", "1_000", "did you mean 1000?"),
        ("x = 0,1", "0,1", "did you mean 0.1, or the list [0, 1]?"),
        ('x = ["a", b]', "b", 'did you mean "b"?'),
        ("x = [true, False]", "[true, False]"[7:12], "did you mean false?"),
        ("x = [1, 2", "[1, 2", "add a ] at its end"),
        ('x = "a', '"a', 'add a " at its end'),
        ('x = "C:\\data"', "\\", "write \\\\"),
        ("x = 64  # wide", "# wide", "lines of their own"),
        ('x = "a" ; b', "; b", "lines of their own"),
        ("x = NaN", "NaN", "finite"),
        ("x =", "x", "null"),
        ("x = $5", "$", "$$"),
        ("x = 2020-01-01", "2020-01-01", 'did you mean "2020-01-01"?'),
    ],
)
def test_a_value_that_isnt_json_is_reported_with_what_was_meant(line, mark, label):
    problem = only(f"[a]\n{line}\n")
    assert marked(problem) == mark
    assert label in problem.label


@pytest.mark.parametrize(
    ("text", "line", "mark", "message"),
    [
        ("x = 1\n", 1, "x", "before the first section"),
        ("[a\nx = 1\n", 1, "[a", "isn't closed"),
        ("[a] # b\nx = 1\n", 1, "# b", "more on the line"),
        ("[a]\nx\n", 2, "x", "neither"),
        ("[a]\n= 1\n", 2, "=", "no name"),
        ("[a]\nx = 1\nx = 2\n", 3, "x", "set twice"),
        ("[a]\n[b]\n[a]\n", 3, "a", "two sections"),
        ("[a.b]\n[a]\nb = 1\n", 1, "a.b", "both a key and a section"),
        ("[a..b]\n", 1, "a..b", "empty"),
        ("[ a ]\n", 1, " a ", "with a space"),
        ("[[a]]\n", 1, "[a", "bracket"),
        ("[DEFAULT]\nx = 1\n", 1, "DEFAULT", "DEFAULT"),
        ("[a]\nx = [\n1,\n2]\ny = 1\n", 3, "1,", "isn't indented"),
        ("[a]\nx = 1\n  y = 2\n", 3, "y = 2", "indented"),
        ("[a]\nx = 1\n  [b]\ny = 1\n", 3, "[b]", "indented"),
        ('[a]\nx = {"b": 1, "b": 2}\n', 2, '{"b": 1, "b": 2}', "twice"),
    ],
)
def test_a_syntax_error_is_reported_where_it_is(text, line, mark, message):
    problem = problems(text)[0]
    assert problem.place.line == line
    assert marked(problem) == mark
    assert message in problem.message


def test_what_clashes_is_shown_with_both_places():
    problem = only("[a]\nx = 1\n\nx = 2\n")
    assert [place.line for place, _ in problem.also] == [2]


def test_all_mistakes_are_reported_at_once():
    assert [p.place.line for p in problems("[a]\nx\n[b]\ny = 1\ny = 2\n[b]\n")] == [2, 5, 6]
    assert [p.place.line for p in problems("[a]\nx = en\ny = ${z.z}\nz = 1\nu = True\n")] == [
        2,
        3,
        5,
    ]


def test_an_error_that_repeats_is_cut_off():
    with pytest.raises(PipelineFileError, match="more than 50 errors"):
        read_text("[a]\n" + "".join(f"k{i} = oh\n" for i in range(51)))
    with pytest.raises(PipelineFileError, match=r"^(?!.*more than)[\s\S]*50 errors"):
        read_text("[a]\n" + "".join(f"k{i} = oh\n" for i in range(50)))


def test_places_point_at_names_and_values():
    file = read_text('[a.b]\n  key = {"x": [1, {"y": 2}],\n    "z": 3}\n')
    at = [
        (("a",), 1, 2, 1),
        (("a", "b"), 1, 4, 1),
        (("a", "b", "key"), 2, 3, 3),
        (("a", "b", "key", "x"), 2, 10, 3),
        (("a", "b", "key", "x", 1, "y"), 2, 20, 3),
        (("a", "b", "key", "z"), 3, 5, 3),
        (("a", "b", "nothing"), 1, 4, 1),
    ]
    for path, line, column, length in at:
        place = file.place(path)
        assert (place.line, place.column, place.length) == (line, column, length), path
    value = file.place(("a", "b", "key"), value=True)
    assert (value.line, value.column, value.length) == (2, 9, 20)


HOSTILE = {
    "deep section": "[" + ".".join(["a"] * 100_000) + "]\nx = 1\n",
    "deep value": "[a]\nx = " + "[" * 100_000,
    "deep closed value": "[a]\nx = " + "[" * 500 + "]" * 500,
    "parentheses": "[a]\nx = " + "(" * 500 + ")" * 500,
    "long line": "[a]\nx = " + "a b " * 100_000,
    "long word": "[a]\n" + "x" * 500_000,
    "blanks": "[a]\nx" + " " * 500_000 + "y",
    "long number": "[a]\nx = " + "1" * 100_000,
    "circle": "[a]\nx = ${b.y}\n[b]\ny = ${a.x}\n",
    "long circle": "[a]\n" + "".join(f"k{i} = ${{a.k{(i + 1) % 40}}}\n" for i in range(40)),
    "chain": "[a]\n" + "".join(f"k{i} = ${{a.k{i + 1}}}\n" for i in range(5_000)) + "k5000 = 1\n",
    "chain backwards": "[a]\nk0 = 1\n" + "".join(f"k{i + 1} = ${{a.k{i}}}\n" for i in range(5_000)),
    "section in itself": "[a]\nx = ${a}\n",
    "sections in each other": "[a]\nx = ${b}\n[b]\nx = ${a}\n",
    "section in its child": "[a.b.c]\nx = ${a.b}\n",
    "texts that grow": '[a]\nk0 = "aaaaaaaaaa"\n'
    + "".join(f'k{i} = "{f"${{a.k{i - 1}}}" * 20}"\n' for i in range(1, 30)),
    "sections that grow": "".join(
        f"[a{i}]\nx = ${{a{i + 1}}}\ny = ${{a{i + 1}}}\n" for i in range(40)
    )
    + "[a40]\nz = 1\n",
    "sections that nest": "".join(f"[a{i}]\nx = ${{a{i + 1}}}\n" for i in range(500))
    + "[a500]\nz = 1\n",
    "second sections": "[a]\nx = 1\n" * 5_000,
    "unknown references": "[a]\n" + "".join(f"k{i} = ${{b.z{i}}}\n" for i in range(5_000)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_in_a_short_error(name):
    with pytest.raises(PipelineFileError) as caught:
        read_text(HOSTILE[name])
    lines = str(caught.value).split("\n")
    assert max(map(len, lines)) < 400
    assert len(lines) < 600


def test_many_keys_and_sections_are_read():
    text = "".join(f"[a{i}.b]\nx = {i}\n" for i in range(10_000))
    assert len(read_text(text).sections) == 10_000


@pytest.mark.parametrize(
    "text",
    [
        "text,label\n" + "a film: good = bad,pos\n" * 300,
        "good film\tpos\nbad: a = b\tneg\n[deleted]\tneg\nbad film\tneg\nso so\tneg\n" * 300,
        '{"text": "a film", "label": "pos"}\n' * 300,
        "\nthe film was good\n# a line\nit was bad\n[deleted]\nand so on\n",
        "text,label\na film,pos\n",
    ],
)
def test_data_given_as_a_pipeline_file_is_one_error_that_says_how_those_begin(text, write):
    path = write(text)
    with pytest.raises(PipelineFileError, match="looks like data") as caught:
        read(path)
    (problem,) = caught.value.diagnostics
    assert problem.place.text == text.strip().split("\n")[0]
    assert "[data]" in problem.help and str(caught.value).count("\n") < 12


@pytest.mark.parametrize(
    "text", ['lang = "en"\nseed = 1\n', "[a]\nthis is\nno key\nat all\n", "x 2\n[a]\ny = 1\n"]
)
def test_pipeline_file_with_mistakes_is_not_taken_for_data(text):
    assert "data" not in problems(text)[0].message


def test_keys_before_any_section_are_reported_once():
    assert "before the first section" in only("BOB: hello\nANN: hello\n" * 300).message


def test_of_many_errors_the_first_are_shown_and_the_rest_counted():
    with pytest.raises(PipelineFileError) as caught:
        read_text("[a]\n" + "".join(f"x{n} = en\n" for n in range(500)))
    assert len(caught.value.diagnostics) == 50
    said = str(caught.value)
    assert said.count("error: ") == 20 and "\n\nand 30 more\n\nmore than 50 errors" in said

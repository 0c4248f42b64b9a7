import pytest
from confection import Config

from seqpipe.config import PipelineFileError, read_text

TEXTS = {
    "value": "[a]\nx = 3\ny = ${a.x}\n",
    "value of the same section": "[a]\nx = 3\ny = ${x}\n",
    "with a colon": "[a]\n[a.b]\nx = 3\n[c]\ny = ${a.b:x}\n",
    "in a text": '[a]\nx = "in"\nn = 3\ny = "${a.x}/${a.n}"\n',
    "in a list": "[a]\nx = 1\ny = [${a.x}, 2]\n",
    "in a text in a list": '[a]\nx = "in"\ny = ["${a.x}/b", "c"]\n',
    "through another": '[a]\nx = "in"\ny = ${a.x}\nz = ${a.y}\n',
    "section": "[a]\nx = 1\n[a.b]\ny = 2\n[c]\nz = ${a}\n",
    "section in quotes": "[a]\nx = 1\n[c]\nz = ${a}\n",
    "section by one name": "[a]\nx = 1\n[c]\na = ${a}\n",
    "sections in a list": "[a]\nx = 1\n[b]\ny = ${a}\n[c]\nz = [${a}, ${b}]\n",
    "subsection": "[a]\n[a.b]\nx = 1\n[c]\nz = ${a.b}\n",
    "dollars": '[a]\nx = "$$5 and $$"\n',
}


@pytest.mark.parametrize("name", TEXTS)
def test_references_give_what_confection_gives(name):
    text = TEXTS[name]
    assert read_text(text).sections == dict(Config().from_str(text))


def test_a_list_of_referred_texts_is_one():
    # confection makes the text "[in, out]" of this.
    text = '[a]\nx = "in"\ny = "out"\nz = [${a.x}, ${a.y}]\n'
    assert read_text(text).sections["a"]["z"] == ["in", "out"]


def test_quotes_and_backslashes_survive_in_a_text():
    text = '[a]\nx = "C:\\\\d \\"q\\""\ny = "<${a.x}>"\nz = "<${a.y}>"\n'
    assert read_text(text).sections["a"]["z"] == '<<C:\\d "q">>'


def test_a_section_is_copied():
    sections = read_text("[a]\nx = [1]\n[b]\ny = ${a}\nz = ${a}\n").sections["b"]
    sections["y"]["x"].append(2)
    assert sections["z"] == {"x": [1]}


@pytest.mark.parametrize(
    ("reference", "label"),
    [
        ("${pipeline.lagn}", "${pipeline.lang}"),
        ("${pipline.lang}", "${pipeline.lang}"),
        ("${paths.lang}", "${pipeline.lang}"),
        ("${pipelin}", "${pipeline}"),
    ],
)
def test_a_reference_to_nothing_is_reported_with_what_was_meant(reference, label):
    with pytest.raises(PipelineFileError) as caught:
        read_text(f'[pipeline]\nlang = "en"\n[b]\nx = "a {reference}"\n')
    (problem,) = caught.value.diagnostics
    assert label in problem.label
    assert (problem.place.line, problem.place.column, problem.place.length) == (
        4,
        8,
        len(reference),
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("${b", "isn't closed"),
        ("${}", "without a name"),
        ('"a $b"', "single \\$"),
        ('"see ${a}"', "whole section"),
    ],
)
def test_a_faulty_reference_is_reported(value, message):
    with pytest.raises(PipelineFileError, match=message):
        read_text(f"[a]\nx = 1\n[b]\ny = {value}\n")


def test_a_circle_is_reported_once_and_in_full():
    with pytest.raises(PipelineFileError, match=r"a\.x → b\.y → a\.x") as caught:
        read_text("[a]\nx = ${b.y}\n[b]\ny = ${a.x}\nz = ${a.x}\n")
    assert len(caught.value.diagnostics) == 1


def test_what_fails_is_reported_where_it_begins_only():
    with pytest.raises(PipelineFileError) as caught:
        read_text("[a]\nx = ${b.y}\ny = ${a.x}\nz = ${a.y}\n")
    assert [problem.place.line for problem in caught.value.diagnostics] == [2]

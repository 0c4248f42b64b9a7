"""`seqpipe data`: what's printed, and what isn't a traceback."""

import csv
import json
import random
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from seqpipe import config
from seqpipe.cli._data_output import print_mistakes, print_report
from seqpipe.data import Found, Mistake, Part, Report, examine_section, summarise
from seqpipe.parts.readers import Row

GOOD = ["lovely", "wonderful", "superb", "delightful", "great"]
BAD = ["awful", "terrible", "boring", "dreadful", "poor"]
COMMON = [
    "the",
    "film",
    "was",
    "a",
    "story",
    "of",
    "people",
    "in",
    "town",
    "with",
    "music",
    "by",
    "some",
    "actors",
    "that",
    "we",
    "saw",
]


def make_rows(count, seed=0):
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        label = draw.choice(["good", "bad"])
        words = draw.sample(COMMON, 8) + draw.sample(GOOD if label == "good" else BAD, 3)
        rows.append((" ".join(draw.sample(words, len(words))), label))
    return rows


def write(file, rows):
    with file.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("review", "verdict"), *rows])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed_section(out):
    """Return the section as somebody would copy it."""
    return out[out.index("[data") :].split("\n\n\n")[0].split("\ndata: ")[0].split("\ntrain: ")[0]


def test_everything_is_printed_on_80_columns(call, folder):
    rows = make_rows(60)
    wrong = (rows[3][0].upper(), "bad" if rows[3][1] == "good" else "good")
    write(folder / "a.csv", [*rows, rows[0], wrong, ("", "good")])
    called = call("data", "a.csv")
    assert called.code == 0 and not called.err
    for piece in (
        'column "review" (by its name; 11 words on average)',
        'column "verdict" (few values, again and again: 2 different values in 63 rows)',
        "data: 62 rows",
        "1 row can't be used",
        "2 duplicate texts, in 4 rows",
        "labelled differently: 1",
        f"a.csv:5 ({rows[3][1]}) a.csv:63 ({wrong[1]})",
    ):
        assert piece in " ".join(called.out.split()), piece
    assert max(map(cell_len, called.out.splitlines())) <= 80
    section = config.read_text(printed_section(called.out)).sections["data"]
    assert len(examine_section(section, most=99).parts["data"].rows) == 62


def test_leaks_are_printed(call, folder):
    train, test = make_rows(40), make_rows(10, seed=1)
    write(folder / "train.csv", train)
    write(folder / "test.csv", [*test, train[5]])
    called = call("data", "test.csv", "train.csv")
    assert called.code == 0, called.err
    assert "1 row of test (9.1%) is in train too" in called.out
    assert "test.csv:12 is train.csv:7" in called.out
    assert "[data.train]" in called.out and "[data.test]" in called.out


def test_mistakes_are_printed_and_written_as_json(call, folder):
    rows = make_rows(200)
    wrong = [(text, "bad" if label == "good" else "good") for text, label in rows[:6]]
    write(folder / "a.csv", [*wrong, *rows[6:]])
    called = call("data", "a.csv", "--mistakes", "--json", "a.json")
    assert called.code == 0, called.err
    assert "labels of 200 rows look like mistakes" in called.out
    assert f"a.csv:2  {wrong[0][1]} → {rows[0][1]}" in called.out
    told = json.loads((folder / "a.json").read_text(encoding="utf-8"))
    places = {each["place"] for each in told["mistakes"]["rows"]}
    assert len(places & {f"a.csv:{line}" for line in range(2, 8)}) >= 4 and len(places) <= 8
    assert told["parts"]["data"]["labels"].keys() == {"good", "bad"}
    assert told["section"] in called.out and told["files"]["data"]["encoding"] == "utf-8"


def test_json_has_everything_without_mistakes_too(call, folder):
    rows = make_rows(20)
    write(folder / "train.csv", rows)
    write(folder / "dev.csv", rows[:2])
    assert call("data", "train.csv", "dev.csv", "--json", "a.json").code == 0
    told = json.loads((folder / "a.json").read_text(encoding="utf-8"))
    assert told["mistakes"] is None
    assert [(leak["part"], len(leak["pairs"])) for leak in told["leaks"]] == [("dev", 2)]


def test_json_that_cannot_be_written_is_told(call, folder):
    write(folder / "a.csv", make_rows(20))
    called = call("data", "a.csv", "--json", "none/a.json")
    assert called.code == 1 and "none/a.json can't be written" in called.err


PIPELINE = """
[data]
@readers = "seqpipe.Csv.v1"
path = "a.csv"
text = "review"
label = "verdict"
split = {"train": 0.9, "dev": 0.1}

[data.test]
@readers = "seqpipe.Csv.v1"
path = "b.csv"
text = "review"
label = "verdict"
"""


def test_data_of_a_pipeline_file_is_looked_at(call, folder):
    rows = make_rows(30)
    write(folder / "a.csv", rows)
    write(folder / "b.csv", rows[:1])
    (folder / "pipeline.cfg").write_text(PIPELINE)
    called = call("data", "pipeline.cfg")
    assert called.code == 0, called.err
    assert "data: 30 rows" in called.out and "test: 1 row" in called.out
    assert "(100.0%) is in train too" in called.out


def test_texts_of_an_embedding_are_looked_at(call, folder):
    (folder / "a.txt").write_text("one two\n\nthree\n" * 20)
    (folder / "a.cfg").write_text('[data]\n@readers = "seqpipe.Lines.v1"\npath = "a.txt"\n')
    called = call("data", "a.cfg", "--lines", "3")
    assert called.code == 0, called.err
    assert "data: the first 3 rows" in called.out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[head]\nx = 1\n", "no section [data]"),
        ("[data]\nsplit = {}\n", "@readers"),
        ('[data]\n@readers = "seqpipe.Cvs.v1"\npath = "a.csv"\n', 'seqpipe.Cvs.v1"'),
        ('[data]\n@readers = "seqpipe.Csv.v1"\npth = "a.csv"\n', "pth"),
        ('[data]\n@readers = "seqpipe.Csv.v1"\npath = 3\n', "path"),
        ("[data]\n@readers = 3\n", "reader"),
        ('[data]\n@readers = "seqpipe.Csv.v1"\npath = "a.csv"\n', "isn't there"),
        ('[data]\n@readers = "seqpipe.Corpus.v1"\n', "seqpipe.Corpus.v1"),
        ("[data\n", "error"),
    ],
)
def test_faulty_pipeline_file_is_told(call, folder, text, message):
    (folder / "a.cfg").write_text(text)
    called = call("data", "a.cfg")
    assert called.code == 1 and message in called.err
    assert "Traceback" not in called.err and "shouldn't" not in called.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.csv", "a.cfg"], "looked at alone"),
        (["a.cfg", "--label", "x"], "are for data files"),
        (["a.csv", "b", "c", "d"], "name three at most"),
        (["a.csv", "--encoding", "utf-99"], "no text encoding 'utf-99'"),
        (["."], "is a folder"),
        (["none.csv"], "isn't there"),
        (["none.cfg"], 'no file "none.cfg"'),
        (["zeros.csv"], "NUL byte"),
        (["words.conll", "--mistakes"], "labels of its words"),
    ],
)
def test_what_cannot_be_looked_at_is_told(call, folder, arguments, message):
    write(folder / "a.csv", make_rows(20))
    (folder / "zeros.csv").write_bytes(b"text,label\n\0,x\n")
    (folder / "words.conll").write_text("EU B-ORG\nsays O\n\nno O\nword O\n")
    called = call("data", *arguments)
    assert called.code and message in " ".join(called.err.split())
    assert "Traceback" not in called.err and "shouldn't" not in called.err


def test_labels_and_texts_cannot_control_the_terminal(call, folder):
    write(
        folder / "a.csv",
        [(f"{text} \x1b[31m\u202e", f"{label}\x1b[0m [b]") for text, label in make_rows(20)],
    )
    called = call("data", "a.csv")
    assert called.code == 0 and "\x1b" not in called.out and "\u202e" not in called.out
    assert r"good\x1b[0m [b]" in called.out


def test_long_file_is_looked_at_in_part_and_that_is_said(call, folder):
    write(folder / "a.csv", make_rows(50))
    called = call("data", "a.csv", "--lines", "11")
    assert "the first 11 lines" in called.out and "data: the first 10 rows" in called.out
    assert "only these were looked at" in called.out


def test_help_has_examples_and_names_the_page(call):
    called = call("data", "--help")
    assert "seqpipe data train.csv dev.csv test.csv" in called.out and "docs/data.md" in called.out


@pytest.mark.parametrize("name", ["a.csv", "link.csv", "b.json", "pipeline.cfg"])
def test_json_replaces_no_other_file(call, folder, name):
    write(folder / "a.csv", make_rows(20))
    (folder / "link.csv").symlink_to(folder / "a.csv")
    (folder / "b.json").write_text('{"files": {}}')
    (folder / "pipeline.cfg").write_text(PIPELINE)
    before = (folder / name).read_bytes()
    called = call("data", "a.csv", "--json", name)
    assert called.code == 1 and not called.out and (folder / name).read_bytes() == before
    told = "is one of the files" if name.endswith(".csv") else "is no report of this command"
    assert f"{name} " in called.err and told in " ".join(called.err.split())


def test_json_replaces_an_earlier_report_and_an_empty_file(call, folder):
    write(folder / "a.csv", make_rows(20))
    write(folder / "b.csv", make_rows(30))
    (folder / "a.json").write_text("")
    for name, count in (("a.csv", 20), ("b.csv", 30)):
        assert call("data", name, "--json", "a.json").code == 0
        told = json.loads((folder / "a.json").read_text(encoding="utf-8"))
        assert told["parts"]["data"]["rows"] == count


def test_json_is_written_although_labels_cannot_be_judged(call, folder):
    write(folder / "a.csv", make_rows(4))
    called = call("data", "a.csv", "--mistakes", "--json", "a.json")
    assert called.code == 1 and "can't be judged" in called.err
    assert json.loads((folder / "a.json").read_text(encoding="utf-8"))["mistakes"] is None


PAIRS = """
[data]
@readers = "seqpipe.Csv.v1"
path = "a.csv"
pair = "reply"
"""


def test_both_texts_of_pairs_are_printed(call, folder):
    (folder / "a.cfg").write_text(PAIRS)
    rows = "how are you,fine,x\nhow are you,not fine,y\nHow are you,Fine,y\n"
    (folder / "a.csv").write_text("text,reply,label\n" + rows)
    called = call("data", "a.cfg", "--json", "a.json")
    assert called.code == 0, called.err
    assert "1 duplicate text, in 2 rows" in called.out
    assert "    how are you\n    fine\n      a.csv:2 (x)\n" in called.out
    (found,) = json.loads((folder / "a.json").read_text(encoding="utf-8"))["duplicates"]["data"]
    assert [row["pair"] for row in found["rows"]] == ["fine", "Fine"]


def test_counts_of_one_are_singular(capsys):
    row = Row("a text", ("x",), "a.csv:1")
    found = Found((Mistake(row, "x", "y", -0.5),), 100, 0.01, ())
    console = Console(width=200)
    print_mistakes(console, found)
    print_report(console, examined_rows([row, replace(row, text="b", labels=("x", "y"))]))
    out = capsys.readouterr().out
    assert "1 label of 100 rows looks like a mistake; " in out and ", 1 row with several" in out


def examined_rows(rows):
    return Report({}, "", {"data": Part(tuple(rows))}, {"data": summarise(rows)}, {"data": []}, [])


def test_help_says_how_columns_are_named(call):
    assert " ".join(call("data", "--help").out.split()).count("number from 1") == 2

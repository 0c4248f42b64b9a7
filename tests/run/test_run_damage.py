"""Damage of each kind in a data file: what's wrong and where, and with "skip" nothing else is lost."""

import json

import pytest
import spacy

from seqpipe.adapters._corpus import DataSet
from seqpipe.errors import DataError
from seqpipe.parts.readers import Columns, ConllU, Csv, Jsonl, Row
from seqpipe.tasks.text_classes import TextClasses
from seqpipe.tasks.words import Entities, TokenLabels

NLP = spacy.blank("en")


def lines(*rows):
    return "".join(f"{row}\n" for row in rows).encode()


def objects(*rows):
    return lines(*map(json.dumps, rows))


def sentence(*words):
    return [f"{word}\t{tag}" for word, tag in words] + [""]


def tree(*heads):
    rows = [f"{n}\tw{n}\t_\tX\t_\t_\t{head}\tdep\t_\t_" for n, head in enumerate(heads, 1)]
    return [*rows, ""]


GOOD = {"text": "see Ada here", "spans": [[4, 7, "PER"]]}
SPANS = {"spans": "spans", "label": "none"}
#: A name, what's in the file, how it's read and learnt, what's said, and how many rows are left without the damage.
DAMAGE = [
    (
        "ragged row",
        lines("text,label", "a,x", "b,y,z", "c,y"),
        lambda path, **more: Csv(path, **more),
        TextClasses(),
        ":3: it has 3 cells where the header has 2",
        2,
    ),
    (
        "other encoding",
        "text,label\na,x\nZürich,y\nc,y\n".encode("latin-1"),
        lambda path, **more: Csv(path, **more),
        TextClasses(),
        "isn't UTF-8|encoding",
        2,
    ),
    (
        "NUL",
        lines("text,label", "a,x", "b\0b,y", "c,y"),
        lambda path, **more: Csv(path, **more),
        TextClasses(),
        ":3: .*NUL",
        2,
    ),
    (
        "no label",
        lines("text,label", "a,x", "b,", "c,y"),
        lambda path, **more: Csv(path, **more),
        TextClasses(),
        ":3: its label is empty",
        2,
    ),
    (
        "overlapping spans",
        objects(GOOD, {"text": "see Ada here", "spans": [[4, 7, "A"], [0, 7, "B"]]}, GOOD),
        lambda path, **more: Jsonl(path, **SPANS, **more),
        Entities(),
        ":2.*overlap",
        2,
    ),
    (
        "span inside a word",
        objects(GOOD, {"text": "see Ada here", "spans": [[5, 7, "PER"]]}, GOOD),
        lambda path, **more: Jsonl(path, **SPANS, **more),
        Entities(),
        ":2.*(word|token)",
        2,
    ),
    (
        "span beyond the text",
        objects(GOOD, {"text": "see Ada here", "spans": [[4, 70, "PER"]]}, GOOD),
        lambda path, **more: Jsonl(path, **SPANS, **more),
        Entities(),
        ":2: it has a span from 4 to 70, and its text has 12 characters",
        2,
    ),
    (
        "tags that break BIO",
        lines(
            *sentence(("see", "O"), ("Ada", "B-PER"), ("Byron", "I-PER")),
            *sentence(("see", "O"), ("Ada", "I-PER")),
            *sentence(("Grace", "B-PER"), ("Hopper", "I-PER")),
        ),
        lambda path, **more: Columns(path, scheme="BIO", **more),
        Entities(),
        "I-PER",
        2,
    ),
    (
        "column that's missing",
        lines(
            *sentence(("see", "O"), ("Ada", "B-PER")),
            *["see\tO", "Ada", ""],
            *sentence(("Grace", "B-PER"), ("Hopper", "I-PER")),
        ),
        lambda path, **more: Columns(path, **more),
        Entities(),
        ":4: its word 2 has 1 column",
        2,
    ),
    (
        "tree with two roots",
        lines(*tree("0", "1"), *tree("0", "0"), *tree("2", "0")),
        lambda path, **more: ConllU(path, heads=True, **more),
        TokenLabels(tags="upos"),
        "root",
        2,
    ),
    (
        "tree with a circle",
        lines(*tree("0", "1"), *tree("0", "3", "2"), *tree("2", "0")),
        lambda path, **more: ConllU(path, heads=True, **more),
        TokenLabels(tags="upos"),
        "circle|cycle|tree",
        2,
    ),
    (
        "row that isn't JSON",
        objects({"text": "a", "label": "x"}) + b"{'text'\n" + objects({"text": "c", "label": "y"}),
        lambda path, **more: Jsonl(path, **more),
        TextClasses(),
        ":2: it isn't JSON",
        2,
    ),
]


def learn(reader, task):
    """Return the rows of a file that a task can learn, as a run reads and checks them."""
    data = DataSet({"data": reader}, fractions={"train": 1.0}, seed=0, tasks={"task": task})
    docs = data.docs("train", NLP)
    rows = data.parts["train"]
    for row, doc in zip(rows, docs, strict=True):
        data.annotate(doc, row)
    return rows, data.skipped


@pytest.mark.parametrize(
    ("content", "make", "task", "problem", "left"),
    [case[1:] for case in DAMAGE],
    ids=[case[0] for case in DAMAGE],
)
def test_damage_is_reported_with_its_place_and_costs_no_other_row(
    tmp_path, content, make, task, problem, left
):
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=problem) as raised:
        learn(make(str(path)), task)
    assert "rows.csv" in str(raised.value)
    rows, skipped = learn(make(str(path), on_bad_row="skip"), task)
    assert len(rows) == left
    assert len(skipped) == 1


def test_row_of_ten_megabytes_is_one_bad_row(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(lines("text,label", "a,x", "b " * 5_000_000 + ",y", "c,y"))
    with pytest.raises(DataError, match=r"rows.csv:3 has a text of 10,000,000 characters"):
        learn(Csv(str(path)), TextClasses())
    rows, skipped = learn(Csv(str(path), on_bad_row="skip"), TextClasses())
    assert {row.text for row in rows} == {"a", "c"}
    assert skipped[0].problem.startswith("has a text of 10,000,000 characters")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "rows.csv is empty"),
        (b"text,label\n", "rows.csv holds no rows"),
        (b"text,topic\na,x\n", 'there is no column "label", only "text", "topic"'),
        (b"texts,label\na,x\n", 'there is no column "text", .*did you mean "texts"'),
    ],
)
def test_file_that_has_nothing_to_read_is_refused_whatever_becomes_of_bad_rows(
    tmp_path, content, problem
):
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    for policy in ("error", "skip"):
        with pytest.raises(DataError, match=problem):
            learn(Csv(str(path), on_bad_row=policy), TextClasses())


def test_classes_that_cannot_be_learnt_are_named():
    one = [Row("a", ("x",), "rows:1"), Row("b", ("x",), "rows:2")]
    two = [*one, Row("c", ("y",), "rows:3")]
    with pytest.raises(DataError, match="x"):
        TextClasses().check({"train": one, "dev": one})
    [note] = TextClasses().check({"train": two, "dev": [*two, Row("d", ("z",), "rows:4")]})
    assert "z" in note

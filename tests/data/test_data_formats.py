"""Files of each format are read by the section that's printed for them."""

import bz2
import gzip
import json
import lzma
from importlib.metadata import entry_points

import pytest

from seqpipe import config
from seqpipe.data import examine_files, examine_section, name_parts, report_to_json
from seqpipe.errors import DataError
from seqpipe.parts.readers import Row, Stream

ALL = 10**6
TEXTS = [
    ("the sound of the old piano was lovely", "good"),
    ("a dull evening with a broken radio", "bad"),
    ("nothing but noise, from start to end", "bad"),
    ("what a wonderful concert that was", "good"),
    ("the singer forgot half of the words", "bad"),
    ("we danced until the lights went on", "good"),
]


def joined(rows, separator):
    return "".join(separator.join(row) + "\n" for row in rows)


def quoted(rows):
    return joined([[f'"{cell}"' for cell in row] for row in rows], ",")


def jsonl(*rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


#: The name of a file, its text and the reader.
CLASSES = {
    "csv": ("a.csv", "text,label\n" + quoted(TEXTS), "Csv"),
    "other names": (
        "a.csv",
        "id,review,stars\n" + quoted([(str(i), *r) for i, r in enumerate(TEXTS)]),
        "Csv",
    ),
    "label first, no header": ("a.csv", quoted([(label, text) for text, label in TEXTS]), "Csv"),
    "semicolons": ("a.csv", "text;label\n" + joined(TEXTS, ";"), "Csv"),
    "tabs": ("a.tsv", "sentence\tlabel\n" + joined(TEXTS, "\t"), "Csv"),
    "tabs, no header": ("a.tsv", joined(TEXTS, "\t"), "Csv"),
    "bars in .txt": ("a.txt", "text|label\n" + joined(TEXTS, "|"), "Csv"),
    "tabs in .txt": ("a.txt", joined([(label, text) for text, label in TEXTS], "\t"), "Csv"),
    "quotes that are characters": (
        "a.tsv",
        "text\tlabel\n"
        + joined([(f'"{i} {text}', label) for i, (text, label) in enumerate(TEXTS)], "\t"),
        "Csv",
    ),
    "column without a name": (
        "a.csv",
        ",text,label\n" + quoted([(str(i), *r) for i, r in enumerate(TEXTS)]),
        "Csv",
    ),
    "columns of one name": (
        "a.csv",
        "label,text,label\n" + quoted([(str(i), *r) for i, r in enumerate(TEXTS)]),
        "Csv",
    ),
    "jsonl": (
        "a.jsonl",
        jsonl(*({"text": text, "label": label} for text, label in TEXTS)),
        "Jsonl",
    ),
    "jsonl, other keys": (
        "a.json",
        jsonl(*({"id": i, "meta": {"body": t, "class": c}} for i, (t, c) in enumerate(TEXTS))),
        "Jsonl",
    ),
    "fastText": (
        "a.txt",
        joined([(f"__label__{label}", text) for text, label in TEXTS], " "),
        "LabelledLines",
    ),
    "label before": (
        "a.txt",
        joined([(label, text) for text, label in TEXTS], " "),
        "LabelledLines",
    ),
}


def section_of(report):
    """Return `[data]` as a pipeline file with the printed section has it."""
    return config.read_text(report.section).sections["data"]


@pytest.fixture
def examined(tmp_path, monkeypatch):
    """Return a function that writes a file and looks at it."""
    monkeypatch.chdir(tmp_path)

    def examine(name, content, **options):
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(data)
        return examine_files([name], **{"most": ALL, **options})

    return examine


def rows_of(report):
    """Return the rows that the printed section's reader reads, as a run would."""
    section = section_of(report)
    make = entry_points(group="spacy_readers")[section.pop("@readers")].load()
    reader = make(**section)
    if isinstance(reader, Stream):
        return [Row(text, (), "") for text in reader.stream()]
    result = reader.read()
    assert (result.rows, result.skipped) == (
        report.parts["data"].rows,
        report.parts["data"].skipped,
    )
    return result.rows


@pytest.mark.parametrize(("name", "text", "reader"), CLASSES.values(), ids=CLASSES)
def test_classes_are_read_by_the_section(examined, name, text, reader):
    report = examined(name, text)
    assert section_of(report)["@readers"] == f"seqpipe.{reader}.v1"
    rows = rows_of(report)
    assert [row.labels[0] for row in rows] == [label for _, label in TEXTS]
    for row, (text, _) in zip(rows, TEXTS, strict=True):
        assert row.text.lstrip('"0123456789 ') == text
    assert not report.parts["data"].skipped


def test_text_and_label_may_be_told(examined):
    header = "title,body,author,kind\n"
    rows = [(f"title {i}", text, ("A", "B")[i % 2], label) for i, (text, label) in enumerate(TEXTS)]
    report = examined("a.csv", header + quoted(rows), text="title", label="4")
    assert [row.labels for row in rows_of(report)] == [(label,) for _, label in TEXTS]
    assert report.parts["data"].rows[0].text == "title 0"
    with pytest.raises(DataError, match=r'no column "autor".*did you mean "author"'):
        examined("a.csv", header + quoted(rows), label="autor")


def test_table_without_labels_is_told_with_its_columns(examined):
    with pytest.raises(
        DataError,
        match=r"looks like the label; name it with --label; there are id .*text \(such as",
    ):
        examined(
            "a.csv", "id,text\n" + quoted([(str(i), text) for i, (text, _) in enumerate(TEXTS)])
        )


COLUMNS = "EU B-ORG\nrejects O\nGerman B-MISC\n\nPeter B-PER\nBlackburn I-PER\n\n"
CONLLU = "# text = Dogs bark.\n" + "".join(
    "\t".join(row) + "\n"
    for row in [
        ("1", "Dogs", "dog", "NOUN", "_", "_", "2", "nsubj", "_", "_"),
        ("2", "bark", "bark", "VERB", "_", "_", "0", "root", "_", "SpaceAfter=No"),
        ("3", ".", ".", "PUNCT", "_", "_", "2", "punct", "_", "_"),
    ]
)
WORDS = {
    "conll": ("a.conll", COLUMNS, "Columns"),
    "conll in .tsv": ("a.tsv", COLUMNS.replace(" ", "\t"), "Columns"),
    "conll of four columns": (
        "a.txt",
        "-DOCSTART- -X- -X- O\n\n" + COLUMNS.replace(" ", " NN B-NP "),
        "Columns",
    ),
    "conll with comments": ("a.txt", "# id 1 of 9\n" + COLUMNS, "Columns"),
    "conll-u": ("a.conllu", (CONLLU + "\n") * 3, "ConllU"),
    "jsonl of words": (
        "a.jsonl",
        jsonl(
            {"id": "0", "tokens": ["EU", "rejects"], "ner_tags": ["B-ORG", "O"]},
            {"id": "1", "tokens": ["Peter", "Blackburn"], "ner_tags": ["B-PER", "I-PER"]},
        ),
        "Jsonl",
    ),
    "jsonl of spans": (
        "a.jsonl",
        jsonl(
            {"text": "EU rejects it", "entities": [[0, 2, "ORG"]]},
            {"text": "So it does", "entities": []},
        ),
        "Jsonl",
    ),
}


@pytest.mark.parametrize(("name", "text", "reader"), WORDS.values(), ids=WORDS)
def test_words_are_read_by_the_section(examined, name, text, reader):
    report = examined(name, text)
    assert section_of(report)["@readers"] == f"seqpipe.{reader}.v1"
    rows = rows_of(report)
    assert len(rows) in (2, 3) and not report.parts["data"].skipped
    assert report.summaries["data"].marks
    assert rows[0].text.startswith(("EU rejects", "Dogs bark."))


def test_plain_texts_are_for_embeddings(examined):
    report = examined("a.txt", "".join(f"{text}\n" for text, _ in TEXTS))
    assert section_of(report) == {"@readers": "seqpipe.Lines.v1", "path": "a.txt"}
    assert [row.text for row in rows_of(report)] == [text for text, _ in TEXTS]


@pytest.mark.parametrize(
    ("suffix", "compress"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)]
)
def test_compressed_files_are_read_by_the_section(examined, suffix, compress):
    report = examined(f"a.csv.{suffix}", compress(CLASSES["csv"][1].encode()))
    assert len(rows_of(report)) == len(TEXTS)


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("cp1252", "cp1252"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
def test_encoding_is_guessed(examined, encoding, found):
    rows = [(f"{text} – naïve café", label) for text, label in TEXTS]
    report = examined("a.csv", ("text,label\n" + quoted(rows)).encode(encoding))
    assert report.files["data"][0].encoding == found
    assert [row.text for row in rows_of(report)] == [text for text, _ in rows]


def test_encoding_may_be_told(examined):
    rows = [(f"{text} я", label) for text, label in TEXTS]
    report = examined("a.csv", ("text,label\n" + quoted(rows)).encode("cp1251"), encoding="cp1251")
    assert rows_of(report)[0].text.endswith("я")


def test_row_that_goes_on_behind_the_cut_is_no_bad_row(examined):
    rows = "".join(f'"one\ntwo {number}",{"xy"[number % 2]}\n' for number in range(50))
    report = examined("a.csv", "text,label\n" + rows, most=12)
    assert len(report.parts["data"].rows) == 5 and not report.parts["data"].skipped
    assert "on_bad_row" not in section_of(report)


def test_few_bad_bytes_leave_the_encoding_as_it_is_and_are_skipped(examined):
    text = "text,label\n" + quoted([(f"{text} é", label) for text, label in TEXTS])
    report = examined("a.csv", text.encode() + b"caf\xe9,good\n")
    assert report.files["data"][0].encoding == "utf-8"
    assert section_of(report)["on_bad_row"] == "skip"
    (problem,) = report.summaries["data"].problems
    assert problem.places == ("a.csv:8",)
    rows_of(report)


@pytest.mark.parametrize("name", ["$a$b.csv", 'with "quotes" ;#.csv', "mit Ümlaut.csv"])
def test_names_of_files_survive_the_section(examined, name):
    assert section_of(examined(name, CLASSES["csv"][1]))["path"] == name


def test_parts_are_named_by_their_files_and_read_alike(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    header = "a,b,c\n"
    rows = [(label, text, "x y z") for text, label in TEXTS]
    (tmp_path / "my_test.csv").write_text(header + quoted(rows[:1]))
    (tmp_path / "my_train.csv").write_text(header + quoted(rows))
    (tmp_path / "my_valid.csv").write_text(header + quoted(rows[1:2]))
    report = examine_files(["my_train.csv", "my_valid.csv", "my_test.csv"], most=ALL)
    section = section_of(report)
    assert {name: len(part.rows) for name, part in report.parts.items()} == {
        "train": 6,
        "dev": 1,
        "test": 1,
    }
    assert all(section[name]["text"] == "b" and section[name]["label"] == "a" for name in section)
    again = examine_section(section, most=ALL)
    assert again.parts == report.parts


@pytest.mark.parametrize("suffix", ["csv", "csv.gz"])
def test_only_the_first_lines_of_a_long_file_are_read(examined, suffix):
    text = "text,label\n" + quoted(TEXTS) * 50
    data = gzip.compress(text.encode()) if suffix.endswith("gz") else text.encode()
    report = examined(f"a.{suffix}", data, most=11)
    part = report.parts["data"]
    assert part.is_cut and len(part.rows) == 10
    assert part.rows[0].source == f"a.{suffix}:2"
    assert section_of(report)["path"] == f"a.{suffix}"


BAD = {
    "nothing": (b"", "is empty"),
    "blank": (b"\n \n", "is empty"),
    "zeros": (b"text,label\nab\0c,x\n", ":2: there's a NUL byte"),
    "zip": (b"PK\x03\x04" + bytes(100), "a zip archive or a spreadsheet"),
    "control characters": (bytes(range(1, 32)) * 9, "control characters"),
    "long line": (b"text,label\n" + b"a" * 10_000_000, ":2: the line has more than 5 MB"),
    "json document": (b'[\n {"text": "a", "label": "b"}\n]\n', "one JSON document"),
    "header only": (b"text,label\n", "holds no rows|looks like the"),
}


@pytest.mark.parametrize(("data", "message"), BAD.values(), ids=BAD)
def test_bad_file_is_told(examined, data, message):
    with pytest.raises(DataError, match=message):
        examined("a.json" if data.startswith(b"[") else "a.csv", data)


def test_damaged_archive_is_told(examined):
    with pytest.raises(DataError, match="can't be read"):
        examined("a.csv.gz", gzip.compress(b"text,label\n" * 1000)[:-20])
    with pytest.raises(DataError, match="can't be read"):
        examined("a.csv.xz", b"text,label\n")


def test_what_is_no_file_is_told(tmp_path):
    with pytest.raises(DataError, match="isn't there"):
        examine_files([str(tmp_path / "none.csv")], most=ALL)
    with pytest.raises(DataError, match="is a folder"):
        examine_files([str(tmp_path)], most=ALL)


@pytest.mark.parametrize(
    ("paths", "parts"),
    [
        (["test.csv", "main.csv"], ["test", "train"]),
        (["main.csv", "other.csv"], ["train", "test"]),
        (["train.csv", "other.csv"], ["train", "test"]),
        (["other.csv", "dev.csv"], ["train", "dev"]),
        (["a.csv", "b.csv", "train.csv"], ["dev", "test", "train"]),
        (["train-1.csv", "train-2.csv"], ["train", "test"]),
        (["train.csv", "train.csv"], ["train", "test"]),
    ],
)
def test_files_whose_names_do_not_tell_get_the_parts_that_are_left(paths, parts):
    assert name_parts(paths) == parts


def test_column_of_ids_is_no_text(examined):
    header = "review_id,product_category,review_headline,review_body,star_rating\n"
    rows = [
        (f"R{number}X", "Books", text[:10], text, str(number % 2 + 1))
        for number, (text, _) in enumerate(TEXTS)
    ]
    section = section_of(examined("a.csv", header + quoted(rows)))
    assert section["text"] == "review_body" and section["label"] == "product_category"
    rows = [(f"{n % 2} {'long ' * 20}", text, label) for n, (text, label) in enumerate(TEXTS)]
    section = section_of(examined("a.csv", "text_id,main_text,kind\n" + quoted(rows)))
    assert section["text"] == "main_text"
    rows = [(f"R{number}X", text, label) for number, (text, label) in enumerate(TEXTS)]
    assert (
        section_of(examined("a.csv", "review_key,words,kind\n" + quoted(rows)))["text"] == "words"
    )


def test_bad_rows_before_the_cut_are_kept(examined):
    bad = "three,cells,here\n" * 3
    report = examined("a.csv", "text,label\n" + quoted(TEXTS) + bad + quoted(TEXTS), most=10)
    places = [each.source for each in report.parts["data"].skipped]
    assert places == ["a.csv:8", "a.csv:9"]


def test_row_of_many_lines_that_goes_on_behind_the_cut_is_no_bad_row(examined):
    long = '"one\ntwo\nthree\nfour",good\n'
    report = examined("a.csv", "text,label\n" + quoted(TEXTS) + "a,b,c\n" + long, most=11)
    assert [each.source for each in report.parts["data"].skipped] == ["a.csv:8"]


def test_errors_of_a_cut_file_name_the_file(examined):
    rows = "one text,x\n" * 9
    with pytest.raises(DataError, match=r"^a\.csv: none of its 2 rows.*, a\.csv:2: "):
        examined("a.csv", "text,label\n,x\n,y\n" + rows, most=3, text="text")


@pytest.mark.parametrize(("name", "content"), [("a.conll", COLUMNS), ("a.txt", "one\ntwo three\n")])
@pytest.mark.parametrize("told", [{"text": "1"}, {"label": "1"}])
def test_columns_of_a_format_without_columns_are_refused(examined, name, content, told):
    with pytest.raises(
        DataError, match=r"a\.(conll|txt): --text and --label name columns.* leave them"
    ):
        examined(name, content, **told)


def test_label_of_json_lines_with_lists_of_words_may_be_told(examined):
    rows = [
        {"tokens": text.split(), "tags": ["O"] * len(text.split()), "text": text, "kind": label}
        for text, label in TEXTS
    ]
    assert section_of(examined("a.jsonl", jsonl(*rows)))["words"] == "tokens"
    assert section_of(examined("a.jsonl", jsonl(*rows), label="kind"))["label"] == "kind"


def test_counts_of_one_are_singular(examined):
    report = examined("a.csv", b"text,label\nlovely,good\ncaf\xe9,bad\nfine,good\n")
    scanned, found = report.files["data"]
    assert "1 line can't be read" in scanned.why
    assert found.roles["text"].endswith("1 word on average)")
    report = examined("a.csv", "words,kind\nlovely,good\nawful,bad\nfine,good\nboring,bad\n")
    assert report.files["data"][1].roles["text"].endswith(": 1 word on average)")


def test_columns_of_words_are_numbered_from_1(examined):
    files = report_to_json(examined("a.conll", COLUMNS))["files"]["data"]
    assert [column["name"] for column in files["columns"]] == [1, 2]
    assert files["roles"] == {"words": "column 1", "tag": "column 2, the last"}
    assert files["size"] == len(COLUMNS) and files["encoding_reason"] == "only ASCII characters"


def test_texts_without_labels_serve_for_language_models_too(examined):
    report = examined("a.txt", "".join(f"{text}\n" for text, _ in TEXTS))
    assert "[language_model]" in report.files["data"][1].roles["text"]


@pytest.mark.parametrize(
    ("header", "rows", "is_guess"),
    [("words,kind\n", 1, True), ("text,kind\n", 1, False), ("words,kind\n", 20, False)],
)
def test_header_that_may_be_data_is_called_a_guess(examined, header, rows, is_guess):
    report = examined("a.csv", header + quoted(TEXTS) * rows)
    assert ("a header (a guess: " in report.files["data"][1].format) == is_guess

"""Readers of files, given a folder or a pattern: one order, a source for each row, and errors that say what was looked for."""

import gzip
import json
import os
from pathlib import Path

import pytest

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers import (
    AlignedLines,
    Columns,
    ConllU,
    Csv,
    Jsonl,
    LabelledLines,
    Lines,
    locate_files,
)

#: What a file of a text has in it, by its reader and the name of such a file.
READERS = {
    "table.csv": (Csv, lambda text: f"text,label\n{text},a\n"),
    "table.tsv": (Csv, lambda text: f"text\tlabel\n{text}\ta\n"),
    "objects.jsonl": (Jsonl, lambda text: json.dumps({"text": text, "label": "a"})),
    "objects.ndjson": (Jsonl, lambda text: json.dumps({"text": text, "label": "a"})),
    "labelled.txt": (LabelledLines, lambda text: f"__label__a {text}\n"),
    "words.conll": (Columns, lambda text: f"{text}\tX\n"),
    "words.conllu": (ConllU, lambda text: "\t".join(["1", text, *"_____0__"[:4], *"____"])),
}


@pytest.fixture(autouse=True)
def working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(*names, name="objects.jsonl"):
    _, content = READERS[name]
    for each in names:
        path = Path(each)
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content(path.name.partition(".")[0]).encode()
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def texts(reader):
    return [row.text for row in reader.read().rows]


def message_of(read):
    with pytest.raises(DataError) as caught:
        read()
    return str(caught.value)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("path", ["set", "set/", "set/*", "s?t/[ab].*", "**/*.*"])
def test_folder_and_pattern_are_read_by_every_reader(name, path):
    suffix = Path(name).suffix
    write(f"set/b{suffix}.gz", f"set/a{suffix}", f"set/.hidden{suffix}", name=name)
    rows = READERS[name][0](path).read().rows
    assert [row.text for row in rows] == ["a", "b"]
    first, second = (row.source.rpartition(":")[0] for row in rows)
    assert (first, second) == (f"set/a{suffix}", f"set/b{suffix}.gz")


def test_folder_gives_files_with_the_readers_suffixes_and_no_folders():
    write("set/b.jsonl", "set/a.NDJSON", "set/notes.txt", "set/deeper/c.jsonl")
    Path("set/folder.jsonl").mkdir()
    Path("set/folder.jsonl").rename("set/dotted")
    assert texts(Jsonl("set")) == ["a", "b"]


def test_two_stars_go_into_folders_of_folders():
    write("set/a.jsonl", "set/x/b.jsonl", "set/x/y/c.jsonl", "set/.git/d.jsonl")
    assert texts(Jsonl("set/**/*.jsonl")) == ["a", "b", "c"]
    assert texts(Jsonl("**/b*")) == ["b"]
    assert texts(Jsonl("set/*/*.jsonl")) == ["b"]


def test_row_that_is_bad_is_named_with_its_own_file_and_line():
    write("set/a.jsonl", "set/b.jsonl", "set/c.jsonl")
    Path("set/b.jsonl").write_text('\n{"text": "b"}\n')
    assert message_of(Jsonl("set").read).startswith('set/b.jsonl:2: there is no key "label"')
    result = Jsonl("set", on_bad_row="skip").read()
    assert [row.text for row in result.rows] == ["a", "c"]
    assert [bad.source for bad in result.skipped] == ["set/b.jsonl:2"]


def test_every_table_has_a_header_of_its_own():
    write("set/a.csv", name="table.csv")
    Path("set/b.csv").write_text("label,more,text\ny,0,other\n")
    assert [(row.text, row.labels) for row in Csv("set").read().rows] == [
        ("a", ("a",)),
        ("other", ("y",)),
    ]
    Path("set/c.csv").write_text("label,body\ny,c\n")
    assert message_of(Csv("set").read).startswith('set/c.csv:1: there is no column "text"')


def test_delimiter_of_several_files_is_that_of_each_suffix_or_asked_for():
    write("set/a.csv", name="table.csv")
    write("set/b.tsv", name="table.tsv")
    assert texts(Csv("set")) == texts(Csv("set/*")) == ["a", "b"]
    Path("set/c.dat").write_text("text;label\nc;a\n")
    assert "set/c.dat ends in neither" in message_of(Csv("set/*").read)
    assert texts(Csv("set/*.dat", delimiter=";")) == ["c"]
    with pytest.raises(ConfigError, match="ends in neither"):
        Csv("set/*.dat")


def test_number_of_columns_is_that_of_most_lines_in_all_files():
    Path("a.conll").write_text("w X\n")
    Path("b.conll").write_text("w more X\n\n" * 3)
    result = Columns("*.conll", on_bad_row="skip").read()
    assert [bad.source for bad in result.skipped] == ["a.conll:1"]


def test_lines_are_streamed_from_folders_and_patterns():
    write("set/b.txt", "set/a.txt", "set/c.text", name="labelled.txt")
    assert list(Lines("set").stream()) == ["__label__a a", "__label__a b"]
    assert list(Lines(["set/*.text", "set"], most=2).stream()) == ["__label__a c", "__label__a a"]


def test_nothing_that_matches_is_an_error_that_says_where_was_looked():
    Path("set").mkdir()
    where = f"looked for {Path.cwd() / 'set' / '*.jsonl'}"
    assert message_of(Jsonl("set/*.jsonl").read) == f"set/*.jsonl: no file matches; {where}"
    assert message_of(Jsonl("gone/*").read).startswith("gone/*: no file matches; looked for")
    assert "none isn't there" in message_of(Jsonl("none").read)


def test_folder_without_such_files_is_an_error_that_says_what_there_is():
    Path("set/class").mkdir(parents=True)
    write("set/.hidden.jsonl")
    message = message_of(Jsonl("set").read)
    assert 'no file in it ends in .jsonl or .ndjson; it holds "class"' in message
    assert '"set/*.*"' in message and "seqpipe.Folders.v1" in message
    Path("set/class").rmdir()
    assert "it holds nothing at all" in message_of(Jsonl("set").read)


def test_damaged_file_among_others_is_named():
    write("set/a.jsonl", "set/b.jsonl.gz")
    Path("set/b.jsonl.gz").write_bytes(Path("set/b.jsonl.gz").read_bytes()[:-9])
    message = message_of(Jsonl("set", on_bad_row="skip").read)
    assert message.startswith("set/b.jsonl.gz: it can't be decompressed")


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_link_to_nothing_is_not_passed_over():
    write("set/a.jsonl")
    Path("set/b.jsonl").symlink_to("gone.jsonl")
    assert "set/b.jsonl isn't there" in message_of(Jsonl("set").read)
    assert "set/b.jsonl isn't there" in message_of(Jsonl("set/*.jsonl").read)


@pytest.mark.skipif(os.name == "nt", reason="names can't have such characters there")
def test_what_exists_by_the_very_name_is_no_pattern():
    write("a[1].jsonl", "a1.jsonl", "odd*/b.jsonl", "oddly/c.jsonl")
    assert texts(Jsonl("a[1].jsonl")) == ["a[1]"]
    assert texts(Jsonl("odd*")) == ["b"]
    assert texts(Jsonl("a*.jsonl")) == ["a1", "a[1]"]


def test_forms_of_paths_have_patterns_too(monkeypatch, tmp_path):
    write("root/a.jsonl", "root/set/b.jsonl", "site/seqpipe_test_shards/data/c.jsonl")
    Path("site/seqpipe_test_shards/__init__.py").write_text("")
    monkeypatch.setenv("SEQPIPE_DATA", str(tmp_path / "root"))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    names = {
        "data:*.jsonl": "data:a.jsonl",
        "data:set": "data:set/b.jsonl",
        "data:": "data:a.jsonl",
        "data:s*/*": "data:set/b.jsonl",
        "package:seqpipe_test_shards/*/*.jsonl": "package:seqpipe_test_shards/data/c.jsonl",
        "package:seqpipe_test_shards/data": "package:seqpipe_test_shards/data/c.jsonl",
    }
    for path, name in names.items():
        [(found, file)] = locate_files(path, suffixes=(".jsonl",))
        assert found == name and file.is_file()
    for path in ("data:../*", "data:*/../../*", "package:seqpipe_test_shards/*/../../*"):
        assert "leads out" in message_of(lambda path=path: locate_files(path, suffixes=()))


def test_files_that_belong_together_are_named_one_by_one():
    write("set/a.txt", name="labelled.txt")
    assert "set/*.txt is a pattern" in message_of(AlignedLines("set/*.txt").read)
    assert "set is a folder" in message_of(AlignedLines("set").read)

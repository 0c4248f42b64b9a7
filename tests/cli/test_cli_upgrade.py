"""`seqpipe upgrade`: newer versions of parts, and everything else byte for byte."""

import json

import pytest

from seqpipe.config import compile_file
from seqpipe.errors import SavedModelError

FILE = """# My file.
[pipeline]
lang = "xx"

[data]
@readers = "seqpipe.Jsonl.v1"
path = "texts.jsonl"

; The head.
[head]
@seqpipe_heads = "seqpipe.TextClassifier.v1"
pool = ["max"]\t
"""
PLUGIN = """
    class Old:
        def __init__(self, *, size: int = 1, gone: bool = True, price: str = "$1") -> None: ...

    class New:
        def __init__(self, *, size: int = 2, price: str = "$1", extra: float = 0.5) -> None: ...

    class Newest:
        def __init__(
            self, *, size: int = 2, gone: bool = True, price: str = "$2", extra: float = 0.5
        ) -> None: ...

    @hookimpl
    def seqpipe_tokenizers():
        return {"acorn.Tok.v1": Old, "acorn.Tok.v9": New, "acorn.Other.v1": Old, VERSIONS}
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "pipeline.cfg"
    file.write_bytes(FILE.encode())
    return file


def head(file):
    block = compile_file(file).interpolate()["components"]["textcat"]["model"]["head"]
    return {key: value for key, value in block.items() if not key.startswith("@")}


def test_newer_version_is_taken_with_the_old_defaults(call, file):
    called = call("upgrade", str(file))
    assert called.code == 0, called.err
    expected = FILE.replace('TextClassifier.v1"\n', 'TextClassifier.v2"\ndropout = 0.0\n')
    assert file.read_bytes() == expected.encode()
    assert '-@seqpipe_heads = "seqpipe.TextClassifier.v1"' in called.out
    assert "+dropout = 0.0" in called.out and "is upgraded" in called.out
    assert head(file) == {"pool": ["max"], "dropout": 0.0}
    again = call("upgrade", str(file), "--check")
    assert again.code == 0 and "nothing to upgrade" in again.out


def test_new_defaults_are_taken_where_they_are_asked_for(call, file):
    assert call("upgrade", str(file), "--new-defaults").code == 0
    assert file.read_text() == FILE.replace("TextClassifier.v1", "TextClassifier.v2")


def test_check_writes_nothing(call, file):
    called = call("upgrade", str(file), "--check")
    assert called.code == 1 and "would be upgraded" in called.out
    assert file.read_text() == FILE


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_line_ends_indents_and_mark_stay(call, file, end):
    text = FILE.replace("@seqpipe_heads = ", "  @seqpipe_heads:  ").replace("pool", "  pool")
    text = "\ufeff" + text.strip().replace("\n", end)
    file.write_bytes(text.encode())
    file.chmod(0o640)
    assert call("upgrade", str(file)).code == 0
    expected = text.replace('.v1"' + end + "  pool", f'.v2"{end}  dropout:  0.0{end}  pool')
    assert file.read_bytes() == expected.encode()
    assert file.stat().st_mode & 0o777 == 0o640


def test_part_on_a_last_line_without_an_end_is_upgraded(call, file):
    file.write_bytes(FILE[: FILE.index("\npool")].encode())
    assert call("upgrade", str(file)).code == 0
    assert file.read_text().endswith('.v2"\npool = ["mean", "max"]\ndropout = 0.0')


def with_tokenizer(file, name, *settings):
    lines = "\n".join(["[tokenizer]", f'@seqpipe_tokenizers = "{name}"', *settings])
    text = FILE.replace("TextClassifier.v1", "TextClassifier.v2") + lines + "\n"
    file.write_text(text)
    return text


def test_part_of_a_plugin_is_upgraded_to_the_newest_version(call, file, install):
    install("acorn", PLUGIN.replace("VERSIONS", '"acorn.Tok.v10": Newest'))
    text = with_tokenizer(file, "acorn.Tok.v1")
    called = call("upgrade", str(file))
    assert called.code == 0, called.err
    new = 'acorn.Tok.v10"\nsize = 1\nprice = "$$1"'
    assert file.read_text() == text.replace('acorn.Tok.v1"', new)
    assert "acorn.Tok.v10 has a new setting: extra = 0.5" in called.out


@pytest.mark.parametrize("settings", [[], ["gone = false"]])
def test_part_whose_newest_version_lacks_a_setting_is_kept(call, file, install, settings):
    install("acorn", PLUGIN.replace("VERSIONS", ""))
    text = with_tokenizer(file, "acorn.Tok.v1", *settings)
    called = call("upgrade", str(file))
    assert called.code == 0 and "has no setting `gone`" in called.out
    assert "keeps acorn.Tok.v1, though there's acorn.Tok.v9" in called.out
    assert file.read_text() == text
    called = call("upgrade", str(file), "--new-defaults")
    assert ("acorn.Tok.v9" in file.read_text()) == (not settings)


def test_part_named_by_a_reference_or_inside_a_value_is_left_and_told_of(call, file):
    text = FILE.replace('"seqpipe.TextClassifier.v1"', "${vars.head}")
    text += '[vars]\nhead = "seqpipe.TextClassifier.v1"\n'
    text += 'one = {"@seqpipe_heads": "seqpipe.TextClassifier.v1"}\n'
    file.write_text(text)
    called = call("upgrade", str(file))
    assert called.code == 0 and file.read_text() == text, called.err
    assert "its name isn't on the line of its key" in called.out
    assert "inside the value of `one`" in called.out


def test_compiled_file_is_upgraded_too(call, file, tmp_path):
    (tmp_path / "all.cfg").write_text(call("compile", str(file)).out)
    before = head(tmp_path / "all.cfg")
    assert call("upgrade", "all.cfg").code == 0
    assert "TextClassifier.v2" in (tmp_path / "all.cfg").read_text()
    assert head(tmp_path / "all.cfg") == {**before, "dropout": 0.0}


def test_broken_file_is_reported_as_by_compile_and_stays(call, file):
    text = FILE.replace("pool =", "pol =")
    file.write_text(text)
    upgraded, compiled = call("upgrade", str(file)), call("compile", str(file))
    assert upgraded.code == 1 and upgraded.err == compiled.err and '"pool"' in upgraded.err
    assert file.read_text() == text


def test_file_stays_if_it_cannot_be_written(call, file, monkeypatch):
    def fail(*_):
        raise SavedModelError("no room")

    monkeypatch.setattr("seqpipe.storage.write_file", fail)
    called = call("upgrade", str(file))
    assert called.code == 1 and "no room" in called.err
    assert file.read_text() == FILE


def test_json_does_not_say_that_a_file_is_written_before_it_is(call, file, monkeypatch):
    def fail(*arguments):
        raise SavedModelError("there's no room")

    monkeypatch.setattr("seqpipe.storage.write_file", fail)
    called = call("upgrade", str(file), "--json")
    assert called.code == 1 and "is_written" not in called.out


def test_json_has_the_new_text_and_keeps_the_exit_code(call, file):
    called = call("upgrade", str(file), "--check", "--json")
    told = json.loads(called.out)
    assert (called.code, told["changes"], told["is_written"]) == (1, True, False)
    assert "TextClassifier.v2" in told["text"] and file.read_bytes() == FILE.encode()
    written = json.loads(call("upgrade", str(file), "--json").out)
    assert written == {**told, "is_written": True}
    assert file.read_bytes() == told["text"].encode()
    again = call("upgrade", str(file), "--check", "--json")
    assert again.code == 0 and not json.loads(again.out)["changes"]

"""Texts of unknown origin: what a terminal can't write, and what would steer it."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
from rich.text import Text

from seqpipe.cli import main
from seqpipe.cli._errors import _message
from seqpipe.cli._run_output import print_results
from seqpipe.cli.embeddings._evaluation import make_table
from seqpipe.cli.plugins._screen import make_console, print_prose
from seqpipe.config import Diagnostic, PipelineFileError
from seqpipe.errors import DataError
from seqpipe.reporting import escaped, escaped_lines

#: A label that clears the screen, begins a line of its own, and turns the text around.
HOSTILE = "\x1b[2Ja\r\nerror: \x9b1m\u202eb\u2067"
SHOWN = r"\x1b[2Ja\r\nerror: \x9b1m\u202eb\u2067"

UNSAFE = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x202A, 0x2069, 0xD800)]


@pytest.mark.parametrize("character", UNSAFE, ids=ascii)
def test_what_steers_a_terminal_is_spelled_out(character):
    assert escaped(character).isascii() and escaped(character).isprintable()
    assert escaped(escaped(character)) == escaped(character)
    assert escaped_lines(character) == (character if character in "\n\t" else escaped(character))


@pytest.mark.parametrize(
    "text", ["größe", "词", "שלום", "👩‍👩‍👧", "e\u0301", "a\xa0b", "\\n", "[b]"]
)
def test_words_stay_as_they_are(text):
    assert escaped(text) == escaped_lines(text) == text


def _report():
    scores = {"precision": 1.0, "recall": 1.0, "f": 1.0, "texts": 2}
    test = {
        "classes": {HOSTILE: scores, "other": scores},
        "confusion": {HOSTILE: {"other": 1}, "other": {HOSTILE: 1}},
        "ranked": None,
        "accuracy": 1.0,
        "macro_f": 1.0,
    }
    return {"test": test, "timings": {"total": 1.0}, "words_per_second": 1}


PLACES = {
    "label": lambda console: print_results(console, _report(), Path("model")),
    "path": lambda console: print_results(console, _report() | {"test": {}}, Path(HOSTILE)),
    "word": lambda console: console.print(make_table(HOSTILE, ("n",), [(HOSTILE, "1")])),
    "error": lambda console: console.print(_message(DataError(escaped(HOSTILE)), traceback=False)),
    "pipeline file": lambda console: console.print(
        _message(
            PipelineFileError([Diagnostic(HOSTILE, help=(HOSTILE,))], HOSTILE), traceback=False
        )
    ),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_hostile_text_is_shown_on_one_line(place, encoding):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = make_console(stream)
    console.width = 200
    PLACES[place](console)
    stream.flush()
    out = stream.buffer.getvalue().decode(encoding)
    assert SHOWN in out
    assert not any(character in out for character in UNSAFE if character != "\n")
    assert not any(line.startswith("error: \\x9b") for line in out.splitlines())


@pytest.mark.parametrize(
    "show", [lambda console, text: print_prose(console, text), lambda c, text: c.print(Text(text))]
)
def test_text_of_several_lines_keeps_them_and_steers_nothing(show):
    stream = io.StringIO()
    show(make_console(stream), "first \x1b[2J\u202e\nsecond")
    assert stream.getvalue().splitlines() == [r"first \x1b[2J\u202e", "second"]


def test_error_of_several_lines_has_one_head():
    assert _message(DataError("a\nerror: b\x1b"), traceback=False) == "error: a\n  error: b\\x1b"


def test_columns_have_the_width_of_what_is_shown():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    make_console(stream).print(make_table("größe", ("n",), [("词", "1"), ("abc", "2")]))
    stream.flush()
    lines = stream.buffer.getvalue().decode("ascii").splitlines()
    assert len({len(line) for line in lines}) == 1


def test_markup_in_a_label_is_text():
    stream = io.StringIO()
    report = _report()
    report["test"]["classes"] = {"[/b] :smile:": report["test"]["classes"]["other"]}
    report["test"]["confusion"] = {}
    print_results(make_console(stream, soft_wrap=False), report, Path("model"))
    assert "[/b] :smile:" in stream.getvalue()


PLUGIN = """
class Words:
    "Splits \\x1b[2J\\u202eat white space."
    def __call__(self, text): return text.split()

@hookimpl
def seqpipe_tokenizers(): return {"acme.Words.v1": Words}
"""


def test_docstring_of_a_plugin_is_escaped_and_json_stays_json(call, install):
    install("acme", PLUGIN)
    called = call("plugins", "show", "acme.Words.v1")
    assert r"Splits \x1b[2J\u202eat white space." in called.out and "\x1b" not in called.out
    found = json.loads(call("plugins", "show", "acme.Words.v1", "--json").out)
    assert found["summary"] == "Splits \x1b[2J\u202eat white space."


def test_exception_of_a_plugin_is_escaped(call, install):
    install("broken", r"raise RuntimeError('\x1b]0;title\x07\u202e')")
    called = call("plugins", "--traceback")
    assert r"\x1b]0;title\x07\u202e" in called.out
    assert "\x1b" not in called.out and "\u202e" not in called.out


def ascii_streams(monkeypatch, *arguments):
    """Call ``seqpipe`` with streams that write ASCII alone; return its exit code and what it wrote."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="ascii") for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    monkeypatch.setattr(sys, "argv", ["seqpipe", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    for stream in streams:
        stream.flush()
    return left.value.code or 0, *(s.buffer.getvalue().decode("ascii") for s in streams)


RUN = """
[data]
@readers = "seqpipe.Csv.v1"
path = "tëxts.csv"
split = {"train": 0.5, "dev": 0.25, "test": 0.25}

[tokenizer]
@seqpipe_tokenizers = "acme.Merges.v1"
count = 10

[embedder]
@seqpipe_embedders = "seqpipe.Word2Vec.v1"
width = 4
epochs = 1
min_count = 1

[encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = 4

[head]
@seqpipe_heads = "seqpipe.TextClassifier.v1"

[training]
max_steps = 2
"""
MERGES = """
from adapters.learned_tokenizer import Merges

@hookimpl
def seqpipe_tokenizers(): return {"acme.Merges.v1": Merges}
"""


def test_run_with_labels_that_ascii_lacks_and_a_tokenizer_that_learns(
    install, tmp_path, monkeypatch
):
    install("acme", MERGES)
    monkeypatch.chdir(tmp_path)
    rows = [f"lower lowest {word},{label}" for word in "abcdefgh" for label in ("größe", "词")]
    Path("tëxts.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    Path("pipelïne.cfg").write_text(RUN, encoding="utf-8")
    code, out, err = ascii_streams(monkeypatch, "run", "pipelïne.cfg", "--output", "öut")
    assert (err, code) == ("", 0)
    assert r"gr\xf6\xdfe" in out and r"\u8bcd" in out and r"pipel\xefne.cfg" in out
    Path("tëxts.csv").unlink()
    nlp = spacy.load(Path("öut/model-best"))
    assert (Path("öut/model-best/tokenizer/pairs.json")).is_file()
    assert [token.text for token in nlp("lowest")] == nlp.tokenizer.tokenize("lowest") == ["lowest"]


def test_compiled_file_stays_the_same_configuration(tmp_path, monkeypatch):
    file = tmp_path / "pipeline.cfg"
    text = RUN.replace('"acme.Merges.v1"\ncount = 10', '"seqpipe.Whitespace.v1"')
    file.write_text(text.replace("tëxts.csv", "tëxts\u202e词😀.csv"), encoding="utf-8")
    code, out, err = ascii_streams(monkeypatch, "compile", str(file))
    assert (err, code) == ("", 0)
    config = spacy.util.Config().from_str(out, interpolate=False)
    assert config["corpora"]["train"]["data"]["path"] == "tëxts\u202e词😀.csv"


def test_error_that_ascii_lacks_is_no_traceback(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "seqpipe", "compile", "größe.cfg"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONIOENCODING": "ascii:strict"},
    )
    assert done.returncode == 1 and r"gr\xf6\xdfe.cfg" in done.stderr
    assert "Traceback" not in done.stderr

"""What a user sees who made a mistake: a message on stderr, no traceback, and nothing written."""

import pytest
from e2e.small_world import PIPELINE, names, seqpipe, write_world


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Write the small world, and go there."""
    write_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def nothing_written(folder):
    return names(folder) == ["pipeline.cfg", "texts"]


MISTAKES = {
    "unknown override": (["--encoder.widht", "32"], ["encoder.widht", "width"]),
    "unknown override of spaCy's": (["--training.foo", "3"], ["training.foo"]),
    "unknown section": (["--trainning.max_epochs", "3"], ["trainning", "training"]),
    "wrong type": (["--encoder.width", "wide"], ["encoder.width", "wide", "integer"]),
    "no value": (["--encoder.width"], ["encoder.width"]),
    "part of another kind": (
        ["--encoder.cell.@seqpipe_cells", "seqpipe.Whitespace.v1"],
        ["seqpipe.Whitespace.v1", "tokenizer"],
    ),
    "reader in the tokenizer's place": (
        ["--tokenizer.@readers", "seqpipe.Folders.v1", "--tokenizer.path", "texts"],
        ["tokenizer", "seqpipe_tokenizers"],
    ),
    "misspelt part": (
        ["--encoder.cell.@seqpipe_cells", "seqpipe.LTSM.v1"],
        ["seqpipe.LTSM.v1", "seqpipe.LSTM.v1"],
    ),
    "plugin that isn't there": (
        ["--encoder.cell.@seqpipe_cells", "acme.Cell.v1"],
        ["acme"],
    ),
    "folder that isn't there": (["--data.path", "textes"], ["textes"]),
    "setting that can't be used": (["--encoder.width", "15"], ["width", "even"]),
    "share out of range": (["--encoder.dropout", "1.5"], ["dropout", "1.5"]),
    "training without end": (
        ["--training.max_epochs", "0", "--training.patience", "0"],
        ["max_epochs"],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named_and_nothing_is_written(call, world, mistake):
    arguments, said = MISTAKES[mistake]
    called = call("run", "pipeline.cfg", *arguments)
    assert called.code == 1
    assert "Traceback" not in called.err
    assert called.err.startswith("error")
    for word in said:
        assert word in called.err
    assert nothing_written(world)


@pytest.mark.parametrize("command", ["run", "compile"])
def test_missing_file_is_named(call, world, command):
    called = call(command, "pipline.cfg")
    assert called.code == 1
    assert "pipline.cfg" in called.err and "Traceback" not in called.err
    assert nothing_written(world)


@pytest.mark.parametrize("command", ["run", "compile"])
@pytest.mark.parametrize(
    ("content", "line"),
    [
        (PIPELINE.replace("width = 16", "width = 16 17"), "width = 16 17"),
        (PIPELINE.replace("[head]", "[head"), "[head"),
        ("[data]\n[data\n", "[data"),
        ("", "[data]"),
    ],
)
def test_broken_file_is_shown_where_it_is_broken(call, world, command, content, line):
    (world / "pipeline.cfg").write_text(content, encoding="utf-8")
    called = call(command, "pipeline.cfg")
    assert called.code == 1
    assert "pipeline.cfg" in called.err and line in called.err
    assert "Traceback" not in called.err
    assert nothing_written(world)


def test_file_that_is_not_text_is_named(call, world):
    (world / "pipeline.cfg").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    called = call("run", "pipeline.cfg")
    assert called.code == 1
    assert "pipeline.cfg" in called.err and "Traceback" not in called.err


def test_folder_in_the_place_of_a_file_is_named(call, world):
    called = call("run", "texts")
    assert called.code == 1
    assert "texts" in called.err and "Traceback" not in called.err


def test_output_that_is_somebody_elses_is_refused_before_training(call, world):
    mine = world / "out" / "model-best"
    mine.mkdir(parents=True)
    (mine / "thesis.txt").write_text("mine", encoding="utf-8")
    called = call("run", "pipeline.cfg", "--output", "out")
    assert called.code == 1
    assert "model-best" in called.err and "Traceback" not in called.err
    assert (mine / "thesis.txt").read_text(encoding="utf-8") == "mine"
    assert names(world / "out") == ["model-best"]


def test_output_that_is_a_file_is_refused(call, world):
    (world / "out").write_text("mine", encoding="utf-8")
    called = call("run", "pipeline.cfg", "--output", "out")
    assert called.code == 1
    assert "out" in called.err and "Traceback" not in called.err
    assert (world / "out").read_text(encoding="utf-8") == "mine"


def test_several_mistakes_are_reported_at_once(call, world):
    called = call("run", "pipeline.cfg", "--encoder.widht", "32", "--head.pol", "mean")
    assert called.code == 1
    assert "encoder.widht" in called.err and "head.pol" in called.err


def test_compile_prints_nothing_but_the_configuration(call, world, monkeypatch):
    called = call("compile", "pipeline.cfg", "--encoder.width", "32")
    assert called.code == 0 and called.err == ""
    assert called.out.startswith("[")
    assert "width = 32" in called.out
    assert nothing_written(world)


def test_program_that_a_plugin_starts_prints_nothing_into_the_configuration(call, install, world):
    offer = '{"acme.Words.v1": "seqpipe.parts.tokenizers:Whitespace"}'
    hook = f"@hookimpl\ndef seqpipe_tokenizers():\n    return {offer}\n"
    install("acme", f"import os\nos.system('echo hello')\n{hook}")
    called = call("compile", "pipeline.cfg", "--tokenizer.@seqpipe_tokenizers", "acme.Words.v1")
    assert (called.code, called.err) == (0, "hello\n")
    assert called.out.startswith("[") and "acme.Words.v1" in called.out


def test_mistake_in_a_fresh_process_is_a_message_without_traceback(world):
    done = seqpipe("run", "pipeline.cfg", "--encoder.widht", "32", cwd=world)
    assert done.returncode == 1
    assert "did you mean" in done.stderr and "width" in done.stderr
    assert "Traceback" not in done.stderr
    assert nothing_written(world)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("--device", "gpu", "cuda"), ("--precision", "bfloat15", "bfloat16")],
)
@pytest.mark.parametrize("command", ["run", "predict"])
def test_name_of_no_device_or_precision_is_a_wrong_command_line(
    call, world, command, option, value, said
):
    arguments = [command, "pipeline.cfg", *(["texts"] if command == "predict" else [])]
    called = call(*arguments, option, value)
    assert called.code == 2
    for word in (option, value, f'did you mean "{said}"?'):
        assert word in called.err
    assert nothing_written(world)

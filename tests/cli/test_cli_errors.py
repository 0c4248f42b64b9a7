"""Every command ends errors in a message, and shows tracebacks when it's asked to."""

import inspect
import json
import os
import signal

import numpy as np
import pytest
import typer
from cli.embedding_models import table_pipeline
from confection import ConfigValidationError
from typer.testing import CliRunner

from seqpipe.cli import _errors, app
from seqpipe.cli._errors import reporting_errors
from seqpipe.config import Diagnostic, PipelineFileError
from seqpipe.errors import PluginError


def call(raise_error, *arguments):
    """Call a command that raises an error, and return the result."""
    made = typer.Typer()

    def command(name: str = "x") -> None:
        """Do something."""
        raise_error()

    made.command()(reporting_errors(command))
    return CliRunner().invoke(made, list(arguments))


def raise_bug():
    raise ZeroDivisionError("a bug")


def raise_with_cause():
    try:
        raise_bug()
    except ZeroDivisionError as error:
        raise PluginError("the part is broken") from error


def raise_alone():
    raise PluginError("the part is missing")


@pytest.mark.parametrize(
    ("raise_error", "says"),
    [
        (raise_bug, "error: something failed that shouldn't (ZeroDivisionError: a bug); please"),
        (raise_with_cause, "error: the part is broken"),
        (raise_alone, "error: the part is missing"),
    ],
)
def test_errors_are_messages_and_tracebacks_come_on_request(raise_error, says):
    quiet, loud = call(raise_error), call(raise_error, "--traceback")
    assert quiet.exit_code == loud.exit_code == 1
    assert quiet.stderr.startswith(says) and "Traceback" not in quiet.stderr
    assert ("`--traceback` shows where" in quiet.stderr) is (raise_error is not raise_alone)
    assert says in loud.stderr and f"in {raise_error.__name__}" in loud.stderr


def leaves(group):
    for info in group.registered_commands:
        yield info.callback
    for inner in group.registered_groups:
        yield from leaves(inner.typer_instance)


def test_every_command_takes_traceback():
    commands = list(leaves(app))
    assert len(commands) > 8
    for command in commands:
        assert "traceback" in inspect.signature(command).parameters, command


def test_exits_and_bad_parameters_pass():
    def leave():
        raise typer.Exit(3)

    def refuse():
        raise typer.BadParameter("no such thing")

    assert call(leave).exit_code == 3
    assert call(refuse).exit_code == 2


def test_handler_of_sigterm_is_as_before_afterwards():
    before = signal.getsignal(signal.SIGTERM)
    call(raise_alone)
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_forked_process_is_ended_by_sigterm():
    codes = []

    def fork():
        child = os.fork()
        if not child:
            os.kill(os.getpid(), signal.SIGTERM)
            os._exit(7)
        codes.append(os.waitpid(child, 0)[1])

    call(fork)
    assert codes == [signal.SIGTERM]


def test_vectors_of_nan_are_refused(tmp_path):
    nlp = table_pipeline()
    nlp.vocab.vectors.data[0, 0] = np.nan
    nlp.to_disk(tmp_path / "model")
    arguments = ["embeddings", "nearest", str(tmp_path / "model"), "river", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert "has word vectors with NaN or infinite numbers" in result.stderr


def test_json_has_no_nan():
    from seqpipe.cli.plugins._screen import print_json

    with pytest.raises(ValueError, match="Out of range float"):
        print_json(json.loads('{"score": NaN}'))


@pytest.mark.parametrize(
    ("cause", "has_hint"),
    [
        (TypeError("a bug"), True),
        (ValueError("too many values to unpack"), True),
        (ConfigValidationError(config={}, errors=[]), False),
        (None, False),
    ],
)
def test_error_with_a_place_that_comes_from_code_can_be_looked_for_there(cause, has_hint):
    def raise_placed():
        raise PipelineFileError([Diagnostic("it can't be made")], "f.cfg") from cause

    assert ("`--traceback` shows where" in call(raise_placed).stderr) is has_hint
    assert "`--traceback`" not in call(raise_placed, "--traceback").stderr


@pytest.mark.parametrize(("wish", "has_colours"), [("", True), ("1", False)])
def test_places_of_errors_are_coloured_on_a_terminal_unless_that_is_not_wanted(
    monkeypatch, wish, has_colours
):
    monkeypatch.setenv("NO_COLOR", wish)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert _errors._shows_colours() is has_colours


def test_shell_can_complete_commands(monkeypatch):
    environment = {
        "_SEQPIPE_COMPLETE": "complete_bash",
        "COMP_WORDS": "seqpipe ev",
        "COMP_CWORD": "1",
    }
    done = CliRunner().invoke(app, prog_name="seqpipe", env=environment)
    assert done.output.split() == ["evaluate"]


def test_ctrl_c_in_the_midst_of_a_class_is_told_from_a_fault():
    wrapped = RuntimeError("Error calling __set_name__ on 'cached_property'")
    wrapped.__cause__ = KeyboardInterrupt()
    assert _errors._was_stopped(wrapped)
    assert not _errors._was_stopped(RuntimeError("a fault"))

"""Runs the commands of a benchmark in this process, as starting Python and importing all takes seconds in each."""

import contextlib
import io
import subprocess
import sys
import traceback
from pathlib import Path

from seqpipe import cli


def cells_in_process(monkeypatch, script):
    """Return what stands for `subprocess.run`: it runs a benchmark's cell, whose module is `script`, and seqpipe's own command."""
    name = Path(script.__file__).name

    def call(command, *, cwd=".", **_):
        runs_cell = Path(command[1]).name == name
        out, err = io.StringIO(), io.StringIO()
        with (
            monkeypatch.context() as patch,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            patch.chdir(cwd)
            patch.setattr(sys, "argv", command[1:] if runs_cell else ["seqpipe", *command[3:]])
            code = _exit_code(script.main if runs_cell else cli.main)
        return subprocess.CompletedProcess(command, code, out.getvalue(), err.getvalue())

    return call


def _exit_code(function):
    try:
        return function() or 0
    except SystemExit as left:
        return left.code or 0
    except Exception:
        traceback.print_exc()
        return 1

"""What plugins print goes to stderr, however they print it, and what the command prints to stdout."""

import io
import os
import subprocess
import sys
import warnings

import pytest

from seqpipe.cli._redirect import redirected_output


def print_by_all_means():
    print("a")
    sys.__stdout__.write("b\n")
    sys.__stdout__.flush()
    os.write(1, b"c\n")
    subprocess.run([sys.executable, "-c", "print('d')"], check=True)


def test_plugin_output_is_redirected_to_stderr_by_whatever_means(capfd):
    print("before")
    with redirected_output() as stdout:
        print_by_all_means()
        print("between", file=stdout)
    print("after")
    out, err = capfd.readouterr()
    assert out == "before\nbetween\nafter\n" and sorted(err.split()) == ["a", "b", "c", "d"]


def test_error_leaves_stdout_as_it_was(capfd):
    with pytest.raises(RuntimeError), redirected_output():
        raise RuntimeError
    os.write(1, b"after\n")
    assert capfd.readouterr() == ("after\n", "")


def test_stdout_that_is_no_file_is_printed_on(monkeypatch, capfd):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    with redirected_output() as stdout:
        print("hello")
        print("between", file=stdout)
    assert stream.getvalue() == "between\n" and capfd.readouterr() == ("", "hello\n")


@pytest.mark.parametrize("name", ["__stdout__", "__stderr__"])
def test_descriptor_that_may_be_any_files_is_left_alone(monkeypatch, capfd, name):
    monkeypatch.setattr(sys, name, None)
    with redirected_output():
        os.write(1, b"hello\n")
    assert capfd.readouterr() == ("hello\n", "")


def test_process_prints_what_is_its_own_on_stdout():
    """Here stdout is the descriptor 1, as it isn't where pytest captures it."""
    code = """
import os
from seqpipe.cli._redirect import redirected_output
print("before")
with redirected_output() as stdout:
    os.system("echo hello")
    print("hello")
    print("größe", file=stdout)
print("after")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert done.stdout.split() == ["before", "größe", "after"]
    assert done.stderr.split() == ["hello", "hello"]


def test_warnings_of_plugins_are_ignored(monkeypatch, capfd):
    monkeypatch.setattr(sys, "warnoptions", [])
    with redirected_output():
        warnings.warn("old", stacklevel=1)
    assert capfd.readouterr() == ("", "")


def test_warnings_are_shown_if_python_was_started_with_w(monkeypatch):
    monkeypatch.setattr(sys, "warnoptions", ["error"])
    with pytest.raises(UserWarning), redirected_output():
        warnings.warn("old", stacklevel=1)

import os
import subprocess
import sys

import pytest

from seqpipe.errors import EmbedderError
from seqpipe.workers import _process


def run(folder, code, on_line=lambda line: False):
    _process.run([sys.executable, "-c", code], folder, on_line=on_line)


def test_lines_end_at_newlines_and_carriage_returns(tmp_path):
    lines = []
    run(tmp_path, "import os; os.write(1, b'a\\rb\\r\\n\\nc'); os.write(2, b'd')", lines.append)
    assert lines == ["a", "b", "cd"]


def test_it_runs_in_the_folder_and_finds_what_this_process_finds(tmp_path):
    lines = []
    run(tmp_path, "import os, seqpipe.errors; print(os.getcwd())", lines.append)
    assert [os.path.realpath(line) for line in lines] == [os.path.realpath(tmp_path)]


def test_exit_code_and_last_lines_are_reported(tmp_path):
    code = "print('Progress'); print(*range(50), sep='\\n'); raise SystemExit(3)"
    with pytest.raises(EmbedderError, match=r"exit code 3, after these lines:\n  40\n(.*\n)+  49$"):
        run(tmp_path, code)


def test_understood_lines_are_not_reported(tmp_path):
    with pytest.raises(EmbedderError, match=r"exit code 1$"):
        run(tmp_path, "print('x'); raise SystemExit(1)", lambda line: True)


def test_exception_is_reported(tmp_path):
    with pytest.raises(EmbedderError, match="ValueError: too wide"):
        run(tmp_path, "raise ValueError('too wide')")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize(
    ("name", "message"),
    [("SIGSEGV", "was ended by SIGSEGV"), ("SIGKILL", "was ended by SIGKILL.*memory runs out")],
)
def test_signal_is_named(tmp_path, name, message):
    with pytest.raises(EmbedderError, match=message):
        run(tmp_path, f"import os, signal; os.kill(os.getpid(), signal.{name})")


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_whatever_is_raised_meanwhile_ends_the_process_and_goes_on(tmp_path, monkeypatch, error):
    started = []
    start = _process.subprocess.Popen

    def spy(*args, **kwargs):
        started.append(start(*args, **kwargs))
        return started[0]

    monkeypatch.setattr(_process.subprocess, "Popen", spy)

    def stop(line):
        raise error("enough")

    with pytest.raises(error, match="enough"):
        run(tmp_path, "import time; print('up', flush=True); time.sleep(600)", stop)
    assert started[0].returncode is not None
    assert started[0].stdin.closed
    assert started[0].stdout.closed


def test_folder_that_was_not_made_for_a_worker_stays(tmp_path):
    # Such as that of a plugin, whose author tries its worker by hand.
    folder = tmp_path / "seqpipe-mine"
    folder.mkdir()
    (folder / "kept.txt").write_text("mine")
    code = "import time; from seqpipe.workers import leave_end_to_parent as leave; leave(); time.sleep(60)"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, stdin=subprocess.DEVNULL, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert (folder / "kept.txt").read_text() == "mine"

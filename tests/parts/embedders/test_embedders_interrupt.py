import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="uses the signals of POSIX")

SCRIPT = """
import tempfile, sys
from seqpipe.parts.embedders import Word2Vec
from seqpipe.workers import _process

tempfile.tempdir = sys.argv[1]
start = _process.subprocess.Popen

def spy(*args, **kwargs):
    process = start(*args, **kwargs)
    print(process.pid, flush=True)
    return process

_process.subprocess.Popen = spy
reports = []

def report(progress):
    if not reports:
        print("training", flush=True)
    reports.append(progress)

Word2Vec(width=8, epochs=10**7, min_count=1).fit([["a", "b", "c"] * 30] * 20, on_progress=report)
"""


@pytest.fixture
def training(tmp_path):
    """A process that trains for ever, the process that it started, and their temporary folder."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        child = int(process.stdout.readline())
        assert process.stdout.readline() == "training\n"
        yield process, child, folder
        process.kill()


def is_running(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    if state.parent.parent.joinpath("self").exists():
        # A process that has ended stays in the list until its parent asks.
        return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition) -> bool:
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def test_ctrl_c_ends_everything_with_one_traceback(training):
    process, child, folder = training
    assert is_running(child)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert errors.count("Traceback") == errors.count("KeyboardInterrupt") == 1
    assert not is_running(child)
    assert list(folder.iterdir()) == []


def test_training_ends_when_its_starter_is_killed(training):
    process, child, folder = training
    assert is_running(child)
    process.kill()
    process.wait(timeout=30)
    assert wait_until(lambda: not is_running(child))
    assert wait_until(lambda: not any(folder.iterdir()))


def test_killed_training_is_an_error_that_names_the_signal(training):
    process, child, folder = training
    os.kill(child, signal.SIGKILL)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "EmbedderError: the process that trains was ended by SIGKILL" in errors
    assert list(folder.iterdir()) == []

"""Ctrl-C, SIGTERM and kills at every stage: the process ends, says what was kept, and good models survive."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import ready
import spacy
from e2e.small_world import EMBEDDER, environment, names, seqpipe, write_rows, write_world

from seqpipe import storage

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="children are found through /proc"
)

#: What's promised is 2 s; machines that do much else at the same time get more.
MAX_SECONDS = 10.0

FOREVER = ("--training.max_epochs", "1000000")

LARGE = f"""
[data.train]
@readers = "seqpipe.Jsonl.v1"
path = "few.jsonl"

[data.dev]
@readers = "seqpipe.Jsonl.v1"
path = "few.jsonl"

[data.test]
@readers = "seqpipe.Jsonl.v1"
path = "many.jsonl"
{EMBEDDER}
[head]
@seqpipe_heads = "seqpipe.TextClassifier.v1"

[training]
max_steps = 1
"""


@dataclass
class Stopped:
    """How a run ended after Ctrl-C."""

    code: int
    err: str
    seconds: float
    children: list[int]


class Started:
    """A run in a session of its own, as below a terminal."""

    def __init__(self, folder, *arguments, fresh):
        self._out, self._err = folder / "stdout.txt", folder / "stderr.txt"
        command = [sys.executable, "-m", "seqpipe", "run", "pipeline.cfg", *arguments]
        if fresh:
            with self._out.open("wb") as out, self._err.open("wb") as err:
                self.process = subprocess.Popen(
                    command,
                    cwd=folder,
                    env=environment(),
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                )
        else:
            self._out.touch()
            self.process = ready.Started(
                command, cwd=folder, env=environment(), stdout=self._out, stderr=self._err
            )

    def wait_for(self, said):
        """Wait until a line has been printed."""
        self._wait_until(lambda: said in self._out.read_text(encoding="utf-8"), said)

    def wait_for_file(self, path):
        """Wait until a file or folder is there."""
        self._wait_until(path.exists, str(path))

    def wait_for_child(self):
        """Wait until the process has started another one."""
        self._wait_until(lambda: children_of(self.process.pid), "a child")

    def _wait_until(self, happened, what):
        end = time.monotonic() + 120
        while not happened():
            assert self.process.poll() is None, self._err.read_text(encoding="utf-8")
            assert time.monotonic() < end, f"waited in vain for {what}"
            time.sleep(0.02)

    def press_ctrl_c(self):
        """Do what a terminal does, and wait for the end."""
        return self._stop(lambda: os.killpg(self.process.pid, signal.SIGINT))

    def terminate(self):
        """Do what `kill` does, or whatever stops a service, and wait for the end."""
        return self._stop(self.process.terminate)

    def _stop(self, send):
        children = children_of(self.process.pid)
        start = time.monotonic()
        send()
        code = self.process.wait(timeout=60)
        seconds = time.monotonic() - start
        # Shown by `pytest -rP`.
        print(f"ended after {seconds:.2f} s")
        return Stopped(code, self._err.read_text(encoding="utf-8"), seconds, children)

    def kill(self):
        """End it as the system does when memory runs out."""
        self.process.kill()
        self.process.wait()


def children_of(pid):
    """Return the processes that a process has started and that still run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _state(int(entry.name))[1:] == [str(pid)]:
            found.append(int(entry.name))
    return found


def _state(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return []


def is_running(pid):
    return _state(pid)[:1] not in ([], ["Z"])


@pytest.fixture
def start(tmp_path):
    """Return a function that starts a run in the small world.

    A fresh one imports torch and spaCy itself, and ends as an interpreter does; others are forked.
    """
    started = []

    def run(*arguments, fresh=False):
        started.append(Started(tmp_path, *arguments, fresh=fresh))
        return started[-1]

    yield run
    for run in started:
        run.kill()


@pytest.fixture
def world(tmp_path):
    """Return a folder with the small world."""
    write_world(tmp_path)
    return tmp_path


@pytest.fixture
def large_world(tmp_path):
    """Return a folder with data that takes seconds to read, and longer to evaluate on."""
    write_rows(tmp_path / "few.jsonl", rows=20)
    write_rows(tmp_path / "some.jsonl", rows=1000, seed=2)
    some = (tmp_path / "some.jsonl").read_text(encoding="utf-8")
    (tmp_path / "many.jsonl").write_text(f"{some}\n" * 100, encoding="utf-8")
    (tmp_path / "pipeline.cfg").write_text(LARGE, encoding="utf-8")
    return tmp_path


@pytest.fixture
def earlier(trained, tmp_path):
    """Return the model that an earlier run has left where the next one will save its own."""
    return shutil.copytree(trained.model, tmp_path / "out" / "model-best")


def check(stopped, *, stage, says, code=130):
    assert stopped.code == code
    assert f"stopped during stage '{stage}'" in stopped.err
    assert says in stopped.err
    assert "Traceback" not in stopped.err and "Exception ignored" not in stopped.err
    wait_for_end(stopped.children)
    assert stopped.seconds < MAX_SECONDS


def wait_for_end(children):
    """Fail if processes whose parent has ended don't: on a busy machine it takes a while until they get to it."""
    end = time.monotonic() + 30
    while any(is_running(pid) for pid in children):
        assert time.monotonic() < end, "the embedder's process is still there"
        time.sleep(0.05)


def check_untouched(model, trained):
    storage.verify_folder(model)
    manifest = "seqpipe-manifest.json"
    assert (model / manifest).read_bytes() == (trained.model / manifest).read_bytes()
    assert spacy.load(model)("the gull of the harbour").cats["sea"] > 0.5


@pytest.mark.parametrize("seconds", [0.1, 0.6])
def test_ctrl_c_while_torch_and_spacy_are_imported(world, start, seconds):
    run = start("--output", "out", fresh=True)
    run.wait_for("seqpipe run")
    time.sleep(seconds)
    check(run.press_ctrl_c(), stage="start", says="nothing was written")
    assert not (world / "out").exists()


def test_ctrl_c_while_data_is_read(large_world, start):
    run = start("--output", "out")
    run.wait_for("file ")
    time.sleep(0.2)
    check(run.press_ctrl_c(), stage="data", says="no model yet")
    assert not (large_world / "out").exists()


def test_ctrl_c_while_the_embedder_is_trained(world, start):
    run = start("--output", "out", "--embedder.epochs", "1000000", fresh=True)
    run.wait_for("data ")
    run.wait_for_child()
    # The library itself is at work by then, in C++.
    time.sleep(1.0)
    stopped = run.press_ctrl_c()
    assert stopped.children
    check(stopped, stage="embedder", says="no model yet")
    assert not (world / "out").exists()


def test_ctrl_c_in_training_keeps_the_best_model_so_far_and_that_of_before(
    world, start, earlier, trained
):
    run = start("--output", "out", *FOREVER, fresh=True)
    run.wait_for_file(world / "out" / "model-unfinished" / "seqpipe-manifest.json")
    stopped = run.press_ctrl_c()
    check(stopped, stage="training", says=str(Path("out/model-unfinished")))
    assert str(Path("out/model-best")) in stopped.err
    check_untouched(earlier, trained)
    assert names(world / "out") == ["model-best", "model-unfinished"]
    assert spacy.load(world / "out" / "model-unfinished")("the gull").cats


def test_sigterm_in_training_does_what_ctrl_c_does(world, start, earlier, trained):
    run = start("--output", "out", *FOREVER)
    run.wait_for_file(world / "out" / "model-unfinished" / "seqpipe-manifest.json")
    stopped = run.terminate()
    check(stopped, stage="training", says=str(Path("out/model-unfinished")), code=143)
    check_untouched(earlier, trained)
    assert names(world / "out") == ["model-best", "model-unfinished"]


def test_sigterm_while_the_embedder_is_trained(world, start):
    run = start("--output", "out", "--embedder.epochs", "1000000")
    run.wait_for_child()
    stopped = run.terminate()
    assert stopped.children
    check(stopped, stage="embedder", says="no model yet", code=143)
    assert not (world / "out").exists()


def test_ctrl_c_in_evaluation_keeps_the_model_that_was_trained(large_world, start):
    run = start("--output", "out")
    run.wait_for("training  ")
    time.sleep(1.0)
    stopped = run.press_ctrl_c()
    check(stopped, stage="evaluation", says=str(Path("out/model-unfinished")))
    assert spacy.load(large_world / "out" / "model-unfinished")("the gull").cats


def test_killed_run_leaves_the_earlier_model_and_the_next_run_works(world, start, earlier, trained):
    run = start("--output", "out", *FOREVER)
    run.wait_for_file(world / "out" / "model-unfinished" / "seqpipe-manifest.json")
    run.kill()
    check_untouched(earlier, trained)

    again = seqpipe("run", "pipeline.cfg", "--output", "out", "--pipeline.seed", "1", cwd=world)

    assert again.returncode == 0, again.stderr
    assert names(world / "out") == ["config.cfg", "model-best", "report.html", "report.json"]
    manifest = "seqpipe-manifest.json"
    assert (earlier / manifest).read_bytes() != (trained.model / manifest).read_bytes()
    assert spacy.load(earlier)("the gull of the harbour").cats["sea"] > 0.5


def test_killed_run_takes_the_process_that_trains_the_embedder_along(world, start):
    run = start("--output", "out", "--embedder.epochs", "1000000")
    run.wait_for_child()
    children = children_of(run.process.pid)
    run.kill()
    wait_for_end(children)

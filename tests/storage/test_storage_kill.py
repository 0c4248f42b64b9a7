"""Saves that are killed, at every step and at random moments.

The children are forked in a helper process, since pytest's own may have threads.
"""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")

HELPER = '''
import os, random, shutil, signal, sys, time
from pathlib import Path
from seqpipe.storage import verify_folder, write_folder
from seqpipe.storage import _save
from seqpipe.storage._save import recover

target = Path(sys.argv[1])
if sys.argv[2] == "renames":
    _save.exchange = lambda one, other: False

def write(word):
    def write_files(folder):
        (folder / "vocab").mkdir()
        for name in ("model", "config.cfg", "vocab/words"):
            (folder / name).write_text(word * 1000)
    return write_files

def word():
    verify_folder(target)
    first, *others = {path.read_text() for path in target.rglob("*") if path.name == "words"}
    assert not others
    return first[: len(first) // 1000]

def names():
    return sorted(path.name for path in target.parent.iterdir())

def child(work):
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
    except BaseException:
        os._exit(1)
    os._exit(0)

def die_at(step):
    """Save, but die at the given step: as each rename, removal, opening... is about to be made."""
    def hook(event, arguments):
        if event.partition(".")[0] in ("os", "open", "shutil", "fcntl", "ctypes"):
            count[0] += 1
            if count[0] == step:
                os.kill(os.getpid(), signal.SIGKILL)
    count = [0]
    sys.addaudithook(hook)
    write_folder(target, write("b"))

def at_every_step(start):
    seen, step = [], 0
    while True:
        step += 1
        shutil.rmtree(target.parent)
        target.parent.mkdir()
        if start:
            write_folder(target, write("a"))
        _, status = os.waitpid(child(lambda: die_at(step)), 0)
        seen.append(word() if start or target.exists() else "")
        if not status:
            assert names() == [target.name], names()
            return seen
        assert os.WTERMSIG(status) == signal.SIGKILL, status
        write_folder(target, write("c"))
        assert word() == "c" and names() == [target.name], names()

def save_forever(start, saved):
    for number in range(start, 10_000):
        write_folder(target, write(f"{number:06}"))
        os.write(saved, b".")

def at_random(kills):
    last, before = 0, time.perf_counter()
    write_folder(target, write("000000"))
    one_save = time.perf_counter() - before
    for _ in range(kills):
        reader, saved = os.pipe()
        pid = child(lambda: save_forever(last + 1, saved))
        os.read(reader, 1)
        time.sleep(random.uniform(0, 2 * one_save))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(reader)
        os.close(saved)
        recover(target)
        number = int(word())
        assert number > last, (number, last)
        last = number
    write_folder(target, write("last"))
    assert word() == "last" and names() == [target.name], names()
    print(last)

if sys.argv[3] == "random":
    at_random(25)
else:
    print(*at_every_step(sys.argv[3] == "old"), sep=",")
'''


def run(target, way, what):
    target.parent.mkdir()
    command = [sys.executable, "-c", HELPER, str(target), way, what]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("way", ["exchange", "renames"])
def test_a_save_killed_at_any_step_leaves_the_old_or_the_new_model(tmp_path, way):
    seen = run(tmp_path / "out" / "model-best", way, "old").split(",")
    assert seen == sorted(seen)
    assert seen.count("a") > 20
    assert seen.count("b") > 2


@pytest.mark.parametrize("way", ["exchange", "renames"])
def test_a_first_save_killed_at_any_step_leaves_a_whole_model_or_none(tmp_path, way):
    seen = run(tmp_path / "out" / "model-best", way, "none").split(",")
    assert seen == sorted(seen)
    assert set(seen) == {"", "b"}


@pytest.mark.parametrize("way", ["exchange", "renames"])
def test_saves_killed_at_random_moments_leave_a_whole_model(tmp_path, way):
    assert int(run(tmp_path / "out" / "model-best", way, "random")) >= 25

"""What the first of several processes does about the others, which hardly any is started for here."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from seqpipe.serving import ServerSettings, _processes
from seqpipe.serving._metrics import FOLDER
from seqpipe.serving._signals import blocking_hangups, without_hangups


class Messages:
    """What a process has said."""

    def __init__(self):
        self.said = []

    def poll(self):
        return bool(self.said)

    def recv(self):
        return self.said.pop(0)


class Process:
    """A process that's there, and then isn't."""

    pid = 1
    exitcode = -9
    is_there = True

    def is_alive(self):
        return self.is_there

    def join(self, timeout=None):
        pass


@pytest.fixture
def family(monkeypatch):
    """Return two processes as the first one sees them, on a clock that stands still."""

    def make(settings, listening):
        child = object.__new__(_processes._Child)
        child.messages, child.process = Messages(), Process()
        child.is_ready = child.is_behind = child.has_reloaded = False
        child.told = []
        child.tell = child.told.append
        return child

    monkeypatch.setattr(_processes, "_Child", type("Child", (_processes._Child,), {}))
    monkeypatch.setattr(_processes._Family, "_start", lambda self: make(None, None))
    monkeypatch.setattr(_processes, "_forget", lambda child: None)
    family = _processes._Family(ServerSettings("model"), None, 2)
    family._children += [family._start(), family._start()]
    for child in family._children:
        child.messages.said.append((_processes._READY, ""))
        child.heard()
    return family


@pytest.fixture
def now(monkeypatch):
    """The time, which the test moves."""
    times = [1000.0]
    monkeypatch.setattr(_processes.time, "monotonic", lambda: times[0])
    return times


def test_pauses_grow_with_each_death_and_begin_anew_when_all_are_ready(family, now):
    pauses = []
    for _ in range(3):
        family._children[-1].process.is_there = False
        family._replace_dead()
        pauses.append(family._next - now[0])
        # Looked at while the next one isn't due.
        family._replace_dead()
        now[0] = family._next
        family._replace_dead()
    assert pauses == [0.5, 1.0, 2.0]
    family._children[-1].messages.said.append((_processes._READY, ""))
    family._replace_dead()
    assert family._delay == 0.5


def test_reason_of_a_death_is_logged_once(family, now, monkeypatch):
    told = []
    monkeypatch.setattr(_processes.logger, "error", lambda *arguments: told.append(arguments[1]))
    family._children[0].messages.said.append((_processes._FAILED, "no memory"))
    family._replace_dead()
    assert told == ["no memory"]


def test_hangup_reaches_who_is_ready_and_the_others_later(family, now):
    ready, late = family._children
    late.is_ready = False
    family._signals.append(signal.SIGHUP)
    assert not family._is_stopped()
    assert (ready.told, late.told) == ([signal.SIGHUP], [])
    late.messages.said.append((_processes._READY, ""))
    family._replace_dead()
    assert late.told == [signal.SIGHUP]


def test_reload_by_a_client_reaches_the_others_alone(family, now):
    asked, other = family._children
    asked.messages.said.append((_processes._RELOADED, ""))
    family._replace_dead()
    family._share_reloads()
    family._share_reloads()
    assert (asked.told, other.told) == ([], [signal.SIGHUP])


def test_variable_of_prometheus_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    found = []
    live = lambda self, on_ready: found.append(os.environ[FOLDER])  # noqa: E731
    monkeypatch.setattr(_processes._Family, "live", live)
    _processes.serve_in_processes(ServerSettings("model"), None, count=2, on_ready=list)
    assert found != [str(tmp_path)]
    assert os.environ[FOLDER] == str(tmp_path)


def test_hangup_while_a_server_begins_is_nothing():
    before = signal.getsignal(signal.SIGHUP)
    with without_hangups():
        os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) == before


def blocked():
    return signal.SIGHUP in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_hangup_is_blocked_while_a_process_is_started(monkeypatch):
    found = []

    class Started:
        def __init__(self, **arguments):
            pass

        def start(self):
            found.append(blocked())

    class Context:
        Process = Started
        Pipe = staticmethod(_processes._CONTEXT.Pipe)

    monkeypatch.setattr(_processes, "_CONTEXT", Context)
    _processes._Child(ServerSettings("model"), None).messages.close()
    assert (found, blocked()) == ([True], False)


def test_hangup_that_came_while_a_process_began_is_dropped():
    with blocking_hangups():
        # To this thread: sent to the process, it ends it by way of any other thread, and libraries have begun some.
        signal.raise_signal(signal.SIGHUP)
        with without_hangups():
            assert not blocked()


def test_process_that_has_just_begun_survives_a_hangup():
    code = "import os, signal; print(signal.SIGHUP in signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    with blocking_hangups():
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "True\n"


@pytest.mark.slow
def test_child_outlives_hangups_until_it_says_what_is_wrong():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        child = _processes._Child(ServerSettings("there is no such model"), listening)
        reason = ""
        deadline = time.monotonic() + 120
        while not reason and time.monotonic() < deadline:
            if child.process.is_alive():
                os.kill(child.process.pid, signal.SIGHUP)
            time.sleep(0.01)
            reason = child.heard()
        child.process.join()
    assert "neither a folder nor an installed" in reason

"""Several processes that serve at one address; the one that starts them passes on signals, and replaces those that die."""

import multiprocessing
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from types import FrameType
from typing import Final

from seqpipe.errors import SavedModelError, SeqpipeError
from seqpipe.serving._host import logger
from seqpipe.serving._metrics import FOLDER
from seqpipe.serving._settings import ServerSettings
from seqpipe.serving._signals import blocking_hangups, without_hangups

_CONTEXT: Final = multiprocessing.get_context("spawn")
#: What a process says of itself.
_READY, _RELOADED, _FAILED = "ready", "reloaded", "failed"
#: Seconds that processes have to end, beyond those that requests have.
_MORE: Final = 10.0
#: Seconds between looks at what has happened.
_TICK: Final = 0.2
#: Seconds until a process that died is replaced: at first, and at most after many deaths.
_FIRST, _LAST = 0.5, 30.0


class _Child:
    """A process that serves.

    Attributes:
        process: The process.
        is_ready: Whether it has loaded its model.
        is_behind: Whether another model was asked for while it wasn't ready.
        has_reloaded: Whether a client has had it load another one, which the other processes are still to be told.
    """

    def __init__(self, settings: ServerSettings, listening: socket.socket) -> None:
        self.messages, theirs = _CONTEXT.Pipe(duplex=False)
        self.process = _CONTEXT.Process(target=_serve, args=(settings, listening, theirs))
        # Its group may be told while it begins.
        with blocking_hangups():
            self.process.start()
        theirs.close()
        self.is_ready = self.is_behind = self.has_reloaded = False

    def heard(self) -> str:
        """Take what it has said; return why it has failed, if it has. That's said once."""
        while self.messages.poll():
            try:
                kind, reason = self.messages.recv()
            except (EOFError, OSError):
                break
            if kind == _FAILED:
                return str(reason)
            if kind == _READY:
                self.is_ready = True
                if self.is_behind:
                    self.reload()
            self.has_reloaded = self.has_reloaded or kind == _RELOADED
        if self.process.is_alive():
            return ""
        return f"a process ended, with the exit code {self.process.exitcode}"

    def reload(self) -> None:
        """Have it load its model anew, as soon as it's ready: until then it has no handler of the signal."""
        self.is_behind = not self.is_ready
        # Windows has none, so there each process reloads by its own clients' wish.
        if self.is_ready and hasattr(signal, "SIGHUP"):
            self.tell(signal.SIGHUP)

    def tell(self, number: int) -> None:
        """Send it a signal."""
        if self.process.is_alive() and self.process.pid is not None:
            os.kill(self.process.pid, number)


def serve_in_processes(
    settings: ServerSettings,
    listening: socket.socket,
    *,
    count: int,
    on_ready: Callable[[], None],
) -> None:
    """Serve in so many processes until a signal says otherwise; each loads the model.

    Args:
        settings: What's served, and how.
        listening: Where clients come.
        count: How many processes.
        on_ready: Is called when all have loaded the model.

    Raises:
        SavedModelError: A process has ended before it was ready.
    """
    folder = tempfile.mkdtemp(prefix="seqpipe-metrics-")
    before = os.environ.get(FOLDER)
    os.environ[FOLDER] = folder
    try:
        _Family(settings, listening, count).live(on_ready)
    finally:
        del os.environ[FOLDER]
        if before is not None:
            os.environ[FOLDER] = before
        shutil.rmtree(folder, ignore_errors=True)


class _Family:
    """The processes, and when to start the next one."""

    def __init__(self, settings: ServerSettings, listening: socket.socket, count: int) -> None:
        self._settings, self._listening = settings, listening
        self._signals: list[int] = []
        self._delay, self._next = _FIRST, 0.0
        self._count = count
        self._children: list[_Child] = []

    def live(self, on_ready: Callable[[], None]) -> None:
        """Serve until a signal says otherwise."""
        numbers = [signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)]
        before = {number: signal.signal(number, self._note) for number in set(numbers)}
        try:
            self._begin(on_ready)
            while not self._is_stopped():
                self._replace_dead()
                self._share_reloads()
                self._pause()
        finally:
            self._end()
            for number, each in before.items():
                signal.signal(number, each)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._signals.append(number)

    def _is_stopped(self) -> bool:
        """Pass signals on; return whether there was one to stop."""
        while self._signals:
            number = self._signals.pop(0)
            if number in (signal.SIGINT, signal.SIGTERM):
                return True
            for child in self._children:
                child.reload()
        return False

    def _share_reloads(self) -> None:
        """Have the others load the model anew that a client has had one of them load."""
        sources = [child for child in self._children if child.has_reloaded]
        for source in sources:
            source.has_reloaded = False
            for child in self._children:
                if child is not source:
                    child.reload()

    def _start(self) -> _Child:
        return _Child(self._settings, self._listening)

    def _begin(self, on_ready: Callable[[], None]) -> None:
        self._children += [self._start() for _ in range(self._count)]
        while not all(child.is_ready for child in self._children):
            for child in self._children:
                if reason := child.heard():
                    raise SavedModelError(reason)
            if self._signals and self._is_stopped():
                self._signals.append(signal.SIGTERM)
                return
            self._pause()
        on_ready()

    def _replace_dead(self) -> None:
        found = [(child, child.heard()) for child in self._children]
        for child, reason in found:
            if not reason:
                continue
            logger.error("%s; another one takes its place", reason)
            self._children.remove(child)
            _forget(child)
            self._next = time.monotonic() + self._delay
            self._delay = min(2 * self._delay, _LAST)
        if len(self._children) == self._count:
            if all(child.is_ready for child in self._children):
                self._delay = _FIRST
        elif time.monotonic() >= self._next:
            self._children.append(self._start())

    def _pause(self) -> None:
        wait([child.process.sentinel for child in self._children], _TICK)

    def _end(self) -> None:
        for child in self._children:
            child.tell(signal.SIGTERM)
        limits = self._settings.limits
        deadline = time.monotonic() + limits.seconds + 3 * limits.patience + _MORE
        for child in self._children:
            child.process.join(max(0.0, deadline - time.monotonic()))
            if child.process.is_alive():
                logger.error("a process didn't end in time, and is killed")
                child.process.kill()
                child.process.join()


def _forget(child: _Child) -> None:
    """Have the figures of a process that's gone counted no more, where they're of the moment."""
    from prometheus_client.multiprocess import mark_process_dead

    child.process.join()
    mark_process_dead(child.process.pid)  # type: ignore[no-untyped-call]


def _serve(settings: ServerSettings, listening: socket.socket, messages: Connection) -> None:
    """Serve in a process of its own."""
    with without_hangups():
        from seqpipe.serving._server import run_server

        threading.Thread(target=_end_with_parent, daemon=True).start()
        try:
            run_server(
                settings,
                listening,
                on_ready=lambda: messages.send((_READY, "")),
                # The others are told by the process that has started all.
                on_reload=lambda: messages.send((_RELOADED, "")),
                ignores_ctrl_c=True,
            )
        except SeqpipeError as error:
            messages.send((_FAILED, str(error)))
        except Exception as error:
            messages.send((_FAILED, f"{type(error).__name__}: {error}"))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

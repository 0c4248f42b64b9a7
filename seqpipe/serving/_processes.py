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
from seqpipe.serving._settings import ServerSettings

_CONTEXT: Final = multiprocessing.get_context("spawn")
#: Where prometheus_client looks for the folder that processes share.
_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
#: Seconds between looks at what has happened.
_TICK: Final = 0.2
#: Seconds until a process that died is replaced: at first, and at most after many deaths.
_FIRST, _LAST = 0.5, 30.0


class _Child:
    """A process that serves."""

    def __init__(self, settings: ServerSettings, listening: socket.socket) -> None:
        self.messages, theirs = _CONTEXT.Pipe(duplex=False)
        self.process = _CONTEXT.Process(target=_serve, args=(settings, listening, theirs))
        self.process.start()
        theirs.close()
        self.is_ready = False

    def heard(self) -> str:
        """Return why it has failed, if it has; and note if it's ready."""
        while self.messages.poll():
            try:
                message = self.messages.recv()
            except EOFError:
                break
            if message:
                return str(message)
            self.is_ready = True
        if self.process.is_alive():
            return ""
        return f"a process ended, with the exit code {self.process.exitcode}"

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
    os.environ[_FOLDER] = folder
    try:
        _Family(settings, listening, count).live(on_ready)
    finally:
        del os.environ[_FOLDER]
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
                child.tell(number)
        return False

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
        for child in [each for each in self._children if each.heard()]:
            logger.error("%s; another one takes its place", child.heard())
            self._children.remove(child)
            _forget(child)
            self._next = time.monotonic() + self._delay
            self._delay = min(2 * self._delay, _LAST)
        if len(self._children) < self._count and time.monotonic() >= self._next:
            self._children.append(self._start())
        elif all(child.is_ready for child in self._children):
            self._delay = _FIRST

    def _pause(self) -> None:
        wait([child.process.sentinel for child in self._children], _TICK)

    def _end(self) -> None:
        for child in self._children:
            child.tell(signal.SIGTERM)
        for child in self._children:
            child.process.join()


def _forget(child: _Child) -> None:
    """Have the figures of a process that's gone counted no more, where they're of the moment."""
    from prometheus_client.multiprocess import mark_process_dead

    child.process.join()
    mark_process_dead(child.process.pid)  # type: ignore[no-untyped-call]


def _serve(settings: ServerSettings, listening: socket.socket, messages: Connection) -> None:
    """Serve in a process of its own."""
    from seqpipe.serving._server import run_server

    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        run_server(
            settings,
            listening,
            on_ready=lambda: messages.send(""),
            # It tells all others.
            on_reload=lambda: os.kill(os.getppid(), signal.SIGHUP),
            ignores_ctrl_c=True,
        )
    except SeqpipeError as error:
        messages.send(str(error))
    except Exception as error:
        messages.send(f"{type(error).__name__}: {error}")


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

"""Runs a process to its end, and never leaves it behind; and ends a process with its parent."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Final

from seqpipe.errors import EmbedderError, SeqpipeError

_SHOWN_LINES = 10
#: Names, in the environment of a process, the folder that was made for it.
_FOLDER: Final = "SEQPIPE_WORKER_FOLDER"


def run_module(
    module: str,
    folder: Path,
    *,
    on_line: Callable[[str], bool],
    error: type[SeqpipeError] = EmbedderError,
) -> None:
    """Run a Python module as a process of its own; see `run`."""
    run([sys.executable, "-m", module], folder, on_line=on_line, error=error)


def run(
    command: Sequence[str],
    folder: Path,
    *,
    on_line: Callable[[str], bool],
    error: type[SeqpipeError] = EmbedderError,
) -> None:
    r"""Run a process in `folder` until it ends. Whatever is raised meanwhile kills it first.

    Its standard input stays open for as long as this process lives.

    Args:
        command: The program and its arguments.
        folder: Where it runs.
        on_line: Called with each line of its output, which "\r" ends too; returns whether the line was
            understood. The last ones that weren't are part of the error's message.
        error: What's raised if it fails.

    Raises:
        SeqpipeError: Of the type `error`: it ended by a signal, or with another exit code than 0.
    """
    rest: deque[str] = deque(maxlen=_SHOWN_LINES)
    # A session of its own, so that Ctrl-C in a terminal reaches only this process, which handles it.
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=_environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        for line in _lines(process.stdout):
            if not on_line(line):
                rest.append(line)
        code = process.wait()
    finally:
        _end(process)
    if code:
        raise error(_describe(code, rest))


def _environment(folder: Path) -> dict[str, str]:
    # The process is to find what this one finds, whatever was added to the path since it started.
    return os.environ | {
        _FOLDER: os.path.realpath(folder),
        "PYTHONPATH": os.pathsep.join(str(Path(each).absolute()) for each in sys.path),
    }


def _lines(output: IO[bytes] | None) -> Iterator[str]:
    text = ""
    while output and (data := os.read(output.fileno(), 65536)):
        *lines, text = re.split(r"[\r\n]+", text + data.decode("utf-8", "replace"))
        yield from filter(None, lines)
    if text:
        yield text


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def _describe(code: int, lines: Sequence[str]) -> str:
    message = f"the process that trains {_ending(code)}"
    return "\n  ".join([message + (", after these lines:" if lines else ""), *lines])


def _ending(code: int) -> str:
    if code >= 0:
        return f"failed with the exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"the signal {-code}"
    hint = "; the system does that when memory runs out" if name == "SIGKILL" else ""
    return f"was ended by {name}{hint}"


# In the process that was started.


def leave_end_to_parent() -> None:
    """End as soon as the standard input does, which is when the process that started this one ends.

    Ctrl-C is left to that process too. The folder that this one stands in is removed then, if it was made
    for it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(Path.cwd(),), daemon=True).start()


def _end_with_parent(folder: Path) -> None:
    while os.read(0, 1):
        pass
    # Somebody may start a worker by hand, in a folder of theirs: what wasn't made for this process stays.
    if os.environ.get(_FOLDER) == os.path.realpath(folder):
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)

"""Runs Python commands in processes that begin with torch and spaCy imported, which takes seconds.

One process imports them, and is forked for each command: what runs has an environment, a folder, streams and
`sys.path` of its own, as if it had just been started. Where processes can't be forked, and where a
command asks something of the interpreter itself, it's started in the ordinary way.
"""

import atexit
import contextlib
import gc
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

#: What's imported before; nothing of it may look for plugins. torch imports `torch._dynamo` when it first
#: traces a module.
IMPORTED = (
    *("torch", "torch._dynamo", "spacy", "spacy.lang.en", "spacy.cli", "fasttext_pybind"),
    *("seqpipe.run", "seqpipe.cli", "seqpipe.builtin", "seqpipe.testing"),
    *("pytest", "hypothesis", "griffe", "hatchling.cli", "hatchling.builders.wheel"),
)

#: Whose commands are forked, and from which process.
_FORKED = {sys.executable}
_SERVERS: dict[str, subprocess.Popen[str]] = {}


def run_ready(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float = 240,
    merged: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, and return what it printed.

    Args:
        command: A program and its arguments. Only those of this Python, and of ones in `forked`, are forked.
        cwd: The folder that it starts in.
        env: Its environment.
        timeout: After so many seconds it's killed.
        merged: Whether stderr goes to where stdout does.

    Raises:
        TimeoutExpired: It took too long.
    """
    words = [str(word) for word in command]
    if not _is_forked(words):
        return subprocess.run(
            words,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merged else subprocess.PIPE,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )
    with tempfile.TemporaryDirectory() as folder:
        streams = [
            str(Path(folder) / name) for name in ("stdout", "stdout" if merged else "stderr")
        ]
        request = {"words": words[1:], "cwd": str(cwd), "env": dict(env), "streams": streams}
        code = _ask(words[0], request, timeout)
        if code is None:
            raise subprocess.TimeoutExpired(words, timeout)
        printed = [Path(each).read_text(encoding="utf-8") for each in streams]
    return subprocess.CompletedProcess(words, code, printed[0], None if merged else printed[1])


class Started:
    """A command that runs in a session of its own, with the methods of `subprocess.Popen` that tests use.

    Args:
        command: What this Python runs, and its arguments.
        cwd: The folder that it starts in.
        env: Its environment.
        stdout: The file that it prints to.
        stderr: The file that its errors go to.

    Attributes:
        pid: The process.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdout: Path,
        stderr: Path,
    ) -> None:
        words = [str(word) for word in command]
        assert _is_forked(words)
        self._code: int | None = None
        self._executable = words[0]
        self.pid: int = _say(
            self._executable,
            {
                **{"words": words[1:], "cwd": str(cwd), "env": dict(env)},
                **{"streams": [str(stdout), str(stderr)], "session": True},
            },
        )

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        if self._code is None:
            self._code = _say(self._executable, {"ended": self.pid})
        return self._code

    def wait(self, timeout: float = 240) -> int:
        """Return the exit code once it has ended.

        Raises:
            TimeoutExpired: It took too long.
        """
        end = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.02)
        return code

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


@contextlib.contextmanager
def forked(executable: str) -> Iterator[None]:
    """Have another Python's commands forked, too, from a process that has imported its own seqpipe.

    Args:
        executable: The Python of an environment that seqpipe is installed in. What's installed there later
            is found as well.
    """
    _FORKED.add(executable)
    try:
        yield
    finally:
        _FORKED.remove(executable)
        if server := _SERVERS.pop(executable, None):
            _leave(server)


def _say(executable: str, request: dict[str, Any]) -> Any:
    """Return what the server answers to a request."""
    server = _server(executable)
    assert server.stdin and server.stdout
    server.stdin.write(json.dumps(request) + "\n")
    server.stdin.flush()
    return json.loads(server.stdout.readline())


def _is_forked(words: Sequence[str]) -> bool:
    if not hasattr(os, "fork") or words[0] not in _FORKED or len(words) < 2:
        return False
    return words[1] in ("-m", "-c") or not words[1].startswith("-")


def _ask(executable: str, request: dict[str, Any], timeout: float) -> int | None:
    """Have a command run, and return its exit code; None if it took too long and was killed."""
    process = _say(executable, request)
    server = _server(executable)
    assert server.stdout
    if not select.select([server.stdout], [], [], timeout)[0]:
        os.kill(process, 9)
        server.stdout.readline()
        return None
    return int(server.stdout.readline())


def _server(executable: str) -> subprocess.Popen[str]:
    if executable not in _SERVERS:
        _SERVERS[executable] = _start(executable)
        atexit.register(_leave, _SERVERS[executable])
    return _SERVERS[executable]


def _start(executable: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [executable, __file__],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )


def _leave(server: subprocess.Popen[str]) -> None:
    """End a server, unless it has ended."""
    assert server.stdin and server.stdout
    server.stdin.close()
    server.stdout.close()
    server.wait()


def _serve() -> None:
    """Fork for each line of stdin: print the number of the process, and then its exit code.

    Of one in a session of its own, the code is printed when it's asked for, or null while it runs.
    """
    paths = [each for each in sys.path if each != str(Path(__file__).parent)]
    given = set(filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))
    paths = [each for each in paths if each not in given]
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for name in IMPORTED:
        __import__(name)
    for name in ("hypothesis", "_hypothesis_globals"):
        # pytest warns of plugins whose assertions it can't rewrite, unless they ask it not to.
        sys.modules[name].__doc__ = f"{sys.modules[name].__doc__}\n\nPYTEST_DONT_REWRITE"
    gc.freeze()  # so that no child looks for garbage in this, which copies its memory
    for request in map(json.loads, sys.stdin):
        if "ended" in request:
            ended, status = os.waitpid(request["ended"], os.WNOHANG)
            print(json.dumps(os.waitstatus_to_exitcode(status) if ended else None), file=answers)
            continue
        process = os.fork()
        if process == 0:
            answers.close()
            _become(request, paths)
        print(process, file=answers)
        if "session" not in request:
            _, status = os.waitpid(process, 0)
            print(os.waitstatus_to_exitcode(status), file=answers)


def _become(request: dict[str, Any], paths: list[str]) -> None:
    """Be the process that a request asks for, and leave."""
    if "session" in request:
        os.setsid()
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    sys.path[:] = [*filter(None, request["env"].get("PYTHONPATH", "").split(os.pathsep)), *paths]
    _redirect(*request["streams"])
    code = _run(request["words"])
    atexit._run_exitfuncs()  # what was registered since
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _redirect(stdout: str, stderr: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(stdout, flags), 1)
    os.dup2(os.open(stderr, flags), 2)


def _run(words: list[str]) -> int:
    try:
        if words[0] == "-c":
            sys.argv = ["-c", *words[2:]]
            sys.path.insert(0, "")
            exec(compile(words[1], "<string>", "exec"), {"__name__": "__main__"})
        elif words[0] == "-m":
            sys.argv = ["-m", *words[2:]]
            sys.path.insert(0, str(Path.cwd()))
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = words
            sys.path.insert(0, str(Path(words[0]).resolve().parent))
            runpy.run_path(words[0], run_name="__main__")
    except SystemExit as left:
        return _code_of(left)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
    return 0


def _code_of(left: SystemExit) -> int:
    if left.code is None or isinstance(left.code, int):
        return left.code or 0
    print(left.code, file=sys.stderr)
    return 1


if __name__ == "__main__":
    _serve()

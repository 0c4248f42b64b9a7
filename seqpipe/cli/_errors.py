"""Turns errors into messages and exit codes."""

import contextlib
import functools
import inspect
import os
import signal
import sys
import threading
import traceback as tracebacks
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer

from seqpipe.errors import ConfigError, InterruptedRun, SeqpipeError
from seqpipe.reporting import escaped_lines

_COLOURS = {
    "error": "1;31",
    "place": "34",
    "gutter": "34",
    "mark": "1;33",
    "note": "36",
    "help": "32",
}

_Traceback = Annotated[
    bool, typer.Option("--traceback", help="Show where in the code an error was raised.")
]


def reporting_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Make a command print errors as messages, and add the option ``--traceback``.

    A command with its own option of that name receives the value too.
    """
    signature = inspect.signature(command)
    has_own_option = "traceback" in signature.parameters

    @functools.wraps(command)
    def wrapped(*args: Any, traceback: bool = False, **options: Any) -> None:
        if has_own_option:
            options["traceback"] = traceback
        with _report_errors(traceback=traceback):
            command(*args, **options)

    if not has_own_option:
        option = inspect.Parameter(
            "traceback", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_Traceback
        )
        parameters = [*signature.parameters.values(), option]
        wrapped.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        wrapped.__annotations__ = {**command.__annotations__, "traceback": _Traceback}
    return wrapped


@contextlib.contextmanager
def _report_errors(*, traceback: bool) -> Iterator[None]:
    """Print errors, and exit with a code other than 0, even if nothing can be printed any more."""
    stopped: list[int] = [signal.SIGINT]
    try:
        try:
            with _stopped_by_sigterm(stopped):
                yield
        finally:
            _flush()
    except KeyboardInterrupt:
        _stop("\nstopped", stopped[-1])
    except InterruptedRun as error:
        _stop(str(error), stopped[-1])
    except (typer.BadParameter, typer.Abort, typer.Exit):
        raise
    except Exception as error:
        if _was_stopped(error):
            _stop("\nstopped", stopped[-1])
        if isinstance(error, OSError) and not _can_print():
            _give_up(error)
        if traceback:
            print(escaped_lines("".join(tracebacks.format_exception(error))), file=sys.stderr)
        print(_message(error, traceback=traceback), file=sys.stderr)
        sys.exit(1)


def _was_stopped(error: BaseException) -> bool:
    """Return whether an error is due to Ctrl-C: before Python 3.12, one in the midst of a class's creation comes as a RuntimeError."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, KeyboardInterrupt):
        cause = cause.__cause__
    return cause is not None


@contextlib.contextmanager
def _stopped_by_sigterm(stopped: list[int]) -> Iterator[None]:
    """Make SIGTERM act like Ctrl-C, and record that it was received."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    process = os.getpid()

    def stop(number: int, frame: FrameType | None) -> None:
        if os.getpid() != process:
            # A forked child, which nothing waits for.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        stopped.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _flush() -> None:
    if sys.stdout and not sys.stdout.closed:
        sys.stdout.flush()


def _can_print() -> bool:
    try:
        print(flush=True)
    except OSError:
        return False
    return True


def _give_up(error: OSError) -> NoReturn:
    # `head` and the like stop reading early, which isn't an error.
    if not isinstance(error, BrokenPipeError):
        print(f"error: stdout can't be written ({error.strerror or error})", file=sys.stderr)
    # Otherwise Python tries to flush the buffer again at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)


def _stop(message: str, number: int) -> NoReturn:
    """Exit as shells expect from a program that was stopped by a signal."""
    print(escaped_lines(message), file=sys.stderr, flush=True)
    sys.stdout.flush()
    # Everything is cleaned up; a regular exit with torch and spaCy loaded would take another second.
    os._exit(128 + number)


def _message(error: Exception, *, traceback: bool) -> str:
    where = "" if traceback or not _comes_from_code(error) else "\n  `--traceback` shows where"
    if isinstance(error, ConfigError):
        from seqpipe.config import PipelineFileError, render

        if isinstance(error, PipelineFileError):
            return render(error, _coloured if _shows_colours() else _plain) + where
    # Further lines are indented, so that none looks like a separate message.
    text = escaped_lines(str(error)).replace("\n", "\n  ")
    if isinstance(error, SeqpipeError):
        return f"error: {text}{where}"
    text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"error: something failed that shouldn't ({text}); please report it{where}"


def _comes_from_code(error: Exception) -> bool:
    """Return whether an error is, or was caused by, one whose place in the code matters."""
    cause: BaseException | None = error
    while isinstance(cause, SeqpipeError):
        cause = cause.__cause__
    if isinstance(cause, OSError):
        return False  # such as a missing file
    if isinstance(cause, ValueError):
        from confection import ConfigValidationError

        # Its message says everything about the file.
        return not isinstance(cause, ConfigValidationError)
    return cause is not None


def _shows_colours() -> bool:
    # By the convention of no-color.org; what rich prints keeps to it by itself.
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def _coloured(role: str, text: str) -> str:
    return f"\033[{_COLOURS[role]}m{text}\033[0m"


def _plain(role: str, text: str) -> str:
    return text

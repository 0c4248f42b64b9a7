"""Turns errors into messages and exit codes."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import NoReturn

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

#: What shells expect of a program that was stopped by Ctrl-C.
_STOPPED = 130


@contextlib.contextmanager
def report_errors() -> Iterator[None]:
    """Print errors that seqpipe raises on purpose, and leave with a code that isn't 0.

    So it does where nothing can be printed any more.
    """
    try:
        try:
            yield
        finally:
            _flush()
    except KeyboardInterrupt:
        _stop("\nstopped")
    except InterruptedRun as error:
        _stop(str(error))
    except SeqpipeError as error:
        print(_message(error), file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if _can_print():
            raise
        _give_up(error)


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
    # `head` and the like read as much as they want, and that's no error.
    if not isinstance(error, BrokenPipeError):
        print(f"error: stdout can't be written ({error.strerror or error})", file=sys.stderr)
    # What's still in the buffer would be tried again at the end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)


def _stop(message: str) -> NoReturn:
    print(escaped_lines(message), file=sys.stderr, flush=True)
    sys.stdout.flush()
    # All is tidied up; taking Python down in order, with torch and spaCy in it, takes a second more.
    os._exit(_STOPPED)


def _message(error: SeqpipeError) -> str:
    if isinstance(error, ConfigError):
        from seqpipe.config import PipelineFileError, render

        if isinstance(error, PipelineFileError):
            return render(error, _coloured if sys.stderr.isatty() else _plain)
    # Further lines are indented: none looks like a message of its own.
    return escaped_lines(f"error: {error}").replace("\n", "\n  ")


def _coloured(role: str, text: str) -> str:
    return f"\033[{_COLOURS[role]}m{text}\033[0m"


def _plain(role: str, text: str) -> str:
    return text

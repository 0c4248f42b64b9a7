"""Keeps what plugins print out of what a command prints."""

import contextlib
import ctypes
import os
import sys
import warnings
from collections.abc import Iterator
from typing import TextIO

_STDOUT, _STDERR = 1, 2


@contextlib.contextmanager
def hushed() -> Iterator[TextIO]:
    """Let what plugins print on stdout go to stderr, and keep their warnings off the screen.

    So does what their child processes print, and their code in other languages.

    Yields:
        What prints on stdout meanwhile.
    """
    with contextlib.ExitStack() as stack:
        kept = stack.enter_context(_redirected())
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        stack.enter_context(warnings.catch_warnings())
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        yield kept


@contextlib.contextmanager
def _redirected() -> Iterator[TextIO]:
    """Let the file descriptor of stdout lead to stderr, and yield a stream to where it led."""
    stdout = sys.stdout
    # Where the process was started without the one or the other, its descriptor may be any file's.
    if sys.__stdout__ is None or sys.__stderr__ is None:
        yield stdout
        return
    _flush()
    before = os.dup(_STDOUT)
    try:
        os.dup2(_STDERR, _STDOUT)
        with _moved(stdout, before) as kept:
            yield kept
    finally:
        _flush()
        os.dup2(before, _STDOUT)
        os.close(before)


@contextlib.contextmanager
def _moved(stdout: TextIO, descriptor: int) -> Iterator[TextIO]:
    """Yield a stream that prints where `stdout` did; itself, if that's no matter of its descriptor."""
    try:
        is_moved = stdout.fileno() == _STDOUT
    except (OSError, ValueError, AttributeError):  # closed, or not a file
        is_moved = False
    if not is_moved:
        yield stdout
        return
    with open(
        descriptor, "w", encoding=stdout.encoding, errors=stdout.errors, closefd=False
    ) as kept:
        yield kept


def _flush() -> None:
    for stream in (sys.stdout, sys.__stdout__, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()  # type: ignore[union-attr]
    # What C code prints waits in a buffer of its own, which Windows keeps elsewhere.
    with contextlib.suppress(OSError, TypeError, AttributeError):
        ctypes.CDLL(None).fflush(None)

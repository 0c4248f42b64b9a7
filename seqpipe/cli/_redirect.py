"""Separates the output of plugins from that of a command."""

import contextlib
import ctypes
import os
import sys
import warnings
from collections.abc import Iterator
from typing import TextIO

_STDOUT, _STDERR = 1, 2


@contextlib.contextmanager
def redirected_output() -> Iterator[TextIO]:
    """Redirect what plugins print on stdout to stderr, and ignore their warnings.

    That includes the output of child processes and of native code.

    Yields:
        A stream that still prints on stdout.
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
    """Point the file descriptor of stdout to stderr, and yield a stream that prints where it pointed before."""
    stdout = sys.stdout
    # In a process that was started without one of them, its descriptor may belong to any file.
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
    """Yield a stream that prints where `stdout` did: `stdout` itself, if it doesn't use the descriptor."""
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
    # C code has its own buffer, which Windows keeps elsewhere.
    with contextlib.suppress(OSError, TypeError, AttributeError):
        ctypes.CDLL(None).fflush(None)

"""SIGHUP while a server begins, when there's nothing to load anew: without a handler it would end the process."""

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def without_hangups() -> Iterator[None]:
    """Have SIGHUP ignored, except where somebody sets a handler, as the server does once it runs."""
    # Windows has none.
    if not hasattr(signal, "SIGHUP"):
        yield
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # It was blocked by who started this process; what has come meanwhile is dropped, being ignored by now.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGHUP])
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


@contextlib.contextmanager
def blocking_hangups() -> Iterator[None]:
    """Have SIGHUP wait meanwhile, and in processes that are started meanwhile until they're in `without_hangups`.

    A process has no handler as it begins, and would be ended. What's started inherits the signals that are blocked.
    """
    # Windows has none.
    if not hasattr(signal, "SIGHUP"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

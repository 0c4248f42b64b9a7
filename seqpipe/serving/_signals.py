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
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)

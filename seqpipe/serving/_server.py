"""uvicorn, which ends when it's told to, having answered what it has accepted."""

import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Final

import uvicorn

from seqpipe.serving._app import build_app
from seqpipe.serving._host import Host, logger
from seqpipe.serving._protocol import protocol_of
from seqpipe.serving._settings import ServerSettings

#: So many connections a process has at most; others are answered by 503.
_CONNECTIONS: Final = 1_000
#: Beyond the time that requests have in all.
_MORE: Final = 5


class _Server(uvicorn.Server):
    """Ends by itself after a signal, where uvicorn's raises it again.

    Args:
        config: uvicorn's.
        host: What's served.
        ignores_ctrl_c: Whether it's another process that handles Ctrl-C.
    """

    def __init__(self, config: uvicorn.Config, host: Host, *, ignores_ctrl_c: bool) -> None:
        super().__init__(config)
        self._host = host
        self._ignores_ctrl_c = ignores_ctrl_c

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Have signals stop the server, or reload its model."""
        handlers: dict[int, Any] = {
            signal.SIGINT: signal.SIG_IGN if self._ignores_ctrl_c else self.handle_exit,
            signal.SIGTERM: self.handle_exit,
        }
        # Windows has none.
        if hasattr(signal, "SIGHUP"):
            handlers[signal.SIGHUP] = self._reload
        before = {number: signal.signal(number, each) for number, each in handlers.items()}
        try:
            yield
        finally:
            for number, each in before.items():
                signal.signal(number, each)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop."""
        self._host.is_stopping = True
        super().handle_exit(sig, frame)

    def _reload(self, number: int, frame: FrameType | None) -> None:
        self._host.reload_soon()


def run_server(
    settings: ServerSettings,
    listening: socket.socket,
    *,
    on_ready: Callable[[], None],
    on_reload: Callable[[], None] = lambda: None,
    ignores_ctrl_c: bool = False,
) -> None:
    """Serve until a signal says otherwise.

    Args:
        settings: What's served, and how.
        listening: Where clients come.
        on_ready: Is called when the model is loaded.
        on_reload: Is called when a client has had the model reloaded.
        ignores_ctrl_c: Whether it's another process that handles Ctrl-C.

    Raises:
        SeqpipeError: The model can't be loaded.
    """
    _begin_log()
    host = Host(settings)
    limits = settings.limits
    config = uvicorn.Config(
        build_app(host),
        http=protocol_of(limits.patience),
        loop="asyncio",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        # Nobody is believed about where requests come from.
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=round(limits.seconds + 2 * limits.patience) + _MORE,
    )
    server = _Server(config, host, ignores_ctrl_c=ignores_ctrl_c)

    def fail() -> None:
        server.should_exit = True

    host.on_ready, host.on_failure, host.on_reload = on_ready, fail, on_reload
    server.run(sockets=[listening])
    if host.failure is not None:
        raise host.failure


def _begin_log() -> None:
    """Have what happens to the model told on standard error."""
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False

"""The two ways in: an application for any server, and a server. Neither imports the web's packages before it's called."""

import socket
from collections.abc import Callable
from typing import Any, Final

from seqpipe.errors import ConfigError
from seqpipe.serving._settings import ServerSettings
from seqpipe.serving._signals import without_hangups

#: How many connections may wait to be accepted.
_BACKLOG: Final = 2048


def make_app(settings: ServerSettings) -> Any:
    """Return an ASGI application, which loads the model as it starts, and answers as ``docs/serving.md`` says.

    Args:
        settings: What's served, and how.

    Raises:
        ConfigError: What it needs isn't installed.
    """
    _require()
    from seqpipe.serving._app import build_app
    from seqpipe.serving._host import Host

    return build_app(Host(settings))


def open_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Args:
        host: A name or an address.
        port: The port; 0 for any that's free.

    Raises:
        ConfigError: There can't be any.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except (OSError, UnicodeError, OverflowError) as error:
        raise ConfigError(f"nobody can listen at {host}, port {port}: {error}") from error


def serve(
    settings: ServerSettings,
    listening: socket.socket,
    *,
    workers: int = 1,
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGINT or SIGTERM; what has been accepted by then is answered. SIGHUP reloads the model.

    Args:
        settings: What's served, and how.
        listening: Where clients come, as `open_socket` returns it.
        workers: How many processes share the work; each loads the model.
        on_ready: Is called when the model is loaded.

    Raises:
        ConfigError: What it needs isn't installed.
        SeqpipeError: The model can't be loaded.
    """
    with without_hangups():
        _require()
        if workers == 1:
            from seqpipe.serving._server import run_server

            run_server(settings, listening, on_ready=on_ready)
            return
        from seqpipe.serving._processes import serve_in_processes

        serve_in_processes(settings, listening, count=workers, on_ready=on_ready)


def _require() -> None:
    try:
        import fastapi  # noqa: F401
        import prometheus_client  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"serving needs {error.name}, which isn't installed; try: pip install 'seqpipe[serve]'"
        ) from error

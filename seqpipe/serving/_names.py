"""By which names clients may call a server, so that no page of elsewhere reaches it by a name of its own (DNS rebinding)."""

import ipaddress
from collections.abc import Collection
from typing import Final

from seqpipe.messages import quote
from seqpipe.serving._middleware import App, Receive, Scope, Send, headers_of, send_error
from seqpipe.serving._problems import RequestError

_MISDIRECTED: Final = 421


class Named:
    """Lets in requests whose Host header is an IP address, localhost, or one of some names.

    A browser sends the name that a page was loaded by. Who has no such header is no browser, and is let in.

    Args:
        app: The application.
        names: The names.
    """

    def __init__(self, app: App, names: Collection[str]) -> None:
        self._app = app
        self._names = {"localhost", *(name.lower().rstrip(".") for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = headers_of(scope).get("host", "") if scope["type"] == "http" else ""
        if not host or self._knows(_name_of(host)):
            await self._app(scope, receive, send)
            return
        message = f"the server isn't known by the name {quote(_name_of(host))}: ask by its address, or start it with --allow-host or a token"
        await send_error(send, RequestError(_MISDIRECTED, message))

    def _knows(self, name: str) -> bool:
        return name in self._names or _is_address(name)


def _name_of(host: str) -> str:
    """Return a Host header without the port."""
    name = (
        host.partition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
    )
    return name.lower().rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

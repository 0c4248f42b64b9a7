"""What stands around the application: it counts, asks for the token, and receives bodies that are small and come in time."""

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import Any, Final, TypeAlias

from seqpipe.serving._metrics import Metrics
from seqpipe.serving._problems import RequestError, as_json
from seqpipe.serving._settings import Limits

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Pages may load what comes from here, and nothing else.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
_TOO_LARGE, _TOO_SLOW, _UNKNOWN, _BUSY = 413, 408, 401, 429
#: What's counted for a client that has gone before it was answered.
_GONE: Final = 499
#: A client that sends too much may go on for so many seconds, as many read no answer before they've sent all.
_DRAIN: Final = 1.0


def headers_of(scope: Scope) -> dict[str, str]:
    """Return a request's headers, their names in lower case."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


async def send_error(send: Send, error: RequestError) -> None:
    """Answer with what's wrong; the connection is closed, as something of the request may not have been read."""
    body = as_json({"error": error.message})
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
        **{name.lower(): value for name, value in error.headers.items()},
    }
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


class Measured:
    """Counts requests and their time, and adds the headers that all responses have.

    Args:
        app: The application.
        metrics: The counters.
        paths: The paths that there are; others are counted together.
    """

    def __init__(self, app: App, metrics: Metrics, paths: Collection[str]) -> None:
        self._app, self._metrics, self._paths = app, metrics, frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.perf_counter(), _GONE

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                more = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", ()), *more]}
            await send(message)

        path = scope["path"] if scope["path"] in self._paths else "other"
        try:
            await self._app(scope, receive, counted)
        finally:
            self._metrics.requests.labels(path, str(status)).inc()
            self._metrics.seconds.labels(path).observe(time.perf_counter() - start)


class Guarded:
    """Lets in who has the token.

    Args:
        app: The application.
        token: The token; None if anybody may come in.
        is_open: The paths that anybody may ask for.
    """

    def __init__(self, app: App, token: str | None, is_open: Collection[str]) -> None:
        self._app, self._token, self._open = app, token, frozenset(is_open)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in self._open and not self._knows(scope):
            message = 'the token is missing or wrong: send it as "Authorization: Bearer TOKEN"'
            error = RequestError(_UNKNOWN, message, {"WWW-Authenticate": "Bearer"})
            await send_error(send, error)
            return
        await self._app(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        if self._token is None:
            return True
        kind, _, given = headers_of(scope).get("authorization", "").partition(" ")
        # In a time that doesn't tell how much of it is right.
        is_same = hmac.compare_digest(given.strip().encode("latin-1"), self._token.encode())
        return kind.lower() == "bearer" and is_same


class Received:
    """Hands on requests whose body is there as a whole.

    It's refused if it's too large, alone or with those of the requests that aren't answered yet, or comes too slowly.

    Args:
        app: The application.
        limits: How large, and how slowly.
    """

    def __init__(self, app: App, limits: Limits) -> None:
        self._app, self._limits = app, limits
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = bytearray()
        try:
            await self._answer(body, scope, receive, send)
        finally:
            self._held -= len(body)

    async def _answer(self, body: bytearray, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if not await self._fill(body, scope, receive):
                return
        except RequestError as error:
            await send_error(send, error)
            return
        whole: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def replayed() -> Message:
            return whole.pop() if whole else await receive()

        await self._app(scope, replayed, send)

    async def _fill(self, body: bytearray, scope: Scope, receive: Receive) -> bool:
        """Receive the body; return whether it's there as a whole, rather than the client gone."""
        headers = headers_of(scope)
        said = headers.get("content-length", "0")
        if said.isdecimal() and int(said) > self._limits.body:
            # A client that waits for `100 Continue` gets the answer at once.
            if "expect" not in headers:
                await _drain(receive)
            raise self._too_large()
        deadline = time.monotonic() + self._limits.patience
        while True:
            message = await self._next(receive, deadline)
            if message["type"] == "http.disconnect":
                return False
            more = message.get("body", b"")
            body += more
            self._held += len(more)
            if self._held > self._limits.held:
                raise RequestError(
                    _BUSY, "too many bytes wait to be answered", {"Retry-After": "1"}
                )
            if len(body) > self._limits.body:
                await _drain(receive)
                raise self._too_large()
            if not message.get("more_body", False):
                return True

    async def _next(self, receive: Receive, deadline: float) -> Message:
        try:
            return await asyncio.wait_for(receive(), deadline - time.monotonic())
        except asyncio.TimeoutError:
            message = f"the body didn't come within {self._limits.patience:g} s"
            raise RequestError(_TOO_SLOW, message) from None

    def _too_large(self) -> RequestError:
        return RequestError(
            _TOO_LARGE,
            f"the body is larger than {self._limits.body:,} bytes, which is the limit: send fewer records at a time",
        )


async def _drain(receive: Receive) -> None:
    """Read what a client sends, and forget it, for a moment."""
    deadline = time.monotonic() + _DRAIN
    while True:
        try:
            message = await asyncio.wait_for(receive(), deadline - time.monotonic())
        except asyncio.TimeoutError:
            return
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return

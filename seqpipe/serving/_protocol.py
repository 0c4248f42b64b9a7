"""HTTP/1.1 for clients that can't be trusted to be quick; uvicorn's own waits for ever for the head of a request."""

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol


class ImpatientProtocol(H11Protocol):
    """Ends connections whose client is too slow in sending the head of a request, or in taking a response.

    Each has a time of its own: who goes on sending takes no response by that.

    Attributes:
        patience: How many seconds either may take.
    """

    patience: ClassVar[float] = 10.0
    _reading: asyncio.TimerHandle | None = None
    _writing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._reading = self._begin()

    def data_received(self, data: bytes) -> None:
        """Go on waiting, unless the head of a request is there as a whole."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._end_reading()
        elif self._reading is None:
            self._reading = self._begin()

    def pause_writing(self) -> None:
        """Begin to wait for the client to take what it has asked for."""
        super().pause_writing()
        self._end_writing()
        self._writing = self._begin()

    def resume_writing(self) -> None:
        """End waiting, unless the connection ends when the client has taken everything."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._end_writing()

    def on_response_complete(self) -> None:
        """Begin to wait for the client to take the rest, if the connection ends with it."""
        super().on_response_complete()
        self._await_end()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that nothing comes by, and begin to wait as above."""
        super().timeout_keep_alive_handler()
        self._await_end()

    def connection_lost(self, exc: Exception | None) -> None:
        """End waiting."""
        self._end_reading()
        self._end_writing()
        super().connection_lost(exc)

    def _await_end(self) -> None:
        if self.transport.is_closing() and self._writing is None:
            self._writing = self._begin()

    def _begin(self) -> asyncio.TimerHandle:
        return self.loop.call_later(self.patience, self.transport.abort)

    def _end_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _end_writing(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None


def protocol_of(patience: float) -> type[ImpatientProtocol]:
    """Return the protocol with so much patience, in seconds."""
    return type("Protocol", (ImpatientProtocol,), {"patience": patience})

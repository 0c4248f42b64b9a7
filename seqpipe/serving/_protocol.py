"""HTTP/1.1 for clients that can't be trusted to be quick; uvicorn's own waits for ever for the head of a request."""

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol


class ImpatientProtocol(H11Protocol):
    """Ends connections whose client is too slow in sending the head of a request, or in taking a response.

    Attributes:
        patience: How many seconds either may take.
    """

    patience: ClassVar[float] = 10.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._begin()

    def data_received(self, data: bytes) -> None:
        """Go on waiting, unless the head of a request is there as a whole."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._end()
        elif self._timer is None:
            self._begin()

    def pause_writing(self) -> None:
        """Begin to wait for the client to take what it has asked for."""
        super().pause_writing()
        self._begin()

    def resume_writing(self) -> None:
        """End waiting."""
        super().resume_writing()
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        """End waiting."""
        self._end()
        super().connection_lost(exc)

    def _begin(self) -> None:
        self._end()
        self._timer = self.loop.call_later(self.patience, self.transport.abort)

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def protocol_of(patience: float) -> type[ImpatientProtocol]:
    """Return the protocol with so much patience, in seconds."""
    return type("Protocol", (ImpatientProtocol,), {"patience": patience})

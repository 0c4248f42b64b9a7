"""The times that a client has, on a connection of this process."""

import asyncio

import uvicorn
from uvicorn.server import ServerState

from seqpipe.serving._protocol import protocol_of

BODY = b"x" * 10_000_000


async def answering(scope, receive, send):
    """Answer with more than a connection takes at once."""
    headers = [(b"content-length", str(len(BODY)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    # The second half waits until the first one is taken.
    half = len(BODY) // 2
    await send({"type": "http.response.body", "body": BODY[:half], "more_body": True})
    await send({"type": "http.response.body", "body": BODY[half:]})


def seconds_until_cut_off(request, patience):
    """Return how long a client is endured that asks, takes nothing, and goes on sending; None if it's for too long."""

    async def asking():
        config = uvicorn.Config(answering, log_config=None, lifespan="off", ws="none")
        config.load()
        ended = asyncio.Event()

        class Protocol(protocol_of(patience)):
            def connection_lost(self, exc):
                super().connection_lost(exc)
                ended.set()

        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: Protocol(config, ServerState(), {}), "127.0.0.1", 0
        )
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), limit=1000)
        start = loop.time()
        writer.write(request)
        while not ended.is_set() and loop.time() < start + 20 * patience:
            writer.write(b"G")
            await asyncio.sleep(patience / 10)
        found = loop.time() - start if ended.is_set() else None
        writer.transport.abort()
        server.close()
        return found

    return asyncio.run(asking())


def test_who_takes_no_answer_is_cut_off_whatever_is_sent():
    for more in (b"", b"Connection: close\r\n"):
        assert seconds_until_cut_off(b"GET / HTTP/1.1\r\nHost: x\r\n" + more + b"\r\n", 0.3)

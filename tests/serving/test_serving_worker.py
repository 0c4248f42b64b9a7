"""The queue and the one thread behind it: what's put together, refused, dropped."""

import asyncio
import contextlib
import re
import threading

import pytest
from serving.conftest import hosted

from seqpipe.errors import ConfigError
from seqpipe.serving import Limits, ServerSettings
from seqpipe.serving._worker import QueueFullError, Worker


@contextlib.asynccontextmanager
async def working(**settings):
    worker = Worker(**{"batch_size": 4, "batch_wait": 0.0, "capacity": 100, **settings})
    worker.start()
    try:
        yield worker
    finally:
        await asyncio.to_thread(worker.stop)


class Gate:
    """Work that waits for its turn, and notes what it's given."""

    def __init__(self):
        self.batches = []
        self.begun = threading.Event()
        self.opened = threading.Event()

    def __call__(self, items):
        self.batches.append(list(items))
        self.begun.set()
        assert self.opened.wait(20)
        return [item * 10 for item in items]

    async def begin(self):
        assert await asyncio.to_thread(self.begun.wait, 20)


def test_work_of_many_is_put_together_and_given_back_to_each():
    async def asking():
        gate = Gate()
        async with working() as worker:
            first = worker.submit(gate, [1], "a")
            await gate.begin()
            jobs = [worker.submit(gate, items, "a") for items in ([2, 3], [4], [5, 6, 7])]
            gate.opened.set()
            return gate.batches, [await job.future for job in (first, *jobs)]

    batches, results = asyncio.run(asking())
    assert batches == [[1], [2, 3, 4, 5], [6, 7]]
    assert results == [[10], [20, 30], [40], [50, 60, 70]]


def test_groups_are_kept_apart():
    async def asking():
        gate = Gate()
        async with working() as worker:
            first = worker.submit(gate, [1], "a")
            await gate.begin()
            jobs = [worker.submit(gate, [n], group) for n, group in ((2, "a"), (3, "b"), (4, "a"))]
            gate.opened.set()
            await asyncio.gather(first.future, *(job.future for job in jobs))
            return gate.batches

    assert asyncio.run(asking()) == [[1], [2], [3], [4]]


def test_item_waits_for_others():
    async def asking():
        gate = Gate()
        gate.opened.set()
        async with working(batch_wait=30.0) as worker:
            jobs = [worker.submit(gate, [n], "a") for n in range(4)]
            await asyncio.gather(*(job.future for job in jobs))
            return gate.batches

    assert asyncio.run(asking()) == [[0, 1, 2, 3]]


def test_nothing_waits_for_others_that_cannot_come():
    async def asking():
        gate = Gate()
        gate.opened.set()
        async with working(batch_wait=30.0) as worker:
            await asyncio.wait_for(worker.submit(gate, [1], "a", can_grow=False).future, 20)
            first = worker.submit(gate, [2], "a")
            worker.submit(gate, [3], "b")
            await asyncio.wait_for(first.future, 20)
            return gate.batches

    assert asyncio.run(asking()) == [[1], [2], [3]]


def test_full_queue_refuses_and_says_when_to_come_back():
    async def asking():
        gate = Gate()
        async with working(capacity=3) as worker:
            worker.submit(gate, [1], "a")
            await gate.begin()
            worker.submit(gate, [2, 3], "a")
            with pytest.raises(QueueFullError) as refused:
                worker.submit(gate, [4, 5], "a")
            kept = worker.submit(gate, [4], "a")
            assert worker.depth == 3
            gate.opened.set()
            return refused.value.seconds, await kept.future

    assert asyncio.run(asking()) == (1, [40])


def test_dropped_work_is_not_begun_and_makes_room():
    async def asking():
        gate = Gate()
        async with working(capacity=3) as worker:
            first = worker.submit(gate, [1], "a")
            await gate.begin()
            dropped = worker.submit(gate, [2, 3, 4], "a")
            worker.drop(dropped)
            last = worker.submit(gate, [5], "a")
            gate.opened.set()
            await asyncio.gather(first.future, last.future)
            return gate.batches

    assert asyncio.run(asking()) == [[1], [5]]


@pytest.mark.parametrize("error", [ValueError("a fault"), SystemExit(3)])
def test_worker_survives_what_it_runs(error):
    def fail(items):
        raise error

    async def asking():
        async with working() as worker:
            with pytest.raises(Exception, match=re.escape(str(error))):
                await worker.submit(fail, [1], "a").future
            return await worker.submit(lambda items: items, [2], "b").future

    assert asyncio.run(asking()) == [2]


def test_stopping_does_what_waits():
    async def asking():
        gate = Gate()
        async with working() as worker:
            jobs = [worker.submit(gate, [n], n) for n in range(5)]
            gate.opened.set()
        return [await job.future for job in jobs]

    assert asyncio.run(asking()) == [[0], [10], [20], [30], [40]]


class Slow:
    """Holds up a host's worker until it's let go."""

    def __init__(self, host):
        self.gate = Gate()
        self.job = host._worker.submit(self.gate, [0], self)

    async def end(self):
        self.gate.opened.set()
        await self.job.future


def test_too_many_records_are_refused_with_a_time(gazetteer):
    async def asking():
        settings = ServerSettings(str(gazetteer), limits=Limits(records=4, queue=4))
        async with hosted(settings) as (host, client):
            slow = Slow(host)
            await slow.gate.begin()
            waiting = asyncio.create_task(client.post("/predict", json=["wave"] * 3))
            while host._worker.depth < 3:
                await asyncio.sleep(0.01)
            refused = await client.post("/predict", json=["oak"] * 2)
            await slow.end()
            return refused, await waiting

    refused, waiting = asyncio.run(asking())
    assert refused.status_code == 429 and int(refused.headers["retry-after"]) >= 1
    assert waiting.status_code == 200 and len(waiting.json()["predictions"]) == 3


def test_late_requests_are_dropped(gazetteer):
    async def asking():
        settings = ServerSettings(str(gazetteer), limits=Limits(seconds=0.2))
        async with hosted(settings) as (host, client):
            slow = Slow(host)
            await slow.gate.begin()
            late = await client.post("/predict", json=["wave"] * 3)
            left = host._worker.depth
            await slow.end()
            return late, left, await client.post("/predict", json="wave")

    late, left, after = asyncio.run(asking())
    assert late.status_code == 504 and "0.2 s" in late.json()["error"]
    assert left == 0
    assert after.status_code == 200


def test_requests_during_a_reload_are_answered_by_one_model_each(classifier, gazetteer, tmp_path):
    async def asking():
        settings = ServerSettings(str(classifier), token="x")
        async with hosted(settings) as (host, client):
            client.headers["authorization"] = "Bearer x"
            slow = Slow(host)
            await slow.gate.begin()
            old = asyncio.create_task(client.post("/predict", json=["Paris"] * 50))
            while not host._worker.depth:
                await asyncio.sleep(0.01)
            host.settings = ServerSettings(str(gazetteer), token="x")
            reloading = asyncio.create_task(client.post("/reload"))
            await slow.end()
            assert (await reloading).status_code == 200
            return (await old).json(), (await client.post("/predict", json="Paris")).json()

    old, new = asyncio.run(asking())
    assert all("label" in each["prediction"] for each in old["predictions"])
    assert "entities" in new["predictions"][0]["prediction"]
    assert old["fingerprint"] != new["fingerprint"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Limits(body=0), "`body` is 0; it must be above 0"),
        (lambda: Limits(seconds=float("nan")), "`seconds` is nan"),
        (lambda: Limits(records=10, queue=5), "the queue holds 5 records"),
        (lambda: Limits(body=10, held=5), "all requests together may have 5 bytes"),
        (lambda: ServerSettings("m", batch_size=0), "`batch_size` is 0"),
        (lambda: ServerSettings("m", batch_wait=-1), "`batch_wait` is -1"),
        (lambda: ServerSettings("m", token="two words"), "`token` must be of visible"),
        (lambda: ServerSettings("m", token=""), "`token` must be of visible"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()

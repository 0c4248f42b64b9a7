"""The one thread that computes, and the queue before it: work of many clients is put together into batches."""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

#: Does work for some items, and returns a result for each.
Run: TypeAlias = Callable[[Sequence[Any]], Sequence[Any]]

#: How much the last batch weighs in the mean of the seconds that an item takes.
_WEIGHT: Final = 0.2
#: Clients that come too many are told to wait so many seconds, at least and at most.
_LEAST, _MOST = 1, 60


class QueueFullError(Exception):
    """There's no room for more work.

    Args:
        seconds: After so long there may be.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(f"the queue is full; try again in {seconds} s")
        self.seconds = seconds


@dataclass(eq=False)
class Job:
    """Work that somebody waits for.

    Attributes:
        run: Does it.
        group: Only work of one group is done together.
        can_grow: Whether other work may join it.
        results: One for each item, as they're done.
        future: Gets the results, in the loop of who waits.
    """

    run: Run
    group: Hashable
    can_grow: bool
    results: list[Any]
    future: "asyncio.Future[list[Any]]"
    arrived: float = field(default_factory=time.monotonic)
    left: int = field(init=False)

    def __post_init__(self) -> None:
        self.left = len(self.results)

    def settle(self) -> None:
        """Hand over the results, or the first error among them."""
        if self.future.done():
            return
        error = next((each for each in self.results if isinstance(each, BaseException)), None)
        if error is None:
            self.future.set_result(self.results)
        else:
            self.future.set_exception(error)


class _Item(NamedTuple):
    job: Job
    place: int
    value: Any


class Worker:
    """Computes in one thread, batch by batch, in the order in which work came.

    Args:
        batch_size: At most so many items are done at once.
        batch_wait: So many seconds an item waits for others that fill its batch.
        capacity: So many items may wait.
        on_batch: Called with the size of each batch.
    """

    def __init__(
        self,
        *,
        batch_size: int,
        batch_wait: float,
        capacity: int,
        on_batch: Callable[[int], None] = lambda size: None,
    ) -> None:
        self._batch_size, self._batch_wait, self._capacity = batch_size, batch_wait, capacity
        self._on_batch = on_batch
        self._waiting: deque[_Item] = deque()
        self._changed = threading.Condition()
        self._is_stopping = False
        self._seconds = 0.0
        self._thread = threading.Thread(target=self._work, name="seqpipe-worker", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self, timeout: float | None = None) -> None:
        """Return when all that waits is done, or after so many seconds."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        self._thread.join(timeout)

    @property
    def depth(self) -> int:
        """How many items wait."""
        return len(self._waiting)

    def submit(
        self,
        run: Run,
        items: Sequence[Any],
        group: Hashable,
        *,
        can_grow: bool = True,
        is_bounded: bool = True,
    ) -> Job:
        """Have work done; it's called in an event loop, and doesn't wait.

        Args:
            run: Does it.
            items: What it's done for.
            group: Only work of one group, which has the same `run`, is done together.
            can_grow: Whether it waits for other work of the group.
            is_bounded: Whether it's refused if the queue is full.

        Raises:
            QueueFullError: There's no room for it.
        """
        future = asyncio.get_running_loop().create_future()
        job = Job(run, group, can_grow, [None] * len(items), future)
        with self._changed:
            if is_bounded and len(self._waiting) + len(items) > self._capacity:
                raise QueueFullError(self._expected())
            self._waiting.extend(_Item(job, place, value) for place, value in enumerate(items))
            self._changed.notify()
        if not items:
            job.settle()
        return job

    def drop(self, job: Job) -> None:
        """Forget what isn't begun of a job that nobody waits for any more."""
        job.future.cancel()
        with self._changed:
            self._waiting = deque(item for item in self._waiting if item.job is not job)

    def _expected(self) -> int:
        return min(max(_LEAST, round(len(self._waiting) * self._seconds)), _MOST)

    def _work(self) -> None:
        while batch := self._take():
            start = time.monotonic()
            self._do(batch)
            each = (time.monotonic() - start) / len(batch)
            self._seconds += _WEIGHT * (each - self._seconds)

    def _take(self) -> list[_Item]:
        """Wait for a batch; an empty one is the end."""
        with self._changed:
            while True:
                while not self._waiting and not self._is_stopping:
                    self._changed.wait()
                self._wait_for_more()
                batch = self._next()
                # What was dropped meanwhile may have been all.
                if batch or self._is_stopping:
                    return batch

    def _next(self) -> list[_Item]:
        batch: list[_Item] = []
        while self._waiting and len(batch) < self._batch_size:
            if batch and self._waiting[0].job.group != batch[0].job.group:
                break
            batch.append(self._waiting.popleft())
        return batch

    def _wait_for_more(self) -> None:
        while self._waiting and not self._is_stopping:
            first, last = self._waiting[0].job, self._waiting[-1].job
            left = first.arrived + self._batch_wait - time.monotonic()
            can_grow = first.can_grow and last.group == first.group
            if left <= 0 or not can_grow or len(self._waiting) >= self._batch_size:
                return
            self._changed.wait(left)

    def _do(self, batch: Sequence[_Item]) -> None:
        results: Sequence[Any]
        try:
            results = batch[0].job.run([item.value for item in batch])
        # A component may even exit; the thread has to go on, and so has the loop that's told of it.
        except BaseException as error:
            told = error if isinstance(error, Exception) else RuntimeError(repr(error))
            results = [told] * len(batch)
        finished = []
        for item, result in zip(batch, results, strict=True):
            item.job.results[item.place] = result
            item.job.left -= 1
            if not item.job.left:
                finished.append(item.job)
        self._on_batch(len(batch))
        _settle(finished)


def _settle(jobs: Sequence[Job]) -> None:
    """Tell those who wait, in the loop of each."""
    for loop in {job.future.get_loop() for job in jobs}:
        mine = [job for job in jobs if job.future.get_loop() is loop]
        # Closed, if the server was forced to stop.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle_here, mine)


def _settle_here(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job.settle()

"""What a worker does with a few records: predicts for them, and writes what comes out as bytes. And the processes that do it."""

import contextlib
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any, Final

from seqpipe.errors import SavedModelError
from seqpipe.inference._encoding import Encoder
from seqpipe.inference._predictor import Predictor
from seqpipe.inference._sources import Item
from seqpipe.messages import plural

#: A record that ends its process so often does it by what's in it, and not by chance.
_TRIES: Final = 2
#: So many batches for each process are read before their results are needed.
_AHEAD: Final = 3
#: Seconds between looks at what's there.
_PAUSE: Final = 0.01


@dataclass(frozen=True)
class Failed:
    """A record that there's no prediction for.

    Attributes:
        item: The record, and where it stands.
        id: Its id, if it has one.
        reason: What's wrong.
    """

    item: Item
    id: Any
    reason: str


@dataclass(frozen=True)
class Done:
    """What came of a batch.

    Attributes:
        data: The bytes of the records that there are predictions for; see `Encoder.encode`.
        failed: The others.
        records: How many records there were.
        words: How many tokens those had that were predicted for.
    """

    data: Sequence[bytes]
    failed: Sequence[Failed]
    records: int
    words: int = 0

    def __add__(self, other: "Done") -> "Done":
        return Done(
            [*self.data, *other.data],
            [*self.failed, *other.failed],
            self.records + other.records,
            self.words + other.words,
        )


@dataclass(frozen=True)
class Work:
    """Predicts for records and encodes what comes out.

    Attributes:
        predictor: What predicts.
        encoder: What writes.
    """

    predictor: Predictor
    encoder: Encoder

    def __call__(self, items: Sequence[Item]) -> Done:
        """Return what comes of records. Raises what `Predictor.nlp` does, and nothing on account of a record."""
        problems = {n: p for n, each in enumerate(items) if (p := self._problem(each))}
        places = [n for n in range(len(items)) if n not in problems]
        found = self.predictor.predict(items[n].record for n in places)
        problems.update({places[failure.index]: failure.reason for failure in found.failures})
        rows = [
            (items[n], values)
            for n, values in zip(places, found, strict=True)
            if values is not None
        ]
        data, unwritten = self._encode(rows)
        numbers = {id(item): n for n, item in enumerate(items)}
        problems.update({numbers[id(item)]: reason for item, reason in unwritten})
        failed = [
            Failed(items[n], id_of(items[n], self.predictor.id), problems[n])
            for n in sorted(problems)
        ]
        return Done(data, failed, len(items), found.words)

    def _encode(
        self, rows: Sequence[tuple[Item, Any]]
    ) -> tuple[list[bytes], list[tuple[Item, str]]]:
        """Return the bytes of rows, and those that can't be written, with why; found by halves."""
        if not rows:
            return [], []
        try:
            return [self.encoder.encode(rows)], []
        # Whatever a library of a format can't write.
        except Exception as error:
            if len(rows) == 1:
                return [], [(rows[0][0], f"it can't be written as {self.encoder.format}: {error}")]
        half = len(rows) // 2
        first, second = self._encode(rows[:half]), self._encode(rows[half:])
        return [*first[0], *second[0]], [*first[1], *second[1]]

    def _problem(self, item: Item) -> str:
        return item.problem or self.encoder.check(item)


def id_of(item: Item, name: str) -> Any:
    """Return the id of a record, None for none."""
    return None if isinstance(item.record, str) else item.record.get(name)


def in_this_process(work: Work, batches: Iterable[Sequence[Item]]) -> Iterator[Done]:
    """Yield what comes of each batch."""
    return map(work, batches)


# In processes of their own.

#: In the place of the number of a record.
_LOADING: Final = -1
#: Forked processes would have locks of threads that they don't have.
_CONTEXT: Final = multiprocessing.get_context("spawn")
#: In a process of a pool, what it does.
_work: Work | None = None
#: And the number of the record that it's at, for whoever asks what it died of.
_at: Any = None


class Coming:
    """Batches that are asked for, and perhaps waited for.

    Args:
        batches: The batches.
        is_slow: Whether they come from elsewhere, at any time: they're read in a thread then, so that nobody has to wait for the next
            one who has something else to do.
    """

    def __init__(self, batches: Iterable[Sequence[Item]], *, is_slow: bool) -> None:
        self._rest = iter(batches)
        self._queue: queue.Queue[Any] | None = queue.Queue(_AHEAD) if is_slow else None
        self.is_over = False
        if self._queue is not None:
            threading.Thread(target=self._read, args=(self._queue,), daemon=True).start()

    def _read(self, into: "queue.Queue[Any]") -> None:
        try:
            for batch in self._rest:
                into.put(batch)
        except BaseException as error:
            into.put(error)
        into.put(None)

    def next(self, *, wait: bool) -> Sequence[Item] | None:
        """Return the next batch; None if there's none any more, or none yet that wasn't to be waited for."""
        if self._queue is None:
            found = next(self._rest, None)
        else:
            try:
                found = self._queue.get(block=wait)
            except queue.Empty:
                return None
        if isinstance(found, BaseException):
            raise found
        self.is_over = found is None
        return found


def in_processes(
    work: Work, batches: Iterable[Sequence[Item]], *, count: int, is_slow: bool = False
) -> Iterator[Done]:
    """Yield what comes of each batch, in their order, from so many processes; only a few batches wait at a time.

    If a process is killed, others take its place, and what they had is done anew. A record that ends its process again fails alone.
    """
    with contextlib.ExitStack() as stack:
        pool = _Pool(work, count)
        stack.callback(lambda: pool.end())
        waiting: deque[tuple[Sequence[Item], Future[Done]]] = deque()
        coming = Coming(batches, is_slow=is_slow)
        while take_ahead(coming, waiting, pool.submit, most=_AHEAD * count):
            batch, future = waiting.popleft()
            try:
                done = future.result()
            except BrokenProcessPool:
                # Whatever was being worked on may have been the cause: this batch is looked at, the others have their turn.
                pool.renew()
                done = pool.alone(batch)
                waiting = deque((each, pool.submit(each)) for each, _ in waiting)
            yield done


def take_ahead(
    coming: Coming,
    waiting: "deque[tuple[Sequence[Item], Any]]",
    submit: Callable[[Sequence[Item]], Any],
    *,
    most: int,
) -> bool:
    """Submit batches that come, up to so many, until the result of the first is there, or there's no room for more.

    Returns:
        Whether anything is waited for.
    """
    while not coming.is_over and len(waiting) < most:
        batch = coming.next(wait=not waiting)
        if batch is not None:
            waiting.append((batch, submit(batch)))
        elif not coming.is_over:
            if waiting[0][1].done():
                break
            time.sleep(_PAUSE)
    return bool(waiting)


class _Pool:
    """Processes that do one kind of work."""

    def __init__(self, work: Work, count: int) -> None:
        self._work, self._count = work, count
        self._executor = self._start(count)

    def _start(self, count: int, at: Any = None) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            count, mp_context=_CONTEXT, initializer=_begin, initargs=(self._work, at)
        )

    def submit(self, batch: Sequence[Item]) -> "Future[Done]":
        try:
            return self._executor.submit(_do, batch)
        except BrokenProcessPool as error:
            broken: Future[Done] = Future()
            broken.set_exception(error)
            return broken

    def renew(self) -> None:
        """Start other processes in the place of those that ended."""
        self.end()
        self._executor = self._start(self._count)

    def alone(self, batch: Sequence[Item]) -> Done:
        """Return what comes of a batch in a process of its own, record by record, without those that end it."""
        deaths: Counter[int] = Counter()
        at = _CONTEXT.Value("q", _LOADING)
        while True:
            fatal = [number for number, times in deaths.items() if times >= _TRIES]
            # Before a process has begun, it dies of no record.
            at.value = _LOADING
            with contextlib.ExitStack() as stack:
                executor = self._start(1, at)
                stack.callback(_end, executor)
                try:
                    return executor.submit(_do_one_by_one, batch, fatal).result()
                except BrokenProcessPool as error:
                    deaths[at.value] += 1
                    if deaths[_LOADING] >= _TRIES:
                        raise SavedModelError(
                            "the process that predicts ends before it has begun, or while it loads the model, as it does when memory runs "
                            "out: fewer --workers need less"
                        ) from error

    def end(self) -> None:
        """End the processes, whatever they're doing."""
        _end(self._executor)


def _end(executor: ProcessPoolExecutor) -> None:
    processes = list((executor._processes or {}).values())
    executor.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.kill()
    for process in processes:
        process.join()


def _begin(work: Work, at: Any) -> None:
    """Prepare a process for its work."""
    global _work, _at
    # Ctrl-C is the parent's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _work, _at = work, at


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _do(batch: Sequence[Item]) -> Done:
    assert _work is not None
    return _work(batch)


def _do_one_by_one(batch: Sequence[Item], fatal: Sequence[int]) -> Done:
    """Do the work for one record after another, but for those that have ended processes before."""
    assert _work is not None
    _at.value = _LOADING
    _work.predictor.schema  # noqa: B018 - whoever dies of loading the model doesn't die of a record
    found = Done([], [], 0)
    for number, item in enumerate(batch):
        _at.value = number
        if number in fatal:
            reason = f"it ended the process that predicted for it, {plural(_TRIES, 'time')}"
            failed = Failed(item, id_of(item, _work.predictor.id), reason)
            found += Done([], [failed], 1)
        else:
            found += _work([item])
    return found

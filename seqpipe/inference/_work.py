"""What a worker does with a few records: predicts for them, and writes what comes out as bytes. And the processes that do it."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any, Final

from seqpipe.inference._encoding import Encoder
from seqpipe.inference._predictor import Predictor
from seqpipe.inference._sources import Item
from seqpipe.messages import plural

#: A record that ends its process so often does it by what's in it, and not by chance.
_TRIES: Final = 2
#: So many batches for each process are read before their results are needed.
_AHEAD: Final = 3


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
        data = [self.encoder.encode(rows)] if rows else []
        failed = [
            Failed(items[n], id_of(items[n], self.predictor.id), problems[n])
            for n in sorted(problems)
        ]
        return Done(data, failed, len(items), found.words)

    def _problem(self, item: Item) -> str:
        return item.problem or self.encoder.check(item)


def id_of(item: Item, name: str) -> Any:
    """Return the id of a record, None for none."""
    return None if isinstance(item.record, str) else item.record.get(name)


def in_this_process(work: Work, batches: Iterable[Sequence[Item]]) -> Iterator[Done]:
    """Yield what comes of each batch."""
    return map(work, batches)


# In processes of their own.

#: Forked processes would have locks of threads that they don't have.
_CONTEXT: Final = multiprocessing.get_context("spawn")
#: In a process of a pool, what it does.
_work: Work | None = None
#: And the number of the record that it's at, for whoever asks what it died of.
_at: Any = None


def in_processes(work: Work, batches: Iterable[Sequence[Item]], *, count: int) -> Iterator[Done]:
    """Yield what comes of each batch, in their order, from so many processes; only a few batches wait at a time.

    If a process is killed, others take its place, and what they had is done anew. A record that ends its process again fails alone.
    """
    with contextlib.ExitStack() as stack:
        pool = _Pool(work, count)
        stack.callback(lambda: pool.end())
        waiting: deque[tuple[Sequence[Item], Future[Done]]] = deque()
        rest = iter(batches)
        is_over = False
        while True:
            while not is_over and len(waiting) < _AHEAD * count:
                batch = next(rest, None)
                if batch is None:
                    is_over = True
                else:
                    waiting.append((batch, pool.submit(batch)))
            if not waiting:
                return
            batch, future = waiting.popleft()
            try:
                done = future.result()
            except BrokenProcessPool:
                # Whatever was being worked on may have been the cause: this batch is looked at, the others have their turn.
                pool.renew()
                done = pool.alone(batch)
                waiting = deque((each, pool.submit(each)) for each, _ in waiting)
            yield done


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
        at = _CONTEXT.Value("q", 0)
        while True:
            fatal = [number for number, times in deaths.items() if times == _TRIES]
            with contextlib.ExitStack() as stack:
                executor = self._start(1, at)
                stack.callback(_end, executor)
                try:
                    return executor.submit(_do_one_by_one, batch, fatal).result()
                except BrokenProcessPool:
                    deaths[at.value] += 1

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

"""What stays while models come and go: the worker, the counters, and the model of the moment."""

import asyncio
import contextlib
import logging
import time
from asyncio import create_task
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, Final, TypeAlias

from seqpipe.serving._metrics import Metrics
from seqpipe.serving._model import Asked, Entry, Model, load_model
from seqpipe.serving._problems import RequestError
from seqpipe.serving._settings import ServerSettings
from seqpipe.serving._worker import QueueFullError, Run, Worker

logger: Final = logging.getLogger("seqpipe.serving")

#: Waits until a client has gone.
Gone: TypeAlias = Callable[[], Awaitable[Any]]

_BUSY, _NOT_READY, _TOO_LONG, _GONE = 429, 503, 504, 499
#: What a model predicts for before it's asked by anybody, so that kernels are compiled.
_FIRST: Final = "A first text."


class Host:
    """Loads models and has them asked.

    Args:
        settings: What's served, and how.

    Attributes:
        settings: The same.
        metrics: What's counted.
        model: The model that new requests are answered by; None until it's loaded.
        failure: Why the first one couldn't be loaded.
        is_stopping: Whether the server is about to end.
        on_ready: Is called when the first model is loaded.
        on_failure: Is called if it can't be.
        on_reload: Is called when a client has had the model reloaded.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.model: Model | None = None
        self.failure: BaseException | None = None
        self.is_stopping = False
        self.on_failure: Callable[[], None] = lambda: None
        self.on_ready: Callable[[], None] = lambda: None
        self.on_reload: Callable[[], None] = lambda: None
        self._lock = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        #: Kept here, as the loop keeps weak references only.
        self._tasks: set[asyncio.Task[None]] = set()
        self._worker = Worker(
            batch_size=settings.batch_size,
            batch_wait=settings.batch_wait,
            capacity=settings.limits.queue,
            on_batch=self._count_batch,
        )

    def _count_batch(self, size: int) -> None:
        self.metrics.batches.observe(size)
        self.metrics.queue.set(self._worker.depth)

    async def start(self) -> None:
        """Load the model for the first time."""
        self._loop = asyncio.get_running_loop()
        self._worker.start()
        async with self._lock:
            try:
                self.model = await self._load()
            except Exception as error:
                logger.error("the model can't be loaded: %s", error)
                self.failure = error
                self.on_failure()
            else:
                self.on_ready()

    async def stop(self) -> None:
        """Do what still waits, and end the worker; a batch that takes too long is left undone, as nobody waits for it any more."""
        await asyncio.to_thread(self._worker.stop, self.settings.limits.patience)

    def reload_soon(self) -> None:
        """Begin to reload, from a handler of a signal; what comes of it is logged."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._begin_reload)

    def _begin_reload(self) -> None:
        task = create_task(self._try())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _try(self) -> None:
        with contextlib.suppress(Exception):
            await self.reload()

    async def reload(self) -> Model:
        """Load the model anew, and have it answer all requests from then on; those that are there are answered by the old one.

        After a first model that couldn't be loaded, this loads the first one.

        Raises:
            SeqpipeError: It can't be loaded; the old one stays, if there is one.
        """
        async with self._lock:
            try:
                model = await self._load()
            except Exception as error:
                self.metrics.reloads.labels("failed").inc()
                if self.model is None:
                    self.failure = error
                    logger.error("the model can't be loaded: %s", error)
                else:
                    logger.error("reloading failed, and the old model stays: %s", error)
                raise
            is_first = self.model is None
            self.model, self.failure = model, None
            self.metrics.reloads.labels("done").inc()
            logger.info("reloaded: %s", model.fingerprint)
            if is_first:
                self.on_ready()
            return model

    async def _load(self) -> Model:
        start = time.perf_counter()
        model = await asyncio.to_thread(load_model, self.settings)
        # By the one thread that computes, whose turn it is between batches.
        asked = [Asked(_FIRST, False)]
        first = self._worker.submit(model.answer, asked, model, can_grow=False, is_bounded=False)
        await first.future
        logger.info("loaded in %.1f s", time.perf_counter() - start)
        return model

    @property
    def ready(self) -> Model:
        """The model.

        Raises:
            RequestError: It isn't loaded yet, or can't be.
        """
        if self.model is None and self.failure is not None:
            raise RequestError(_NOT_READY, f"the model can't be loaded: {self.failure}")
        if self.model is None:
            raise RequestError(_NOT_READY, "the model is still being loaded", {"Retry-After": "1"})
        return self.model

    async def predict(
        self, model: Model, records: Sequence[Any], *, proba: bool, gone: Gone
    ) -> list[Entry]:
        """Return what to say of each record.

        Args:
            model: What predicts.
            records: The records.
            proba: Whether the score of every label is wanted.
            gone: Waits until the client has gone.

        Raises:
            RequestError: There are too many already, or it took too long, or the client has gone.
        """
        asked = [Asked(record, proba) for record in records]
        found: list[Entry] = await self._done(model.answer, asked, model, gone, can_grow=True)
        failed = sum(not entry.is_prediction for entry in found)
        self.metrics.texts.labels("failed").inc(failed)
        self.metrics.texts.labels("predicted").inc(len(found) - failed)
        return found

    async def explain(self, model: Model, question: Any, *, gone: Gone) -> dict[str, Any]:
        """Return an explanation. Raises what `predict` does, and what `seqpipe.explanation.explain` does."""
        (found,) = await self._done(model.explain, [question], object(), gone, can_grow=False)
        return dict(found)

    async def _done(
        self, run: Run, items: Sequence[Any], group: Hashable, gone: Gone, *, can_grow: bool
    ) -> list[Any]:
        """Return the results of work, unless it takes too long."""
        try:
            job = self._worker.submit(run, items, group, can_grow=can_grow)
        except QueueFullError as error:
            after = {"Retry-After": str(error.seconds)}
            raise RequestError(_BUSY, f"too many requests: {error}", after) from None
        self.metrics.queue.set(self._worker.depth)
        left = asyncio.ensure_future(gone())
        seconds = self.settings.limits.seconds
        try:
            await asyncio.wait(
                (job.future, left), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if job.future.done():
                return job.future.result()
        finally:
            left.cancel()
            if not job.future.done():
                self._worker.drop(job)
                self.metrics.queue.set(self._worker.depth)
        if left.done() and not left.cancelled():
            raise RequestError(_GONE, "the client has gone")
        raise RequestError(_TOO_LONG, f"it took longer than {seconds:g} s")

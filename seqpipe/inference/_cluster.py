"""The work shared among the workers of Dask, on this machine or on many."""

import contextlib
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from seqpipe.errors import ConfigError, SavedModelError
from seqpipe.inference._sources import Item
from seqpipe.inference._work import Coming, Done, Failed, Work, id_of, take_ahead
from seqpipe.messages import show

#: What begins the address of a cluster that's started here, with a number of workers.
LOCAL: Final = "local:"
#: So many batches for each worker are there before their results are needed.
_AHEAD: Final = 4
#: A batch whose worker died too often is cut into so many.
_PIECES: Final = 16
_TRIES: Final = 5
_WAIT: Final = "60s"
#: Seconds until it's said that a cluster has no workers. From then on, and if there are workers, it's looked at less often.
_PATIENCE: Final = 5.0
_AGAIN: Final = 60.0
#: Seconds that workers here are given to start, of which loading what they need takes most.
_PATIENCE_AT_THE_START: Final = 60.0
#: Seconds after which workers that are gone for good are replaced.
_REFILL: Final = 2.0
_GONE: Final = ("failed", "closed")
#: Seconds that the thread which looks for workers is waited for at the end.
_AT_THE_END: Final = 1.0


def in_cluster(
    work: Work,
    batches: Iterable[Sequence[Item]],
    *,
    address: str,
    is_slow: bool = False,
    on_notice: Callable[[str], None] = lambda text: None,
) -> Iterator[Done]:
    """Yield what comes of each batch, in their order, from the workers of a cluster; only a few batches wait at a time.

    A batch whose worker dies is given to another one, by Dask. If that happens to it again and again, it's cut into pieces, and
    these into single records: one that kills every worker fails alone. The model is shipped to each worker once.

    Args:
        work: What's done with a batch.
        batches: The batches.
        address: That of a scheduler, such as "tcp://10.0.0.1:8786"; or "local:4", for a cluster of four workers with a thread each,
            which is started here, and ended.
        is_slow: Whether batches come at any time; see `Coming`.
        on_notice: Called, in another thread, with what should be said while the work goes on: that there are no workers to do it.

    Raises:
        ConfigError: Dask isn't installed, or there's no cluster there.
        SavedModelError: The scheduler went away.
    """
    with _client(address) as client, _telling(client, address, on_notice):
        from distributed import KilledWorker
        from distributed.client import FutureCancelledError

        from seqpipe.inference._shipped import Shipped, do_shipped

        job = uuid.uuid4().hex
        _register(client, Shipped(work, job))
        workers = _local_workers(address) or len(client.scheduler_info(n_workers=-1)["workers"])

        def submit(batch: Sequence[Item]) -> Any:
            # Not by its content: each batch is a task of its own.
            return client.submit(do_shipped, job, batch, pure=False)

        waiting: deque[tuple[Sequence[Item], Any]] = deque()
        coming = Coming(batches, is_slow=is_slow)
        try:
            while take_ahead(coming, waiting, submit, most=_AHEAD * max(1, workers)):
                batch, future = waiting.popleft()
                try:
                    yield future.result()
                except KilledWorker:
                    yield _cut(batch, submit, work)
        except (FutureCancelledError, OSError) as error:
            raise SavedModelError(
                f"the cluster at {show(address)} went away ({error}); what's written in parts is kept"
            ) from error
        finally:
            with contextlib.suppress(Exception):
                client.unregister_worker_plugin(f"seqpipe-{job}")


@contextlib.contextmanager
def _telling(client: Any, address: str, on_notice: Callable[[str], None]) -> Iterator[None]:
    """Say meanwhile, now and then, that a cluster has no workers, as long as that's so."""
    is_local = address.startswith(LOCAL)
    patience = _PATIENCE_AT_THE_START if is_local else _PATIENCE
    remedy = (
        "they end while they start; `--workers 1` in the place of --cluster shows why"
        if is_local
        else f"start some, by `dask worker {address}`"
    )
    over = threading.Event()

    def watch() -> None:
        wait, since = patience, time.monotonic()
        is_lacking = True
        while not over.wait(wait):
            try:
                # One is enough to know.
                has_workers = bool(client.scheduler_info(n_workers=1)["workers"])
            # That the scheduler went away is noticed where results are waited for.
            except Exception:
                continue
            if has_workers:
                wait, is_lacking = _AGAIN, False
            elif not is_lacking:
                wait, since, is_lacking = patience, time.monotonic(), True
            else:
                wait = _AGAIN
                on_notice(
                    f"the cluster at {address} has had no workers for {time.monotonic() - since:.0f} s: {remedy}, "
                    "or stop by Ctrl-C; the work goes on when one is there"
                )

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        # Not for ever: the scheduler may not answer it. As a daemon, it ends with the process.
        thread.join(timeout=_AT_THE_END)


def _register(client: Any, plugin: Any) -> None:
    """Ship the work to all workers; to those that come later the scheduler does it."""
    for attempt in range(_TRIES):
        try:
            client.register_plugin(plugin)
        # A worker died meanwhile.
        except OSError:
            if attempt == _TRIES - 1:
                raise
        else:
            return


def _cut(batch: Sequence[Item], submit: Callable[[Sequence[Item]], Any], work: Work) -> Done:
    """Return what comes of a batch that has killed its workers: of its pieces, one after another."""
    from distributed import KilledWorker

    if len(batch) == 1:
        id = id_of(batch[0], work.predictor.id)
        return Done([], [Failed(batch[0], id, "it ended each worker that predicted for it")], 1)
    size = -(-len(batch) // _PIECES)
    found = Done([], [], 0)
    for start in range(0, len(batch), size):
        piece = batch[start : start + size]
        try:
            # One at a time, so that it takes no innocent ones with it.
            found += submit(piece).result()
        except KilledWorker:
            found += _cut(piece, submit, work)
    return found


@contextlib.contextmanager
def _client(address: str) -> Iterator[Any]:
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ConfigError(
            '--cluster needs Dask, which isn\'t installed; try: pip install "seqpipe[cluster]"'
        ) from error
    if not address.startswith(LOCAL):
        try:
            connected = Client(address, timeout=_WAIT, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ConfigError(f"there's no cluster at {show(address)}: {error}") from error
        with connected as client:
            yield client
        return
    workers = _local_workers(address)
    # They come later: one that dies while it starts would be an error of the cluster's own start.
    settings = {"n_workers": 0, "threads_per_worker": 1, "dashboard_address": None}
    with (
        LocalCluster(**settings, silence_logs=50) as cluster,
        Client(cluster, set_as_default=False) as client,
        _refilling(cluster, workers),
    ):
        yield client


def _local_workers(address: str) -> int:
    """Return how many workers a cluster here should have; 0 if it's elsewhere.

    Raises:
        ConfigError: The address has no number.
    """
    if not address.startswith(LOCAL):
        return 0
    count = address.removeprefix(LOCAL)
    if not count.isdecimal() or not int(count):
        raise ConfigError(f"{show(address)} names no number of workers: write such as local:4")
    return int(count)


@contextlib.contextmanager
def _refilling(cluster: Any, workers: int) -> Iterator[None]:
    """Begin workers, and others for those that what watches them gives up: what dies while it starts isn't begun anew by that."""
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            # Those that are gone would count, and others might be ended in their place.
            for name, worker in list(cluster.workers.items()):
                if worker.status.name in _GONE:
                    cluster.worker_spec.pop(name, None)
            cluster.scale(workers)
            over.wait(_REFILL)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()

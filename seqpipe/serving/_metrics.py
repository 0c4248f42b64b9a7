"""What's counted, as Prometheus reads it."""

import os
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

#: Where processes that share the work keep their numbers, as prometheus_client has it.
FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The counters of a server."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self.requests = Counter(
            "seqpipe_requests",
            "Requests that were answered.",
            ["path", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "seqpipe_request_seconds",
            "Seconds from the head of a request to the end of its response.",
            ["path"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.queue = Gauge(
            "seqpipe_queue_records",
            "Records that wait.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.batches = Histogram(
            "seqpipe_batch_records",
            "Records that are worked on at once.",
            buckets=_SIZES,
            registry=registry,
        )
        self.texts = Counter(
            "seqpipe_texts",
            "Records, by whether they could be predicted for.",
            ["outcome"],
            registry=registry,
        )
        self.reloads = Counter(
            "seqpipe_reloads", "Reloads of the model.", ["outcome"], registry=registry
        )
        if FOLDER not in os.environ:
            ProcessCollector(registry=registry)

    def text(self) -> bytes:
        """Return all numbers, those of all processes together, in Prometheus' format."""
        if FOLDER not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)

"""Keeps the time of a run's stages, and the speed of its training."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from seqpipe.parts.embedders import FitProgress
from seqpipe.reporting import Progress, Reporter


class Stages:
    """Knows the current stage, and how long each one took.

    Attributes:
        reporter: Receives each stage.
        current: The name of the stage that runs now, or ran last.
        seconds: How long each stage took that has ended.
    """

    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter
        self.current = "start"
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Announce a stage, and keep its time."""
        self.current = name
        self.reporter.stage(name)
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)

    def relay_fit(self, fit: FitProgress) -> None:
        """Pass on to the reporter how far the fitting of an embedder is."""
        self.reporter.progress(
            Progress(fit.fraction, loss=fit.loss, words_per_second=fit.words_per_second)
        )


class Meter:
    """Measures words per second, and the mean loss since the last evaluation."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._loss = 0.0
        self._batches = 0
        self._words = 0
        self._all_words = 0

    def add(self, words: int, loss: float) -> None:
        """Count a batch."""
        self._words += words
        self._all_words += words
        self._loss += loss
        self._batches += 1

    @property
    def words_per_second(self) -> float:
        """The speed since the meter was made."""
        return self._all_words / max(time.perf_counter() - self._start, 1e-9)

    @property
    def mean_loss(self) -> float | None:
        """The mean loss since the last `take`."""
        return self._loss / self._batches if self._batches else None

    def take(self) -> dict[str, float | int | None]:
        """Return the mean loss and the number of words since this was last called."""
        taken = {"loss": self.mean_loss, "words": self._words}
        self._loss, self._batches, self._words = 0.0, 0, 0
        return taken

"""Reads the output of the training process as progress."""

import math
import re
import time
from collections.abc import Callable

from seqpipe.workers._progress import FitProgress, OnProgress

_PROGRESS = re.compile(
    r"Progress:\s*(?P<percent>[\d.]+)%\s+words/sec/thread:\s*(?P<speed>-?\d+)"
    r".*avg\.loss:\s*(?P<loss>\S+)"
)
_OFFSET = re.compile(r"Offset: (\d+)$")
# The library has counted the words, and begins to train.
_COUNTED = "Number of words:"
_NOISE = re.compile(r"Read \d+M words|Number of labels:")


class Progress:
    """Reads the output line by line, and reports.

    With several threads the library prints its progress. With one it prints nothing before the end, so
    the process reports how far it has read the file, which is read once per epoch.

    Args:
        size: The size of the file that's trained on, in bytes.
        passes: How often the file is read.
        words: How many words a pass trains.
        threads: By how many threads.
        on_progress: Receives the progress.
        clock: Returns the time in seconds.
    """

    def __init__(
        self,
        *,
        size: int,
        passes: float,
        words: int,
        threads: int,
        on_progress: OnProgress | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._size = size
        self._passes = passes
        self._words = words
        self._threads = threads
        self._on_progress = on_progress
        self._clock = clock
        self._start: float | None = None
        self._pass = 0
        self._offset = 0
        self._last = FitProgress(0.0)

    def read(self, line: str) -> bool:
        """Take a line of the output, and return whether it was understood."""
        if printed := _PROGRESS.search(line):
            self._report(
                float(printed["percent"]) / 100,
                loss=_finite(printed["loss"]),
                speed=max(0.0, float(printed["speed"])) * self._threads,
            )
        elif match := _OFFSET.search(line):
            self._take_offset(int(match[1]))
        elif line.startswith(_COUNTED):
            self._start = self._clock()
            self._report(0.0, loss=None, speed=None)
        else:
            return _NOISE.search(line) is not None
        return True

    def finish(self) -> None:
        """Report the end, with the last known loss and speed."""
        if self._on_progress is not None:
            self._on_progress(FitProgress(1.0, self._last.loss, self._last.words_per_second))

    def _take_offset(self, offset: int) -> None:
        if self._start is None:
            return
        if offset < self._offset:
            self._pass += 1
        self._offset = offset
        passes = self._pass + offset / self._size
        seconds = self._clock() - self._start
        speed = passes * self._words / seconds if seconds > 0 else None
        self._report(passes / self._passes, loss=None, speed=speed)

    def _report(self, fraction: float, *, loss: float | None, speed: float | None) -> None:
        loss = self._last.loss if loss is None else loss
        self._last = FitProgress(max(fraction, self._last.fraction), loss, speed)
        if self._on_progress is not None and self._last.fraction < 1:
            self._on_progress(self._last)


def _finite(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None

"""What the process prints while it looks for settings, read as progress."""

import re

from seqpipe.parts._fasttext import Progress
from seqpipe.parts._fit_progress import FitProgress, OnProgress

_TRIALS = re.compile(r"Progress:\s*(?P<percent>[\d.]+)%\s+Trials:")
_NOISE = re.compile(r"Training again with best arguments|Best selected args|^\w+ = ")
#: The part of the work that's the search; the rest is the training with what was found.
_SHARE = 0.9


class SearchProgress:
    """Reads the output of a search, and of the training after it.

    Args:
        training: Reads the output of a training.
        on_progress: Is told.
    """

    def __init__(self, training: Progress, on_progress: OnProgress | None) -> None:
        self._training = training
        self._on_progress = on_progress

    def read(self, line: str) -> bool:
        """Take a line of the output, and return whether it was understood."""
        found = _TRIALS.search(line)
        if found and self._on_progress is not None:
            self._on_progress(FitProgress(_SHARE * min(1.0, float(found["percent"]) / 100)))
        return bool(found) or _NOISE.search(line) is not None or self._training.read(line)


def after_search(on_progress: OnProgress | None) -> OnProgress | None:
    """Return what a training tells its progress to that comes after a search."""
    if on_progress is None:
        return None

    def tell(progress: FitProgress) -> None:
        fraction = _SHARE + (1 - _SHARE) * progress.fraction
        on_progress(FitProgress(fraction, progress.loss, progress.words_per_second))

    return tell

"""The process that trains: what it's given, and how it's run."""

import json
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from seqpipe.parts._worker import leave_end_to_parent

#: The files by which a job is handed over, and its result back; all in one folder.
SEQUENCES: Final = "sequences.txt"
SETTINGS: Final = "settings.json"
TABLES: Final = "tables.safetensors"

#: What a line begins with that tells how far the training is.
TOLD: Final = "seqpipe-progress"
_SECONDS_BETWEEN: Final = 0.1


@dataclass(frozen=True)
class Job:
    """What a process is to train.

    Attributes:
        settings: What the embedder says, as plain data; `epochs` is one of them.
        counts: How often each word occurs that's to be known, most frequent first. Words are numbers,
            written as text.
        sequences: How many sequences there are.
        tokens: How many words they have in all, those that aren't to be known too.
        seed: For the library: positive, and far from those of neighbouring seeds.
    """

    settings: Mapping[str, Any]
    counts: Mapping[str, int]
    sequences: int
    tokens: int
    seed: int

    def passes(self) -> "Passes":
        """Return the sequences, to be gone through as often as the settings' `epochs` say."""
        return Passes(self.tokens * int(self.settings["epochs"]))


class Passes:
    """Sequences of words, from the first on each time; tells the other process how far that is.

    Args:
        tokens: How many words will be read in all passes.
    """

    def __init__(self, tokens: int) -> None:
        self._all = tokens
        self._read = 0
        self._begin = self._told = time.monotonic()

    def __iter__(self) -> Iterator[list[str]]:
        """Yield the words of one sequence after another, those too that aren't to be known."""
        with Path(SEQUENCES).open(encoding="ascii") as file:
            for line in file:
                words = line.split()
                yield words
                self._read += len(words)
                self._tell()

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._told >= _SECONDS_BETWEEN:
            self._told = now
            speed = self._read / (now - self._begin)
            print(TOLD, min(1.0, self._read / self._all), speed, flush=True)


def serve(train: Callable[[Job], Mapping[str, NDArray[Any]]]) -> None:
    """Run a training in this process, which `train_apart` has started for it.

    The process ends as soon as the one that started it does, however that happens; and if a thread of
    a library fails, for which the others would wait for ever.

    Args:
        train: Trains, and returns what `train_apart` is to return.
    """
    leave_end_to_parent()
    threading.excepthook = _end_with_thread
    work(train)


def work(train: Callable[[Job], Mapping[str, NDArray[Any]]]) -> None:
    """Do the job that's in the current folder, and leave its result there."""
    told = json.loads(Path(SETTINGS).read_text(encoding="utf-8"))
    tables = train(Job(**told))
    # safetensors writes the memory as it lies there, whatever the strides.
    save_file({name: np.ascontiguousarray(table) for name, table in tables.items()}, TABLES)


def _end_with_thread(failure: threading.ExceptHookArgs) -> None:
    traceback.print_exception(failure.exc_type, failure.exc_value, failure.exc_traceback)
    os._exit(1)

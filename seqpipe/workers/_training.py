"""Trains out-of-process: the job, the worker, its result in files, and the parent that starts it."""

import hashlib
import json
import os
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from seqpipe.errors import EmbedderError, SavedModelError
from seqpipe.storage.part_files import (
    read_arrays,
    read_settings,
    read_words,
    write_arrays,
    write_settings,
    write_words,
)
from seqpipe.workers._process import leave_end_to_parent, run_module
from seqpipe.workers._progress import FitProgress, OnProgress
from seqpipe.workers._spool import Spool, spool_sequences

#: The files that pass a job to its process, and the result back; all in one folder.
SEQUENCES: Final = "sequences.txt"
SETTINGS: Final = "settings.json"
TABLES: Final = "tables.safetensors"

#: What a line of progress begins with.
PROGRESS_PREFIX: Final = "seqpipe-progress"
_MIN_SECONDS_BETWEEN_REPORTS: Final = 0.1


@dataclass(frozen=True)
class Job:
    """What a process is to train.

    Attributes:
        settings: The embedder's settings, as plain data; `epochs` is one of them.
        counts: How often each word occurs that's to be known, most frequent first. Words are integers,
            written as strings.
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
    """Sequences of words, from the first on each time; reports to the parent process how far that is.

    Args:
        tokens: How many words will be read in all passes.
    """

    def __init__(self, tokens: int) -> None:
        self._all = tokens
        self._read = 0
        self._begin = self._reported = time.monotonic()

    def __iter__(self) -> Iterator[list[str]]:
        """Yield the words of one sequence after another, those too that aren't to be known."""
        with Path(SEQUENCES).open(encoding="ascii") as file:
            for line in file:
                words = line.split()
                yield words
                self._read += len(words)
                self._report()

    def _report(self) -> None:
        now = time.monotonic()
        if now - self._reported >= _MIN_SECONDS_BETWEEN_REPORTS:
            self._reported = now
            speed = self._read / (now - self._begin)
            print(PROGRESS_PREFIX, min(1.0, self._read / self._all), speed, flush=True)


def serve(train: Callable[[Job], Mapping[str, NDArray[Any]]]) -> None:
    """Run a training in this process, which `train_out_of_process` has started for it.

    The process ends as soon as the one that started it does, however that happens; and if a thread of
    a library fails, for which the others would wait forever.

    Args:
        train: Trains, and returns what `train_out_of_process` is to return.
    """
    leave_end_to_parent()
    threading.excepthook = _end_with_thread
    work(train)


def work(train: Callable[[Job], Mapping[str, NDArray[Any]]]) -> None:
    """Run the job in the current folder, and write its result there."""
    job = json.loads(Path(SETTINGS).read_text(encoding="utf-8"))
    tables = train(Job(**job))
    # safetensors writes memory as it is, whatever the strides.
    save_file({name: np.ascontiguousarray(table) for name, table in tables.items()}, TABLES)


def _end_with_thread(failure: threading.ExceptHookArgs) -> None:
    traceback.print_exception(failure.exc_type, failure.exc_value, failure.exc_traceback)
    os._exit(1)


# The result, and its files: two of JSON, one of safetensors, no code.

_SETTINGS = "embedder.json"
_WORDS = "words.json"
_TABLES = "vectors.safetensors"

#: What an array must be: its dtype, and the length of each dimension, None for any.
Form = tuple[type, tuple[int | None, ...]]


@dataclass(frozen=True, eq=False)
class Tables:
    """The result of a training.

    Attributes:
        words: Distinct words.
        settings: What shaped the arrays, as plain data.
        arrays: The arrays by name.
    """

    words: tuple[str, ...]
    settings: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


def write_tables(tables: Tables, folder: Path, *, kind: str) -> None:
    """Write what a training left into an existing folder.

    Args:
        tables: What to write.
        folder: Where to.
        kind: The name of the embedder's class.

    Raises:
        SavedModelError: A file can't be written.
    """
    write_settings(folder / _SETTINGS, {"settings": dict(tables.settings)}, kind=kind)
    write_words(folder / _WORDS, tables.words)
    write_arrays(folder / _TABLES, tables.arrays)


def read_tables(folder: Path, *, kind: str, forms: Mapping[str, Form]) -> Tables:
    """Read what `write_tables` wrote.

    Args:
        folder: Where from.
        kind: The name of the embedder's class.
        forms: What each array must be; a length of -1 is the number of words.

    Raises:
        SavedModelError: A file is missing, damaged, doesn't fit the others, or is of another embedder.
    """
    saved = read_settings(folder / _SETTINGS, {"settings": dict}, kind=kind)
    words = read_words(folder / _WORDS)
    path = folder / _TABLES
    arrays = read_arrays(path)
    if problem := _problem(arrays, forms, len(words)):
        raise SavedModelError(f"{path} is damaged, or is of another embedder: {problem}")
    return Tables(words, saved["settings"], arrays)


def _problem(
    arrays: Mapping[str, NDArray[Any]], forms: Mapping[str, Form], words: int
) -> str | None:
    if set(arrays) != set(forms):
        return f"it holds {sorted(arrays)}, not {sorted(forms)}"
    for name, (kind, wanted) in forms.items():
        array, lengths = arrays[name], [words if n == -1 else n for n in wanted]
        fits = len(lengths) == array.ndim and all(
            length in (None, n) for length, n in zip(lengths, array.shape, strict=True)
        )
        if array.dtype != kind or not fits:
            return f"`{name}` is {array.dtype} {list(array.shape)}, not {kind.__name__} {lengths}"
        if not np.isfinite(array).all():
            return f"not every number of `{name}` is finite"
    return None


# The parent process.


def train_out_of_process(
    worker: str,
    sequences: Iterable[Sequence[str]],
    *,
    settings: Mapping[str, Any],
    seed: int,
    on_progress: OnProgress | None,
) -> Tables:
    """Run a module that trains as a process of its own, in a temporary folder.

    Args:
        worker: The module's name. As a program it calls `serve`.
        sequences: What to train on; read once, into a file. Only their distinct words are kept in memory.
        settings: The settings that are passed to the module, as plain data: `min_count`, `lower` and `epochs` and what
            else it needs.
        seed: As `Embedder.fit` has it.
        on_progress: Receives the progress of the training.

    Returns:
        The words that are frequent enough, and the arrays that the module's training returned, with
        the counts of these words as `counts`, `[V]`, int64.

    Raises:
        EmbedderError: There's nothing to train on, the process failed, or a value that it trained
            isn't finite.
    """
    with tempfile.TemporaryDirectory(prefix="seqpipe-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        spool = spool_sequences(sequences, folder / SEQUENCES, lower=settings["lower"])
        known = spool.frequent(settings["min_count"])
        _write_job(folder, spool, known, settings=settings, seed=seed)
        progress = _Progress(on_progress)
        run_module(worker, folder, on_line=progress.read)
        if not (folder / TABLES).exists():
            raise EmbedderError(f"{worker} ended without a result: it has to call `serve`")
        arrays = load_file(folder / TABLES)
    arrays["counts"] = np.array([spool.counts[number] for number in known], dtype=np.int64)
    _check_finite(arrays)
    progress.finish()
    return Tables(tuple(spool.words[number] for number in known), dict(settings), arrays)


def _write_job(
    folder: Path, spool: Spool, known: Sequence[int], *, settings: Mapping[str, Any], seed: int
) -> None:
    job = {
        "settings": dict(settings),
        "counts": {str(number): spool.counts[number] for number in known},
        "sequences": spool.sequences,
        "tokens": spool.tokens,
        "seed": _library_seed(seed),
    }
    (folder / SETTINGS).write_text(json.dumps(job), encoding="utf-8")


def _library_seed(seed: int) -> int:
    # Libraries seed their random streams with consecutive integers from a seed on.
    digest = hashlib.blake2b(str(seed).encode(), digest_size=4).digest()
    return 1 + int.from_bytes(digest, "little") % 2**30


def _check_finite(arrays: Mapping[str, Any]) -> None:
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise EmbedderError(
            "the training of the embedder gave vectors that aren't finite: set a smaller `learning_rate`"
        )


class _Progress:
    """Relays the progress that the process reports.

    Args:
        on_progress: Receives it.
    """

    def __init__(self, on_progress: OnProgress | None) -> None:
        self._on_progress = on_progress
        self._speed: float | None = None

    def read(self, line: str) -> bool:
        """Take a line of the output, and return whether it was understood."""
        if not line.startswith(PROGRESS_PREFIX):
            return False
        try:
            fraction, self._speed = (float(number) for number in line.split()[1:])
        except ValueError:  # a library's own output is mixed with it
            return False
        if self._on_progress is not None and fraction < 1:
            self._on_progress(FitProgress(fraction, words_per_second=self._speed))
        return True

    def finish(self) -> None:
        """Report the end, with the last known speed."""
        if self._on_progress is not None:
            self._on_progress(FitProgress(1.0, words_per_second=self._speed))

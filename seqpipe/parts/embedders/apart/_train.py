"""Have a process of its own train on sequences."""

import hashlib
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from seqpipe.errors import EmbedderError
from seqpipe.parts._process import run_module
from seqpipe.parts.embedders._contract import FitProgress, OnProgress
from seqpipe.parts.embedders._spool import Spool, spool_sequences
from seqpipe.parts.embedders.apart import _job as job
from seqpipe.parts.embedders.apart._tables import Tables


def train_apart(
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
        settings: What the module is told, as plain data: `min_count`, `lower` and `epochs` and what
            else it needs.
        seed: As `Embedder.fit` has it.
        on_progress: Is told how far the training is.

    Returns:
        The words that are frequent enough, and the arrays that the module's training returned, with
        the counts of these words as `counts`, `[V]`, int64.

    Raises:
        EmbedderError: There's nothing to train on, the process failed, or a number that it trained
            isn't finite.
    """
    with tempfile.TemporaryDirectory(prefix="seqpipe-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        spool = spool_sequences(sequences, folder / job.SEQUENCES, lower=settings["lower"])
        known = spool.frequent(settings["min_count"])
        _write_job(folder, spool, known, settings=settings, seed=seed)
        progress = _Progress(on_progress)
        run_module(worker, folder, on_line=progress.read)
        arrays = load_file(folder / job.TABLES)
    arrays["counts"] = np.array([spool.counts[number] for number in known], dtype=np.int64)
    _check_finite(arrays)
    progress.finish()
    return Tables(tuple(spool.words[number] for number in known), dict(settings), arrays)


def _write_job(
    folder: Path, spool: Spool, known: Sequence[int], *, settings: Mapping[str, Any], seed: int
) -> None:
    told = {
        "settings": dict(settings),
        "counts": {str(number): spool.counts[number] for number in known},
        "sequences": spool.sequences,
        "tokens": spool.tokens,
        "seed": _library_seed(seed),
    }
    (folder / job.SETTINGS).write_text(json.dumps(told), encoding="utf-8")


def _library_seed(seed: int) -> int:
    # Libraries count on from a seed for each of their streams of random numbers.
    digest = hashlib.blake2b(str(seed).encode(), digest_size=4).digest()
    return 1 + int.from_bytes(digest, "little") % 2**30


def _check_finite(arrays: Mapping[str, Any]) -> None:
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise EmbedderError(
            "the training of the embedder gave vectors that aren't finite: set a smaller `learning_rate`"
        )


class _Progress:
    """What the process tells, passed on.

    Args:
        on_progress: Is told.
    """

    def __init__(self, on_progress: OnProgress | None) -> None:
        self._on_progress = on_progress
        self._speed: float | None = None

    def read(self, line: str) -> bool:
        """Take a line of the output, and return whether it was understood."""
        if not line.startswith(job.TOLD):
            return False
        fraction, self._speed = (float(number) for number in line.split()[1:])
        if self._on_progress is not None and fraction < 1:
            self._on_progress(FitProgress(fraction, words_per_second=self._speed))
        return True

    def finish(self) -> None:
        """Report the end, with the speed that was told last."""
        if self._on_progress is not None:
            self._on_progress(FitProgress(1.0, words_per_second=self._speed))

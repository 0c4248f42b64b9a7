"""Trains as an embedder's `fit` does: with its progress, its errors and its warning."""

import time
import warnings
from typing import Final

import numpy as np

from seqpipe.errors import EmbedderError
from seqpipe.native import Members, find_own_threads, usable_threads
from seqpipe.parts.cooccurrence._checkpoints import Checkpoints
from seqpipe.parts.cooccurrence._corpus import Tokens
from seqpipe.parts.cooccurrence._trainer import train
from seqpipe.parts.cooccurrence._training import Engine, Start, Trained, Training
from seqpipe.workers._progress import FitProgress, OnProgress

#: From which share of slowed slices on a warning says so.
_MOST_SLOWED: Final = 0.01
#: The part of the work that's done before the caller has made something of the tables.
_ALMOST_DONE: Final = 0.999


def fit_tables(
    tokens: Tokens,
    training: Training,
    *,
    seed: int,
    threads: int | None = None,
    members: Members | None = None,
    start: Start | None = None,
    held_out: Tokens | None = None,
    checkpoints: Checkpoints | None = None,
    engine: Engine | None = None,
    on_progress: OnProgress | None = None,
) -> Trained:
    """Train as `train` does, and tell of it as an embedder must.

    There's a warning if the learning rate was too high for the vectors to come to rest.

    Args:
        tokens: What's trained on.
        training: How.
        seed: Of all random numbers.
        threads: How many threads compute; None for those of the run, or else all there are. Vectors are the same for any
            number.
        members: Which rows make up a word; see `train`.
        start: What some words' vectors are at first.
        held_out: What the loss is measured on after each epoch; see `train`.
        checkpoints: Where it goes on from, and saves how far it is; see `train`.
        engine: What trains; None for the processor; see `train`.
        on_progress: Called from time to time; what's done stays a bit below 1.

    Raises:
        EmbedderError: The vectors aren't finite, or nothing can be measured on what's held out; or the checkpoint can't be used or written.
        MemoryError: There isn't enough memory for the tables.
    """
    trained = train(
        tokens,
        training,
        seed=seed,
        threads=threads or default_threads(),
        members=members,
        start=start,
        held_out=held_out,
        checkpoints=checkpoints,
        engine=engine,
        on_progress=_Report(tokens, training.epochs, on_progress),
    )
    if not np.isfinite(trained.inputs).all():
        raise EmbedderError(
            "the training of the embedder gave vectors that aren't finite: set a smaller `learning_rate`"
        )
    _warn(trained, training)
    return trained


def default_threads() -> int:
    """Return how many threads compute where nobody says: those of the run, or else all there are."""
    return find_own_threads() or usable_threads()


class _Report:
    def __init__(self, tokens: Tokens, epochs: int, on_progress: OnProgress | None) -> None:
        self._words = tokens.counts.sum() * epochs
        self._on_progress = on_progress
        #: When the training began, and what was done by then, where it goes on from a checkpoint.
        self._begun: tuple[float, float] | None = None

    def __call__(self, fraction: float, loss: float | None) -> None:
        if self._on_progress is None:
            return
        if self._begun is None:
            self._begun = time.perf_counter(), fraction
            if fraction:
                self._on_progress(FitProgress(min(fraction, _ALMOST_DONE)))
            return
        start, before = self._begun
        seconds = max(1e-9, time.perf_counter() - start)
        speed = float(self._words * (fraction - before) / seconds)
        self._on_progress(FitProgress(min(fraction, _ALMOST_DONE), loss, speed))


def _warn(trained: Trained, training: Training) -> None:
    untrained = _untrained_loss(training)
    if trained.slowed > _MOST_SLOWED:
        found = f"vectors grew beyond all bounds in {trained.slowed:.0%} of the steps"
    elif untrained and trained.losses[-1].train > untrained:
        found = (
            f"after the last epoch pairs are predicted worse ({trained.losses[-1].train:.3f}) than by vectors "
            f"of zeros ({untrained:.3f})"
        )
    else:
        return
    warnings.warn(
        f"the embedder's `learning_rate`, {training.learning_rate}, is too high: {found}; set a smaller one",
        stacklevel=4,
    )


def _untrained_loss(training: Training) -> float | None:
    """Return the loss of a pair before anything is learnt; None if it depends on the word."""
    if training.loss != "negative-sampling":
        return None
    return (1 + training.negatives) * float(np.log(2))

"""Vectors of items, version 2: by seqpipe's own trainer."""

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from seqpipe.errors import EmbedderError
from seqpipe.native import MOST_WINDOW
from seqpipe.parts.cooccurrence import Training, fit_tables
from seqpipe.parts.embedders import FitProgress, OnProgress
from seqpipe.workers import Tables

from seqpipe_item2vec._embedder import ItemEmbedder
from seqpipe_item2vec._settings import Settings
from seqpipe_item2vec._tokens import BasketTokens


@final
class Item2Vec2(ItemEmbedder):
    """Vectors of items that occur together: item2vec (Barkan and Koenigstein 2016).

    A sequence is a basket, a session or a user's history. Skip-gram with negative sampling trains the vector of
    each item to predict the others of its basket, wherever they stand in it. Items have similar vectors
    that occur beside the same others, such as two brands of one thing, whether or not they occur together;
    `predict` says which items will be added to a basket.

    seqpipe's own trainer trains. Baskets may come from a stream larger than memory: they're kept in a
    temporary file. The same baskets, settings and seed give the same vectors, to the bit, on the same kind
    of processor, for any number of threads. The time grows with the square of a basket's length up to 1,000
    items; longer ones are shuffled anew in each epoch and cut into baskets of that length.

    An unknown item has the zero vector.

    Args:
        width: The width of a vector.
        window: The most items to either side that an item predicts, near ones more often, for sessions,
            where the order says something. None means all of the basket.
        epochs: How often the baskets are gone through.
        negatives: How many random items each prediction is contrasted with; 61 at most.
        negative_exponent: How often these are drawn: as often as their count to this power. 1 draws popular
            items as often as they occur, 0 all alike, -1 rare ones more often. It's among what
            matters most, and the best value depends on the data (Caselles-Dupré et al. 2018): try
            some. The default is that for words (Mikolov et al. 2013).
        min_count: How often an item must occur to be trained and known.
        learning_rate: At the beginning; it falls to 0. There's a warning if it was too high.
        subsample: Items whose share of all is above this are skipped at random; 1 skips none.
        threads: How many threads train; None for all there are. Vectors are the same for any number. There's
            work for 4 with a million items in all baskets, for 2 with half a million, and for one with fewer.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        *,
        width: int = 100,
        window: int | None = None,
        epochs: int = 20,
        negatives: int = 5,
        negative_exponent: float = 0.75,
        min_count: int = 5,
        learning_rate: float = 0.05,
        subsample: float = 1.0,
        threads: int | None = None,
    ) -> None:
        super().__init__(
            Settings(
                width=width,
                window=window,
                epochs=epochs,
                negatives=negatives,
                negative_exponent=negative_exponent,
                min_count=min_count,
                learning_rate=learning_rate,
                subsample=subsample,
                threads=threads,
            )
        )
        self._training = _training(self._settings)

    def fit(
        self,
        sequences: Iterable[Sequence[str]],
        *,
        seed: int = 0,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Fit on baskets; see `Embedder.fit`."""
        try:
            self._keep(self._train(sequences, seed, on_progress))
        except MemoryError as error:
            raise EmbedderError(
                f"there isn't enough memory for vectors of the width {self.width}: set a smaller `width`, or a larger "
                "`min_count`"
            ) from error

    def _lifts(
        self, rows: NDArray[np.intp], inputs: NDArray[np.float32], outputs: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Return the mean of v_i · u_j and v_j · u_i, as it's learnt twice how often two items are beside each other."""
        there = inputs[rows].astype(np.float64) @ outputs.T
        back = outputs[rows].astype(np.float64) @ inputs.T
        lifts: NDArray[np.float64] = (there + back) / 2
        return lifts

    def _train(
        self, sequences: Iterable[Sequence[str]], seed: int, on_progress: OnProgress | None
    ) -> Tables:
        settings = self._settings
        with tempfile.TemporaryFile() as file:
            tokens = BasketTokens.read(
                sequences,
                file,
                min_count=settings.min_count,
                shuffle=seed if settings.window is None else None,
            )
            trained = fit_tables(
                tokens, self._training, seed=seed, threads=settings.threads, on_progress=on_progress
            )
        arrays: dict[str, NDArray[Any]] = {
            "items": np.ascontiguousarray(trained.inputs),
            "outputs": np.ascontiguousarray(trained.outputs),
            "counts": tokens.counts,
        }
        if on_progress:
            on_progress(FitProgress(1.0, trained.losses[-1].train))
        return Tables(tokens.items, asdict(settings), arrays)


def _training(settings: Settings) -> Training:
    return Training(
        width=settings.width,
        epochs=settings.epochs,
        # The trainer draws a smaller window for each item, up to this one: in the longest basket, of 1,000 items, one that's
        # shorter than the basket in one of 1,000 cases.
        window=MOST_WINDOW if settings.window is None else settings.window,
        negatives=settings.negatives,
        negative_exponent=settings.negative_exponent,
        learning_rate=settings.learning_rate,
        subsample=settings.subsample,
        whole_sequences=True,
    )

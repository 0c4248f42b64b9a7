"""Vectors of items."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final, final

import numpy as np
from numpy.typing import NDArray
from seqpipe.errors import ConfigError, EmbedderError, SavedModelError
from seqpipe.parts.embedders import Embedder, OnProgress
from seqpipe.workers import Tables, read_tables, train_out_of_process, write_tables

from seqpipe_item2vec._settings import Settings, read_settings

_WORKER: Final = "seqpipe_item2vec._worker"


@final
class Item2Vec(Embedder):
    """Vectors of items that occur together: item2vec (Barkan and Koenigstein 2016).

    A sequence is a basket, a session or a user's history. Skip-gram with negative sampling trains the vector of
    each item to predict the others of its basket, wherever they stand in it. Items have similar vectors
    that occur beside the same others, such as two brands of one thing, whether or not they occur together;
    `predict` says which items will be added to a basket.

    The gensim library trains, in a process of its own. Baskets may come from a stream larger than memory:
    they're kept in a temporary file. The same baskets, settings and seed give the same vectors, to the
    bit, on the same kind of processor, as long as one thread trains. The time grows with the square
    of a basket's length up to 1,000 items; longer ones are shuffled anew in each epoch and cut into baskets of
    that length.

    An unknown item has the zero vector.

    Args:
        width: The width of a vector.
        window: The most items to either side that an item predicts, near ones more often, for sessions,
            where the order says something. None means all of the basket.
        epochs: How often the baskets are gone through.
        negatives: How many random items each prediction is contrasted with.
        negative_exponent: How often these are drawn: as often as their count to this power. 1 draws popular
            items as often as they occur, 0 all alike, -1 rare ones more often. It's among what
            matters most, and the best value hangs on the data (Caselles-Dupré et al. 2018): try
            some. The default is that for words (Mikolov et al. 2013).
        min_count: How often an item must occur to be trained and known.
        learning_rate: At the beginning; it falls to 0.0001.
        subsample: Items whose share of all is above this are skipped at random; 1 skips none.
        threads: How many threads train. Only 1 is reproducible.

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
        threads: int = 1,
    ) -> None:
        self.width = width
        self._settings = Settings(
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
        self._tables: Tables | None = None
        self._rows: dict[str, int] = {}

    @property
    def vocabulary(self) -> Sequence[str]:
        """The items that occurred often enough; see `Embedder.vocabulary`."""
        return self._tables.words if self._tables else ()

    def fit(
        self,
        sequences: Iterable[Sequence[str]],
        *,
        seed: int = 0,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Fit on baskets; see `Embedder.fit`."""
        settings = asdict(self._settings)
        self._keep(
            train_out_of_process(
                _WORKER, sequences, settings=settings, seed=seed, on_progress=on_progress
            )
        )

    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of items, zeros for unknown ones; see `Embedder.embed`."""
        tables = self._fitted()
        rows = np.array([self._rows.get(word, -1) for word in words], dtype=np.intp)
        vectors: NDArray[np.float32] = tables.arrays["items"][rows]
        vectors[rows < 0] = 0
        return vectors

    def predict(self, items: Sequence[str]) -> NDArray[np.float64]:
        """Return how likely each known item is the next one beside some items: `[V]`, with a sum of 1.

        What the training has learned of an item i is how much likelier another one j is beside it than by
        chance: p(j | i) is in proportion to q(j) exp(v_i · u_j), with the vector v of an item, its output
        vector u, and the distribution q that negative items were drawn from (Levy and Goldberg 2014).
        The mean over `items` is returned, and how popular the items are if none of these is known.

        Raises:
            EmbedderError: The embedder hasn't been fitted.
        """
        arrays = self._fitted().arrays
        counts = arrays["counts"].astype(np.float64)
        rows = [self._rows[item] for item in items if item in self._rows]
        if not rows:
            popular: NDArray[np.float64] = counts / counts.sum()
            return popular
        logits = arrays["items"][rows].astype(np.float64) @ arrays["outputs"].T
        logits += self._settings.negative_exponent * np.log(counts)
        likely = np.exp(logits - logits.max(axis=1, keepdims=True))
        mean: NDArray[np.float64] = (likely / likely.sum(axis=1, keepdims=True)).mean(axis=0)
        return mean

    def to_disk(self, path: Path) -> None:
        """Write everything into the folder `path`; see `Embedder.to_disk`."""
        write_tables(self._fitted(), path, kind=type(self).__name__)

    def from_disk(self, path: Path) -> None:
        """Read what `to_disk` wrote; see `Embedder.from_disk`.

        The settings of the training come along; only the width must be the same.
        """
        vectors = (np.float32, (-1, self.width))
        tables = read_tables(
            path,
            kind=type(self).__name__,
            forms={"items": vectors, "outputs": vectors, "counts": (np.int64, (-1,))},
        )
        self._settings = _check(tables, path, self.width)
        self._keep(tables)

    def _keep(self, tables: Tables) -> None:
        self._tables = tables
        self._rows = {item: row for row, item in enumerate(tables.words)}

    def _fitted(self) -> Tables:
        if self._tables is None:
            raise EmbedderError(
                "the embedder has no vectors yet: fit it, or read a saved one, first"
            )
        return self._tables


def _check(tables: Tables, path: Path, width: int) -> Settings:
    try:
        settings = read_settings(tables.settings)
    except ConfigError as error:
        raise SavedModelError(f"{path} is damaged: {error}") from error
    if settings.width != width:
        raise SavedModelError(f"{path} is damaged: its settings are those of another embedder")
    if len(tables.words) < 2 or (tables.arrays["counts"] < 1).any():
        raise SavedModelError(f"{path} is damaged: it has no items, or one that never occurs")
    return settings

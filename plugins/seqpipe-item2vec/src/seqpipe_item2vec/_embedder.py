"""What both versions of the embedder have in common: what's kept, saved and predicted."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from seqpipe.errors import ConfigError, EmbedderError, SavedModelError
from seqpipe.parts.embedders import Embedder
from seqpipe.workers import Tables, read_tables, write_tables

from seqpipe_item2vec._settings import Settings, read_settings


class ItemEmbedder(Embedder):
    """Vectors of items, and output vectors, which predict.

    Args:
        settings: How they're trained.
    """

    def __init__(self, settings: Settings) -> None:
        self.width = settings.width
        self._settings = settings
        self._tables: Tables | None = None
        self._rows: dict[str, int] = {}

    @property
    def vocabulary(self) -> Sequence[str]:
        """The items that occurred often enough; see `Embedder.vocabulary`."""
        return self._tables.words if self._tables else ()

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
        chance, the lift l(i, j): p(j | i) is in proportion to q(j) exp(l(i, j)), with the distribution q that
        negative items were drawn from (Levy and Goldberg 2014). The mean over `items` is returned, and how
        popular the items are if none of these is known.

        Raises:
            EmbedderError: The embedder hasn't been fitted.
        """
        arrays = self._fitted().arrays
        counts = arrays["counts"].astype(np.float64)
        rows = [self._rows[item] for item in items if item in self._rows]
        if not rows:
            popular: NDArray[np.float64] = counts / counts.sum()
            return popular
        logits = self._lifts(np.array(rows), arrays["items"], arrays["outputs"])
        logits += self._settings.negative_exponent * np.log(counts)
        likely = np.exp(logits - logits.max(axis=1, keepdims=True))
        mean: NDArray[np.float64] = (likely / likely.sum(axis=1, keepdims=True)).mean(axis=0)
        return mean

    def _lifts(
        self, rows: NDArray[np.intp], inputs: NDArray[np.float32], outputs: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Return the lift of each item beside some of them, as a logarithm, `[len(rows), V]`: v_i · u_j here."""
        lifts: NDArray[np.float64] = inputs[rows].astype(np.float64) @ outputs.T
        return lifts

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

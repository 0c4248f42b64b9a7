"""Vectors that were moved."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Moved:
    """The words whose vectors differ from the inner embedder's.

    Attributes:
        known_words: How many words the inner embedder knows.
        rows: The places of the moved ones in its vocabulary, ascending, `[M]`.
        vectors: Their vectors, `[M, width]`.
    """

    known_words: int
    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]

    def places(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return where rows of the vocabulary stand in `vectors`, `[N]`; -1 of those that don't."""
        if not len(self.rows):
            return np.full(len(rows), -1, dtype=np.intp)
        places = np.searchsorted(self.rows, rows).clip(max=len(self.rows) - 1)
        return np.where(self.rows[places] == rows, places, -1)

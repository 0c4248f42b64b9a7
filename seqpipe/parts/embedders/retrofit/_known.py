"""Which word of a vocabulary a text stands for."""

from collections.abc import Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.parts.embedders._contract import Embedder

#: So many vectors at a time are hashed.
_BLOCK: Final = 10_000


class KnownWords:
    """The words of an embedder, as the embedder itself tells them.

    An embedder may lower-case words, or do something else to them, before it looks them up. What it
    takes for a known word has that word's vector, and so it's found.

    Args:
        embedder: Fitted, and not to be fitted again.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._rows = {word: row for row, word in enumerate(embedder.vocabulary)}

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self, words: Sequence[str], vectors: NDArray[np.float32]) -> NDArray[np.intp]:
        """Return the places of words in the vocabulary, `[N]`; -1 of unknown ones.

        Args:
            words: Any texts.
            vectors: What the embedder gives them, `[N, width]`.
        """
        get = self._rows.get
        rows = np.array([get(word, -1) for word in words], dtype=np.intp)
        for place in np.flatnonzero(rows < 0).tolist():
            rows[place] = self._rows_by_vector.get(_hash(vectors[place]), -1)
        return rows

    @cached_property
    def _rows_by_vector(self) -> dict[bytes, int]:
        """The places of the vectors that a single word has; the zero vector is no word's own."""
        words = list(self._rows)
        rows: dict[bytes, int] = {}
        shared = {_hash(np.zeros(self._embedder.width, dtype=np.float32))}
        for start in range(0, len(words), _BLOCK):
            vectors = self._embedder.embed(words[start : start + _BLOCK])
            for row, vector in enumerate(np.ascontiguousarray(vectors), start):
                key = _hash(vector)
                if key in rows:
                    shared.add(key)
                rows[key] = row
        return {key: row for key, row in rows.items() if key not in shared}


def _hash(vector: NDArray[np.float32]) -> bytes:
    # The vectors themselves would be the whole table once more.
    return blake2b(vector.tobytes(), digest_size=16).digest()

"""Vectors of known words alone: an unknown one has zeros."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError
from seqpipe.parts.embedders.formats import WordTable
from seqpipe.parts.embedders.pretrained._lookup import Lookup
from seqpipe.parts.embedders.pretrained._storage import read_table, write_table


@final
class KnownWords(Lookup):
    """A table of words.

    Args:
        table: The words and their vectors.
    """

    form = "words"

    def __init__(self, table: WordTable) -> None:
        self._table = table

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the table."""
        return self._table.words

    @property
    def width(self) -> int:
        """The width of a vector."""
        return int(self._table.vectors.shape[1])

    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of words; see `Lookup.embed`."""
        rows = self._rows(words)
        vectors = self._table.vectors[rows]
        vectors[rows < 0] = 0
        return vectors

    def only(self, words: Sequence[str]) -> "KnownWords":
        """Keep some words; see `Lookup.only`."""
        rows = self._rows(words)
        kept = tuple(word for word, row in zip(words, rows.tolist(), strict=True) if row >= 0)
        return KnownWords(WordTable(kept, self._table.vectors[rows[rows >= 0]]))

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the table; see `Lookup.write`."""
        write_table(folder, self.words, self._table.vectors)
        return {}

    @classmethod
    def read(cls, folder: Path, settings: dict[str, Any]) -> "KnownWords":
        """Read a table; see `Lookup.read`."""
        words, vectors = read_table(folder)
        if len(words) != len(vectors):
            raise SavedModelError(
                f"{folder} is damaged, or mixed up: {len(words)} words, {len(vectors)} vectors"
            )
        return cls(WordTable(words, vectors))

    @cached_property
    def _index(self) -> dict[str, int]:
        return {word: row for row, word in enumerate(self.words)}

    def _rows(self, words: Sequence[str]) -> NDArray[np.intp]:
        get = self._index.get
        return np.array([get(word, -1) for word in words], dtype=np.intp)

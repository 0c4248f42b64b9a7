"""Vectors from floret's table, which knows no words."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from seqpipe.parts.embedders.formats import FloretTable
from seqpipe.parts.embedders.pretrained._lookup import Lookup
from seqpipe.parts.embedders.pretrained._storage import read_table, write_table


@final
class Floret(Lookup):
    """A table from which any word has a vector.

    Args:
        table: The table.
        words: Those that it's been told of.
    """

    form = "floret"
    settings: ClassVar = {
        each.name: str if each.name in ("start", "end") else int
        for each in fields(FloretTable)
        if each.init and each.name != "rows"
    }

    def __init__(self, table: FloretTable, words: tuple[str, ...] = ()) -> None:
        self._table = table
        self._words = words

    @property
    def words(self) -> tuple[str, ...]:
        """The words that it's been told of."""
        return self._words

    @property
    def width(self) -> int:
        """The width of a vector."""
        return int(self._table.rows.shape[1])

    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of words; see `Lookup.embed`."""
        return self._table.vectors(list(words))

    def only(self, words: Sequence[str]) -> "Floret":
        """Be told of some words; see `Lookup.only`."""
        return Floret(self._table, tuple(words))

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the table; see `Lookup.write`."""
        write_table(folder, self._words, self._table.rows)
        return {name: getattr(self._table, name) for name in self.settings}

    @classmethod
    def read(cls, folder: Path, settings: dict[str, Any]) -> "Floret":
        """Read a table; see `Lookup.read`."""
        words, rows = read_table(folder)
        return cls(FloretTable(rows, **settings), words)

"""Vectors from floret's table, which knows no words."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError
from seqpipe.parts.embedders.formats import FloretTable
from seqpipe.parts.embedders.pretrained import _storage as storage
from seqpipe.parts.embedders.pretrained._lookup import Lookup


@final
class Parts(Lookup):
    """A table from which any word has a vector.

    Args:
        table: The table.
        words: Those that it's been told of.
    """

    form = "floret"

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

    def only(self, words: Sequence[str]) -> "Parts":
        """Be told of some words; see `Lookup.only`."""
        return Parts(self._table, tuple(words))

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the table; see `Lookup.write`."""
        storage.write_words(folder, self._words)
        storage.write_table(folder, self._table.rows)
        return {name: getattr(self._table, name) for name in _settings()}

    @classmethod
    def read(cls, folder: Path, settings: dict[str, Any]) -> "Parts":
        """Read a table; see `Lookup.read`."""
        kinds = {name: storage.setting(settings, name, kind) for name, kind in _settings().items()}
        words = storage.read_words(folder)
        if not words:
            raise SavedModelError(f"{folder} is damaged: it has no words")
        return cls(FloretTable(storage.read_table(folder), **kinds), words)


def _settings() -> dict[str, type]:
    names = [field.name for field in fields(FloretTable) if field.init and field.name != "rows"]
    return {name: str if name in ("start", "end") else int for name in names}

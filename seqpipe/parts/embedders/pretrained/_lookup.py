"""What gives words their vectors, once a file has been read."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray


class Lookup(ABC):
    """Words and their vectors, in one of the forms that files have."""

    #: What the form is called in a saved embedder.
    form: ClassVar[str]
    #: The settings that `write` returns, and the type of each.
    settings: ClassVar[Mapping[str, type]] = MappingProxyType({})

    @property
    def source(self) -> object:
        """What knows sub-words, if anything does that can be written as it is."""
        return None

    @property
    @abstractmethod
    def words(self) -> tuple[str, ...]:
        """The known words, most frequent first."""

    @property
    @abstractmethod
    def width(self) -> int:
        """The width of a vector."""

    @abstractmethod
    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of words, `[N, width]`, as the caller's own."""

    @abstractmethod
    def only(self, words: Sequence[str]) -> "Lookup":
        """Return what knows those of some words that are known here, in the order given."""

    @abstractmethod
    def write(self, folder: Path) -> dict[str, Any]:
        """Write the files that hold it into a folder, and return the settings that belong to them.

        Raises:
            SavedModelError: A file can't be written.
        """

    @classmethod
    @abstractmethod
    def read(cls, folder: Path, settings: dict[str, Any]) -> "Lookup":
        """Read what `write` wrote; the settings are of the right types.

        Raises:
            SavedModelError: A file is missing, damaged, or doesn't fit the others or the settings.
        """

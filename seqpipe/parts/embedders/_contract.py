"""What an embedder is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class FitProgress:
    """How far the fitting of an embedder is.

    Attributes:
        fraction: The part of the work that's done, 0 to 1.
        loss: The loss that the trainer reports, averaged since the start; None if it reports none.
        words_per_second: Over all threads; None if unknown.
    """

    fraction: float
    loss: float | None = None
    words_per_second: float | None = None


OnProgress = Callable[[FitProgress], None]


class Embedder(ABC):
    """Turns words into vectors. Fitted on sequences of words, then fixed.

    The words may as well be items or the nodes of a graph: whatever occurs in sequences.
    """

    #: The width of a vector, known before fitting.
    width: int

    @property
    @abstractmethod
    def vocabulary(self) -> Sequence[str]:
        """The words that have a vector of their own, most frequent first; empty before fitting."""

    @abstractmethod
    def fit(
        self,
        sequences: Iterable[Sequence[str]],
        *,
        seed: int = 0,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Fit on sequences of words, which are read once.

        Args:
            sequences: The words of one document after another.
            seed: The same sequences and seed give the same vectors, to the bit.
            on_progress: Called from time to time, and at the end with a fraction of 1.

        Raises:
            EmbedderError: There is nothing to fit on, or the trainer failed.
        """

    @abstractmethod
    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `words`, `[N, width]`: finite, for unknown words too.

        Raises:
            EmbedderError: The embedder hasn't been fitted.
        """

    @abstractmethod
    def to_disk(self, path: Path) -> None:
        """Write everything that `embed` needs into the folder `path`, which exists."""

    @abstractmethod
    def from_disk(self, path: Path) -> None:
        """Read what `to_disk` wrote, replacing what was fitted.

        Raises:
            SavedModelError: A file is missing or isn't what `to_disk` wrote.
        """


class DocumentEmbedder(Embedder):
    """Gives whole documents a vector too.

    In a spaCy pipeline these are what `doc.vector` holds.
    """

    @abstractmethod
    def embed_document(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vector of a document, `[width]`: finite, for one without words too.

        The same words give the same vector.

        Raises:
            EmbedderError: The embedder hasn't been fitted.
        """

"""What all embedders have in common that the fastText library trains."""

import copy
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import EmbedderError
from seqpipe.parts.embedders._contract import Embedder, OnProgress
from seqpipe.parts.embedders.fasttext._files import read_vectors, write_vectors
from seqpipe.parts.embedders.fasttext._fit import fit_vectors
from seqpipe.parts.embedders.fasttext._settings import Settings
from seqpipe.parts.embedders.fasttext._vectors import WordVectors

E = TypeVar("E", bound="LibraryEmbedder")


class LibraryEmbedder(Embedder):
    """Trains by the library, keeps the vectors, and writes them under the name of its class.

    Args:
        settings: What the library is told.
    """

    def __init__(self, settings: Settings) -> None:
        self.width = settings.width
        self._settings = settings
        self._vectors: WordVectors | None = None

    @property
    def vocabulary(self) -> Sequence[str]:
        """The words that occurred often enough; see `Embedder.vocabulary`."""
        return self._vectors.words if self._vectors else ()

    @property
    def has_subwords(self) -> bool:
        """Whether unknown words have vectors, from their parts."""
        return self._fitted().shape.max_n > 0

    def fit(
        self,
        sequences: Iterable[Sequence[str]],
        *,
        seed: int = 0,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Fit on sequences of words; see `Embedder.fit`."""
        self._vectors = fit_vectors(self._settings, sequences, seed=seed, on_progress=on_progress)

    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `words`; see `Embedder.embed`."""
        return self._fitted().embed(words)

    def to_disk(self, path: Path) -> None:
        """Write the vectors into the folder `path`.

        Raises:
            EmbedderError: The embedder hasn't been fitted.
            SavedModelError: A file can't be written.
        """
        write_vectors(self._fitted(), path, kind=type(self).__name__)

    def from_disk(self, path: Path) -> None:
        """Read what `to_disk` wrote; see `Embedder.from_disk`.

        The vectors bring the settings that shaped them along; only the width must be the same.
        """
        self._vectors = read_vectors(path, kind=type(self).__name__, width=self.width)

    def only(self: E, words: Sequence[str]) -> E:
        """Return the embedder with some of its known words only, in the order given; sub-words stay.

        Raises:
            EmbedderError: The embedder hasn't been fitted.
        """
        other = copy.copy(self)
        other._vectors = self._fitted().only(words)
        return other

    def _fitted(self) -> WordVectors:
        if self._vectors is None:
            raise EmbedderError(
                "the embedder has no vectors yet: fit it, or read a saved one, first"
            )
        return self._vectors

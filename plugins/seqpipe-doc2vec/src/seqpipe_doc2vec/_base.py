"""What all kinds of doc2vec have in common, whoever trains them."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from seqpipe.errors import ConfigError, EmbedderError, SavedModelError
from seqpipe.parts.embedders import DocumentEmbedder, OnProgress
from seqpipe.workers import Tables, read_tables, write_tables

from seqpipe_doc2vec._settings import Settings, read_settings


class Infers(Protocol):
    """Gives new documents a vector."""

    def infer(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vector of a document, `[width]`; zeros if no word of it is known."""


class Doc2Vec(DocumentEmbedder):
    """Keeps the vectors of words, and infers those of documents.

    Args:
        settings: The settings of the training.
    """

    def __init__(self, settings: Settings) -> None:
        self.width = settings.width
        self._settings = settings
        self._tables: Tables | None = None
        self._rows: dict[str, int] = {}
        self._inference: Infers | None = None

    @abstractmethod
    def _train(
        self, sequences: Iterable[Sequence[str]], seed: int, on_progress: OnProgress | None
    ) -> Tables:
        """Return the words with their vectors, `words`, output vectors, `outputs`, and `counts`."""

    @abstractmethod
    def _make_inference(self, tables: Tables) -> Infers:
        """Return what infers by what a training left."""

    @property
    def vocabulary(self) -> Sequence[str]:
        """The words that occurred often enough; see `Embedder.vocabulary`."""
        return self._tables.words if self._tables else ()

    def fit(
        self,
        sequences: Iterable[Sequence[str]],
        *,
        seed: int = 0,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Fit on documents; see `Embedder.fit`."""
        self._keep(self._train(sequences, seed, on_progress))

    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `words`, zeros for unknown ones; see `Embedder.embed`."""
        tables = self._fitted()
        rows = np.array([self._rows.get(word, -1) for word in self._forms(words)], dtype=np.intp)
        vectors: NDArray[np.float32] = tables.arrays[self._word_table()][rows]
        vectors[rows < 0] = 0
        return vectors

    def embed_document(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Infer the vector of a document; see `DocumentEmbedder.embed_document`."""
        tables = self._fitted()
        if self._inference is None:
            self._inference = self._make_inference(tables)
        return self._inference.infer(self._forms(words))

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
            forms={"words": vectors, "outputs": vectors, "counts": (np.int64, (-1,))},
        )
        self._settings = _check(tables, path, self._settings)
        self._keep(tables)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what's made when it's needed: a model of a library, or memory in C."""
        return vars(self) | {"_inference": None}

    def _keep(self, tables: Tables) -> None:
        self._tables = tables
        self._rows = {word: row for row, word in enumerate(tables.words)}
        self._inference = None

    def _forms(self, words: Sequence[str]) -> Sequence[str]:
        return [word.lower() for word in words] if self._settings.lower else words

    def _word_table(self) -> str:
        # Without training, the input vectors of words are those that chance gave them.
        return "words" if self._settings.train_words else "outputs"

    def _fitted(self) -> Tables:
        if self._tables is None:
            raise EmbedderError(
                "the embedder has no vectors yet: fit it, or read a saved one, first"
            )
        return self._tables


def _check(tables: Tables, path: Path, mine: Settings) -> Settings:
    try:
        settings = read_settings(tables.settings)
    except ConfigError as error:
        raise SavedModelError(f"{path} is damaged: {error}") from error
    if (settings.width, settings.memory) != (mine.width, mine.memory):
        raise SavedModelError(f"{path} is damaged: its settings are those of another embedder")
    if len(tables.words) < 2 or (tables.arrays["counts"] < 1).any():
        raise SavedModelError(f"{path} is damaged: it has no words, or one that never occurs")
    return settings

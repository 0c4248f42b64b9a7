"""spaCy's own table of vectors, as an embedder."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import LOWER
from spacy.strings import get_string_id
from spacy.vectors import Mode, Vectors
from spacy.vocab import Vocab
from thinc.api import to_numpy

from seqpipe.errors import EmbedderError
from seqpipe.parts.embedders import Embedder, OnProgress


@final
class SpacyTable(Embedder):
    """The vectors that a vocabulary of spaCy's has, to look words up in.

    The order of the words is that of the table's rows. A table in floret's mode has vectors for all
    words, and no list of them.

    Args:
        vocab: The vocabulary.
    """

    def __init__(self, vocab: Vocab) -> None:
        self._vectors: Vectors = vocab.vectors
        self.width = vocab.vectors.shape[1]
        by_row = sorted(vocab.vectors.key2row.items(), key=lambda item: item[1])
        self._words = tuple(vocab.strings[key] for key, row in by_row if key in vocab.strings)

    @property
    def vocabulary(self) -> Sequence[str]:
        """The words that have a row."""
        return self._words

    def fit(
        self,
        sequences: Iterable[Sequence[str]],
        *,
        seed: int = 0,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Refuse.

        Raises:
            EmbedderError: Always.
        """
        raise EmbedderError("spaCy's table of vectors is looked up, and can't be fitted")

    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of words, `[N, width]`; zeros where the table has none."""
        if self._vectors.attr == LOWER:
            words = [word.lower() for word in words]
        if self._vectors.mode == Mode.floret:
            return np.asarray(to_numpy(self._vectors.get_batch(list(words))), dtype=np.float32)
        keys = np.array([get_string_id(word) for word in words], dtype=np.uint64)
        rows = np.asarray(to_numpy(self._vectors.find(keys=keys)), dtype=np.intp)
        vectors = np.zeros((len(words), self.width), dtype=np.float32)
        vectors[rows >= 0] = to_numpy(self._vectors.data)[rows[rows >= 0]]
        return vectors

    def to_disk(self, path: Path) -> None:
        """Refuse.

        Raises:
            EmbedderError: Always.
        """
        raise EmbedderError("spaCy's table of vectors is saved with its pipeline")

    def from_disk(self, path: Path) -> None:
        """Refuse.

        Raises:
            EmbedderError: Always.
        """
        raise EmbedderError("spaCy's table of vectors is loaded with its pipeline")

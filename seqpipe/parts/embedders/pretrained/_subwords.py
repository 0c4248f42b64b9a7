"""Vectors of a model of fastText's: an unknown word has that of its sub-words."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ConfigError, SavedModelError
from seqpipe.parts.embedders.formats import FastTextModel, read_fasttext, write_fasttext
from seqpipe.parts.embedders.pretrained._lookup import Lookup

_MODEL: Final = "model.bin"
_CACHED_WORDS: Final = 20_000


@final
class Subwords(Lookup):
    """A model whose vectors are means of the rows of words and of parts of words.

    Args:
        model: The model.
    """

    form = "fasttext"
    settings: ClassVar = {"encoding": str}

    def __init__(self, model: FastTextModel) -> None:
        self._model = model
        self._cache: dict[str, NDArray[np.float32]] = {}

    @property
    def source(self) -> FastTextModel:
        """The model."""
        return self._model

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the model."""
        return self._model.words

    @property
    def width(self) -> int:
        """The width of a vector."""
        return self._model.width

    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of words; see `Lookup.embed`."""
        vectors = np.empty((len(words), self.width), dtype=np.float32)
        for place, word in enumerate(words):
            vectors[place] = self._vector(word)
        return vectors

    def only(self, words: Sequence[str]) -> "Subwords":
        """Keep some words, and all sub-words; see `Lookup.only`."""
        ids = [self._model.word_id(word) for word in words]
        kept = np.array([place for place in ids if place >= 0], dtype=np.intp)
        return Subwords(self._model.with_words(kept))

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the model as a file of fastText's; see `Lookup.write`."""
        write_fasttext(self._model, folder / _MODEL)
        return {"encoding": self._model.encoding}

    @classmethod
    def read(cls, folder: Path, settings: dict[str, Any]) -> "Subwords":
        """Read a model; see `Lookup.read`."""
        try:
            # The folder may be written to while the model is in use, so nothing is left in it.
            return cls(read_fasttext(folder / _MODEL, **settings, mapped=False))
        except ConfigError as error:
            raise SavedModelError(f"the saved embedder is damaged: {error}") from error

    def _vector(self, word: str) -> NDArray[np.float32]:
        vector = self._cache.get(word)
        if vector is None:
            if len(self._cache) >= _CACHED_WORDS:
                self._cache.clear()
            vector = self._cache[word] = self._model.vector(word)
        return vector

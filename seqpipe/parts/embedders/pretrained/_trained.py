"""Vectors of an embedder that another run has fitted: unknown words have what it gives them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError
from seqpipe.parts._saved import read_words, write_words
from seqpipe.parts.embedders._contract import Embedder
from seqpipe.parts.embedders.fasttext import FastText, Word2Vec
from seqpipe.parts.embedders.formats import SavedEmbedder, make_saved
from seqpipe.parts.embedders.pretrained._lookup import Lookup

_FOLDER: Final = "embedder"
_WORDS: Final = "words.json"


@final
class Trained(Lookup):
    """An embedder with all that it can do.

    Args:
        saved: The embedder.
        words: Those of its words that count as known; None for all.
    """

    form = "embedder"
    settings: ClassVar = {"vectors": dict}

    def __init__(self, saved: SavedEmbedder, words: tuple[str, ...] | None = None) -> None:
        self._saved = saved
        self._words = tuple(saved.embedder.vocabulary) if words is None else words

    @property
    def source(self) -> Embedder:
        """The embedder."""
        return self._saved.embedder

    @property
    def words(self) -> tuple[str, ...]:
        """The known words."""
        return self._words

    @property
    def width(self) -> int:
        """The width of a vector."""
        return self._saved.embedder.width

    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of words; see `Lookup.embed`."""
        return np.array(self._saved.embedder.embed(words), dtype=np.float32)

    def only(self, words: Sequence[str]) -> "Trained":
        """Keep some words, and all sub-words; see `Lookup.only`.

        An embedder that seqpipe didn't train itself is kept whole: the other words are no longer listed.
        """
        known = set(self._words)
        kept = tuple(word for word in dict.fromkeys(words) if word in known)
        embedder = self._saved.embedder
        if isinstance(embedder, FastText | Word2Vec):
            return Trained(SavedEmbedder(embedder.only(kept), self._saved.section))
        return Trained(self._saved, kept)

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the embedder into a folder below; see `Lookup.write`."""
        (folder / _FOLDER).mkdir(exist_ok=True)
        self._saved.embedder.to_disk(folder / _FOLDER)
        write_words(folder / _WORDS, self._words)
        return {"vectors": self._saved.section}

    @classmethod
    def read(cls, folder: Path, settings: dict[str, Any]) -> "Trained":
        """Read an embedder; see `Lookup.read`."""
        saved = make_saved(settings["vectors"], folder / _FOLDER)
        words = read_words(folder / _WORDS)
        if not set(words) <= set(saved.embedder.vocabulary):
            raise SavedModelError(
                f"{folder} is damaged, or mixed up: its words aren't the embedder's"
            )
        return cls(saved, words)

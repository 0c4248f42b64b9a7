"""An embedder as the vectors of spaCy's vocabulary."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import ORTH
from spacy.strings import StringStore
from spacy.vectors import BaseVectors
from spacy.vocab import Vocab

from seqpipe import storage
from seqpipe.adapters._contract import calling, embed_words
from seqpipe.adapters._packed import pack, unpacked
from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.embedders import Concatenated, Embedder

_FOLDER = "embedder"
_NOT_FITTED = b""


class EmbedderVectors(BaseVectors):  # type: ignore[misc]
    """Word vectors that an embedder gives: to every word, those unknown to it too.

    Args:
        strings: The vocabulary's strings.
        embedder: Gives the vectors; it may be fitted later.
    """

    def __init__(self, *, strings: StringStore, embedder: Embedder) -> None:
        self.strings = strings
        self.embedder = embedder
        self.name = "seqpipe"
        self.mode = "seqpipe"
        self.attr = ORTH

    @property
    def strings(self) -> StringStore:
        """The vocabulary's strings, as spaCy set them last."""
        strings: StringStore = self._stores[0]
        return strings

    @strings.setter
    def strings(self, strings: StringStore) -> None:
        # An unpickled vocabulary sets a store that it drops at once for the one pickled with it, which
        # these vectors had before. So none is forgotten: texts go by hashes, whichever store answers.
        stores: list[Any] = getattr(self, "_stores", [])
        self._stores = [strings, *(store for store in stores if store is not strings)]

    def _text(self, key: int | str) -> str:
        if isinstance(key, str):
            return key
        number = int(key)
        text: str = next((s for s in self._stores if number in s), self._stores[0])[number]
        return text

    @property
    def shape(self) -> tuple[int, int]:
        """The number of words with a vector of their own, and the width.

        The width is 0 where an embedder would find it in a file that isn't there: spaCy asks for it before
        it reads the embedder that was saved.
        """
        try:
            return len(self), self.embedder.width
        except DataError:
            return len(self), 0

    @property
    def n_keys(self) -> int:
        """The number of words with a vector of their own."""
        return len(self)

    @property
    def size(self) -> int:
        """The number of values in the table of these words' vectors."""
        return len(self) * self.embedder.width

    @property
    def data(self) -> NDArray[np.float32]:
        """A table without rows: spaCy only looks at what library it belongs to."""
        return np.zeros((0, self.embedder.width), dtype="float32")

    @property
    def vectors_length(self) -> int:
        """The width of a vector."""
        return self.embedder.width

    def __len__(self) -> int:
        return len(self.embedder.vocabulary)

    def __contains__(self, key: int | str) -> bool:
        """Say that there's a vector: there is one for every word."""
        return True

    def is_full(self) -> bool:
        """Say that no row is free: vectors can't be added one by one."""
        return True

    def __getitem__(self, key: int | str) -> NDArray[np.float32]:
        """Return the vector of a word, given as text or hash: `[width]`."""
        vector: NDArray[np.float32] = self.get_batch([key])[0]
        return vector

    def get_batch(self, keys: Iterable[int | str]) -> NDArray[np.float32]:
        """Return the vectors of words, given as texts or hashes: `[N, width]`. White space has zeros."""
        words = [self._text(key) for key in keys]
        vectors = embed_words(self.embedder, words)
        blank = [i for i, word in enumerate(words) if not word.strip()]
        if blank:
            vectors = vectors.copy()
            vectors[blank] = 0
        return vectors

    def add(self, key: int | str, *, vector: Any = None) -> int:
        """Refuse.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(
            "these vectors come from an embedder: single ones can't be added or changed"
        )

    def to_disk(self, path: str | Path, **kwargs: Any) -> None:
        """Write the embedder below the vocabulary's folder."""
        # spaCy is writing the pipeline around it: a manifest from before describes what was there.
        storage.discard_manifest(Path(path).parent)
        folder = Path(path) / _FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        with calling(self.embedder, "embedder", "was written", but=OSError):
            self.embedder.to_disk(folder)

    def from_disk(self, path: str | Path, **kwargs: Any) -> "EmbedderVectors":
        """Read the embedder, once every file of the pipeline is known to be undamaged.

        Raises:
            SavedModelError: The pipeline has a manifest and differs from it, or the embedder can't
                be read.
        """
        # The first thing that spaCy has a pipeline of ours read from disk, texts of its own apart.
        if storage.has_manifest(Path(path).parent):
            storage.verify_folder(Path(path).parent)
        with calling(self.embedder, "embedder", "was read"):
            self.embedder.from_disk(Path(path) / _FOLDER)
        return self

    def to_bytes(self, **kwargs: Any) -> bytes:
        """Return the embedder's files in one piece; none before it's fitted."""
        if not self.embedder.vocabulary:
            return _NOT_FITTED
        with calling(self.embedder, "embedder", "was written", but=OSError):
            return pack(self.embedder.to_disk)

    def from_bytes(self, data: bytes, **kwargs: Any) -> "EmbedderVectors":
        """Read what `to_bytes` returned.

        Raises:
            SavedModelError: It's something else.
        """
        if data == _NOT_FITTED:
            return self
        with unpacked(data, "embedder") as folder, calling(self.embedder, "embedder", "was read"):
            self.embedder.from_disk(folder)
        return self


def make_vectors(
    embedder: Embedder | None = None, embedders: dict[str, Any] | None = None
) -> Callable[[Vocab], EmbedderVectors]:
    """Make what spaCy calls for its vectors; registered as the vectors "seqpipe.Vectors.v1".

    Args:
        embedder: Gives the vectors.
        embedders: Several by name, in place of one: their vectors stand side by side.

    Raises:
        ConfigError: There's none, or there are both.
    """
    if (embedder is None) == (not embedders):
        raise ConfigError("seqpipe.Vectors.v1 takes `embedder`, or `embedders` by name")
    whole = embedder or Concatenated(embedders or {})

    def create(vocab: Vocab) -> EmbedderVectors:
        return EmbedderVectors(strings=vocab.strings, embedder=whole)

    return create

"""An embedder as the vectors of spaCy's vocabulary."""

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import srsly
from numpy.typing import NDArray
from spacy.attrs import ORTH
from spacy.strings import StringStore
from spacy.vectors import BaseVectors
from spacy.vocab import Vocab

from seqpipe import storage
from seqpipe.errors import ConfigError, SavedModelError
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
        """The number of words with a vector of their own, and the width."""
        return len(self), self.embedder.width

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
        vectors: NDArray[np.float32] = self.embedder.embed(words)
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
        self.embedder.from_disk(Path(path) / _FOLDER)
        return self

    def to_bytes(self, **kwargs: Any) -> bytes:
        """Return the embedder's files in one piece; none before it's fitted."""
        if not self.embedder.vocabulary:
            return _NOT_FITTED
        with tempfile.TemporaryDirectory() as folder:
            self.embedder.to_disk(Path(folder))
            files = (path for path in sorted(Path(folder).rglob("*")) if path.is_file())
            contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
        packed: bytes = srsly.msgpack_dumps(contents)
        return packed

    def from_bytes(self, data: bytes, **kwargs: Any) -> "EmbedderVectors":
        """Read what `to_bytes` returned.

        Raises:
            SavedModelError: It's something else.
        """
        if data == _NOT_FITTED:
            return self
        with tempfile.TemporaryDirectory() as folder:
            for name, content in _unpack(data).items():
                path = _inside(Path(folder), name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            self.embedder.from_disk(Path(folder))
        return self


def _unpack(data: bytes) -> dict[str, bytes]:
    try:
        contents = srsly.msgpack_loads(data)
    except Exception as error:
        raise SavedModelError(f"the saved embedder is damaged: {error}") from error
    files = contents.items() if isinstance(contents, dict) else [(None, None)]
    if not all(isinstance(name, str) and isinstance(content, bytes) for name, content in files):
        raise SavedModelError("the saved embedder is damaged: it isn't made of files")
    return dict(files)


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if folder.resolve() not in path.parents:
        raise SavedModelError(
            f"the saved embedder holds a file {name!r}, which would be written outside of its folder"
        )
    return path


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

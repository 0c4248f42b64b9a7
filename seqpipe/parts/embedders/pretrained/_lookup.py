"""The forms that pretrained vectors have: a table, floret's, a model of fastText's, a saved embedder."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final, cast, final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ConfigError, SavedModelError
from seqpipe.formats import (
    FastTextModel,
    FloretTable,
    SavedEmbedder,
    WordTable,
    make_saved,
    read_fasttext,
    write_fasttext,
)
from seqpipe.parts.embedders._contract import Embedder
from seqpipe.parts.embedders.fasttext._embedders import TrainedEmbedder
from seqpipe.storage.part_files import read_arrays, read_words, write_arrays, write_words


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

    def pruned(self, words: int, subwords: int | None) -> "Lookup":
        """Return what knows the first words only; see `Embedder.pruned`. Without an embedder, sub-words stay."""
        return self.only(self.words[:words])

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


# The files of a table and its words.

_WORDS: Final = "words.json"
_TABLE: Final = "vectors.safetensors"
_VECTORS: Final = "vectors"


def write_table(folder: Path, words: tuple[str, ...], table: NDArray[np.float32]) -> None:
    """Write words and a table of vectors.

    Raises:
        SavedModelError: A file can't be written.
    """
    write_words(folder / _WORDS, words)
    write_arrays(folder / _TABLE, {_VECTORS: table})


def read_table(folder: Path) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Read distinct words, of which there's at least one, and a table of vectors, `[N, width]`, finite.

    Raises:
        SavedModelError: A file can't be read, or holds something else.
    """
    words = read_words(folder / _WORDS)
    if not words:
        raise SavedModelError(f"{folder / _WORDS} is damaged: it has no words")
    path = folder / _TABLE
    arrays = read_arrays(path)
    table = arrays.get(_VECTORS)
    if len(arrays) != 1 or table is None or table.ndim != 2 or table.dtype != np.float32:
        raise SavedModelError(f"{path} has other tables than an embedder's")
    if not np.isfinite(table).all():
        raise SavedModelError(f"{path} is damaged: not every number is finite")
    return words, table


@final
class KnownWords(Lookup):
    """A table of words; an unknown word has zeros.

    Args:
        table: The words and their vectors.
    """

    form = "words"

    def __init__(self, table: WordTable) -> None:
        self._table = table

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the table."""
        return self._table.words

    @property
    def width(self) -> int:
        """The width of a vector."""
        return int(self._table.vectors.shape[1])

    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of words; see `Lookup.embed`."""
        rows = self._rows(words)
        vectors = self._table.vectors[rows]
        vectors[rows < 0] = 0
        return vectors

    def only(self, words: Sequence[str]) -> "KnownWords":
        """Keep some words; see `Lookup.only`."""
        rows = self._rows(words)
        kept = tuple(word for word, row in zip(words, rows.tolist(), strict=True) if row >= 0)
        return KnownWords(WordTable(kept, self._table.vectors[rows[rows >= 0]]))

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the table; see `Lookup.write`."""
        write_table(folder, self.words, self._table.vectors)
        return {}

    @classmethod
    def read(cls, folder: Path, settings: dict[str, Any]) -> "KnownWords":
        """Read a table; see `Lookup.read`."""
        words, vectors = read_table(folder)
        if len(words) != len(vectors):
            raise SavedModelError(
                f"{folder} is damaged, or mixed up: {len(words)} words, {len(vectors)} vectors"
            )
        return cls(WordTable(words, vectors))

    @cached_property
    def _index(self) -> dict[str, int]:
        return {word: row for row, word in enumerate(self.words)}

    def _rows(self, words: Sequence[str]) -> NDArray[np.intp]:
        get = self._index.get
        return np.array([get(word, -1) for word in words], dtype=np.intp)


@final
class Floret(Lookup):
    """floret's table, which knows no words, and has a vector for any.

    Args:
        table: The table.
        words: The words to list as known.
    """

    form = "floret"
    settings: ClassVar = {
        each.name: str if each.name in ("start", "end") else int
        for each in fields(FloretTable)
        if each.init and each.name != "rows"
    }

    def __init__(self, table: FloretTable, words: tuple[str, ...] = ()) -> None:
        self._table = table
        self._words = words

    @property
    def words(self) -> tuple[str, ...]:
        """The words that are listed as known."""
        return self._words

    @property
    def width(self) -> int:
        """The width of a vector."""
        return int(self._table.rows.shape[1])

    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of words; see `Lookup.embed`."""
        return self._table.vectors(list(words))

    def only(self, words: Sequence[str]) -> "Floret":
        """List some words as known; see `Lookup.only`."""
        return Floret(self._table, tuple(words))

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the table; see `Lookup.write`."""
        write_table(folder, self._words, self._table.rows)
        return {name: getattr(self._table, name) for name in self.settings}

    @classmethod
    def read(cls, folder: Path, settings: dict[str, Any]) -> "Floret":
        """Read a table; see `Lookup.read`."""
        words, rows = read_table(folder)
        return cls(FloretTable(rows, **settings), words)


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


_FOLDER: Final = "embedder"


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
        return cast(Embedder, self._saved.embedder)

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
        if isinstance(embedder, TrainedEmbedder):
            return Trained(SavedEmbedder(embedder.only(kept), self._saved.section))
        return Trained(self._saved, kept)

    def pruned(self, words: int, subwords: int | None) -> "Trained":
        """Prune the embedder; see `Lookup.pruned`."""
        if self._words != tuple(self.source.vocabulary):
            return self.only(self._words[:words])
        pruned = self.source.pruned(words, subwords)
        return Trained(SavedEmbedder(pruned, self._saved.section))

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

"""The result of a training: the vectors of words, known and unknown, and their files. Needs no library."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError
from seqpipe.formats.fasttext import subword_hashes
from seqpipe.parts.fasttext import written
from seqpipe.storage.part_files import (
    read_arrays,
    read_settings,
    read_words,
    write_arrays,
    write_settings,
    write_words,
)

_CACHED_WORDS = 10_000


@dataclass(frozen=True)
class Shape:
    """The settings that shaped the vectors, and the build of the library that trained them."""

    width: int
    min_n: int
    max_n: int
    buckets: int
    lower: bool
    library: str


@dataclass(frozen=True, eq=False)
class Tables:
    """The arrays of trained vectors.

    Attributes:
        known: The vectors of the known words, `[V, width]`, float32.
        rows: The vectors that n-grams share, those of the library's table that were trained,
            `[R, width]`, float32.
        hashes: The hashes of the n-grams of the known words, ascending, `[G]`, uint32.
        row_of_hash: For each hash its row in `rows`, `[G]`, int32.
    """

    known: NDArray[np.float32]
    rows: NDArray[np.float32]
    hashes: NDArray[np.uint32]
    row_of_hash: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class WordVectors:
    """The vectors of words.

    An unknown word has the mean of those of its n-grams that occur in known words, and the zero vector if
    none does. The library takes all its n-grams, of which the others have random vectors.

    Attributes:
        shape: How the vectors were made.
        words: The known words, lower-cased if `shape` says so, `[V]`.
        tables: The arrays.
    """

    shape: Shape
    words: tuple[str, ...]
    tables: Tables
    _index: dict[str, int] = field(init=False, repr=False)
    _cache: dict[str, NDArray[np.float32]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", {word: row for row, word in enumerate(self.words)})

    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of words, `[N, width]`."""
        if self.shape.lower:
            words = [word.lower() for word in words]
        get = self._index.get
        rows = np.array([get(word, -1) for word in words], dtype=np.intp)
        vectors = self.tables.known[rows]
        for place in np.flatnonzero(rows < 0).tolist():
            vectors[place] = self._unknown(words[place])
        return vectors

    def only(self, words: Sequence[str]) -> "WordVectors":
        """Return the vectors with some of the known words only, in the order given; the n-grams stay."""
        rows = np.array([self._index[word] for word in words], dtype=np.intp)
        tables = replace(self.tables, known=self.tables.known[rows])
        return WordVectors(self.shape, tuple(words), tables)

    def _unknown(self, word: str) -> NDArray[np.float32]:
        vector = self._cache.get(word)
        if vector is None:
            vector = self._mean_of_subwords(word)
            if len(self._cache) >= _CACHED_WORDS:
                self._cache.clear()
            self._cache[word] = vector
        return vector

    def _mean_of_subwords(self, word: str) -> NDArray[np.float32]:
        rows = self._rows(word)
        if not len(rows):
            return np.zeros(self.shape.width, dtype=np.float32)
        mean: NDArray[np.float32] = self.tables.rows[rows].mean(axis=0, dtype=np.float32)
        return mean

    def _rows(self, word: str) -> NDArray[np.int32]:
        form = (written(word) or word).encode("utf-8", "surrogatepass")
        found = subword_hashes(form, min_n=self.shape.min_n, max_n=self.shape.max_n)
        hashes = np.fromiter(found, dtype=np.uint32)
        trained = self.tables.hashes
        places = np.searchsorted(trained, hashes)
        # A hash above all others has the place behind the last.
        inside = places < len(trained)
        places, hashes = places[inside], hashes[inside]
        rows: NDArray[np.int32] = self.tables.row_of_hash[places[trained[places] == hashes]]
        return rows


# Files: two of JSON, one of safetensors, no code.

_SETTINGS = "embedder.json"
_WORDS = "words.json"
_TABLES = "vectors.safetensors"
_TYPES: dict[str, type] = {
    "width": int,
    "min_n": int,
    "max_n": int,
    "buckets": int,
    "lower": bool,
    "library": str,
}


def write_vectors(vectors: WordVectors, folder: Path, *, kind: str) -> None:
    """Write vectors into an existing folder.

    Args:
        vectors: What to write.
        folder: Where to.
        kind: The name of the embedder's class.

    Raises:
        SavedModelError: A file can't be written.
    """
    tables = vectors.tables
    arrays = {
        "known": tables.known,
        "rows": tables.rows,
        "hashes": tables.hashes,
        "row_of_hash": tables.row_of_hash,
    }
    write_settings(folder / _SETTINGS, asdict(vectors.shape), kind=kind)
    write_words(folder / _WORDS, vectors.words)
    write_arrays(folder / _TABLES, arrays)


def read_vectors(folder: Path, *, kind: str, width: int) -> WordVectors:
    """Read what `write_vectors` wrote.

    Args:
        folder: Where from.
        kind: The name of the embedder's class.
        width: The width that the vectors must have.

    Raises:
        SavedModelError: A file is missing, damaged, or doesn't fit the others or the embedder.
    """
    shape = _read_shape(folder / _SETTINGS, kind=kind, width=width)
    words = read_words(folder / _WORDS)
    tables = _read_tables(folder / _TABLES, known=len(words), width=width)
    return WordVectors(shape, words, tables)


def _read_shape(path: Path, *, kind: str, width: int) -> Shape:
    settings = read_settings(path, _TYPES, kind=kind)
    if settings["width"] != width:
        raise SavedModelError(
            f"{path} is of vectors of the width {settings['width']}, and the embedder's is {width}"
        )
    return Shape(**settings)


def _read_tables(path: Path, *, known: int, width: int) -> Tables:
    arrays = read_arrays(path)
    try:
        tables = Tables(**arrays)
    except TypeError as error:
        raise SavedModelError(f"{path} has other tables than an embedder's") from error
    problem = _problem(tables, known=known, width=width)
    if problem:
        raise SavedModelError(f"{path} is damaged, or is of another embedder: {problem}")
    return tables


def _problem(tables: Tables, *, known: int, width: int) -> str | None:
    rows, subwords = tables.rows.shape[:1], tables.hashes.shape[:1]
    expected: dict[str, tuple[tuple[int, ...], type]] = {
        "known": ((known, width), np.float32),
        "rows": ((*rows, width), np.float32),
        "hashes": (subwords, np.uint32),
        "row_of_hash": (subwords, np.int32),
    }
    for name, (shape, kind) in expected.items():
        array: NDArray[Any] = getattr(tables, name)
        if array.shape != shape or array.dtype != kind:
            return (
                f"`{name}` is {array.dtype} {list(array.shape)}, not {kind.__name__} {list(shape)}"
            )
    return _wrong_values(tables)


def _wrong_values(tables: Tables) -> str | None:
    if not (np.isfinite(tables.known).all() and np.isfinite(tables.rows).all()):
        return "not every number is finite"
    if (tables.hashes[1:] <= tables.hashes[:-1]).any():
        return "`hashes` isn't in ascending order"
    if ((tables.row_of_hash < 0) | (tables.row_of_hash >= len(tables.rows))).any():
        return "`row_of_hash` names rows that don't exist"
    return None

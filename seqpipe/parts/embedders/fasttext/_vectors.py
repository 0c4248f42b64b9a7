"""The result of a training: the vectors of words, known and unknown, and their files. Needs no library."""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError
from seqpipe.formats.fasttext import Subwords, hash_subwords, subword_hashes
from seqpipe.parts.fasttext import written
from seqpipe.storage.part_files import (
    read_arrays,
    read_settings,
    read_words,
    write_arrays,
    write_settings,
    write_words,
)

#: The vectors of so many unknown words are kept: 20 MB of width 100.
_CACHED_WORDS = 50_000
#: How many unknown words are looked up together.
_AT_ONCE = 1000
#: From so many on, hashing their n-grams by numpy is faster than one by one.
_MANY = 16


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

    def __contains__(self, word: object) -> bool:
        return word in self._index

    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of words, `[N, width]`."""
        if self.shape.lower:
            words = [word.lower() for word in words]
        get = self._index.get
        rows = np.array([get(word, -1) for word in words], dtype=np.intp)
        vectors = self.tables.known[rows]
        unknown = np.flatnonzero(rows < 0)
        at_once = min(_AT_ONCE, _CACHED_WORDS)
        for first in range(0, len(unknown), at_once):
            places = unknown[first : first + at_once]
            vectors[places] = self._unknown([words[place] for place in places.tolist()])
        return vectors

    def only(self, words: Sequence[str]) -> "WordVectors":
        """Return the vectors with some of the known words only, in the order given; the n-grams stay."""
        rows = np.array([self._index[word] for word in words], dtype=np.intp)
        tables = replace(self.tables, known=self.tables.known[rows])
        return WordVectors(self.shape, tuple(words), tables)

    def pruned(self, words: int, subwords: int | None = None) -> "WordVectors":
        """Return the vectors with the first words only, and the rows of n-grams that occur in most of all known words.

        Args:
            words: How many words to keep.
            subwords: How many rows of n-grams; None for the same share as of the words.
        """
        kept = self.only(self.words[:words])
        rows = len(self.tables.rows)
        if subwords is None:
            subwords = round(rows * len(kept.words) / max(1, len(self.words)))
        if subwords >= rows:
            return kept
        # The most used ones; among equals, those of more frequent words, which come first.
        best = np.sort(np.argsort(-self._usage(), kind="stable")[:subwords])
        new_row = np.full(rows, -1, dtype=np.int32)
        new_row[best] = np.arange(len(best), dtype=np.int32)
        row_of_hash = new_row[self.tables.row_of_hash]
        is_kept = row_of_hash >= 0
        tables = Tables(
            kept.tables.known,
            self.tables.rows[best],
            self.tables.hashes[is_kept],
            row_of_hash[is_kept],
        )
        return WordVectors(self.shape, kept.words, tables)

    def _usage(self) -> NDArray[np.int64]:
        """Return how many n-grams of known words each row has the vector of, `[R]`."""
        counts = np.zeros(len(self.tables.rows), dtype=np.int64)
        for first in range(0, len(self.words), _AT_ONCE):
            rows, _ = self._rows_of_subwords(self.words[first : first + _AT_ONCE])
            counts += np.bincount(rows[rows >= 0], minlength=len(counts))
        return counts

    def _unknown(self, words: Sequence[str]) -> NDArray[np.float32]:
        new = [word for word in dict.fromkeys(words) if word not in self._cache]
        if len(self._cache) + len(new) > _CACHED_WORDS:
            self._cache.clear()
            new = list(dict.fromkeys(words))
        self._cache.update(zip(new, self._means_of_subwords(new), strict=True))
        return np.stack([self._cache[word] for word in words])

    def _means_of_subwords(self, words: Sequence[str]) -> list[NDArray[np.float32]]:
        """Return the mean of the trained n-grams of each word; zeros where there's none."""
        rows, ends = self._rows_of_subwords(words)
        pieces = (rows[first:end] for first, end in zip([0, *ends], ends, strict=False))
        return [self._mean(piece[piece >= 0]) for piece in pieces]

    def _rows_of_subwords(self, words: Sequence[str]) -> tuple[NDArray[np.int32], list[int]]:
        """Return the rows of the n-grams of words, one word's after another's, -1 where there's none; and where each word's end."""
        subwords = self._subwords([written(word) or word for word in words])
        trained = self.tables.hashes
        places = np.searchsorted(trained, subwords.hashes)
        # A hash above all others has the place behind the last.
        is_trained = places < len(trained)
        is_trained[is_trained] = trained[places[is_trained]] == subwords.hashes[is_trained]
        rows = np.full(len(places), -1, dtype=np.int32)
        rows[is_trained] = self.tables.row_of_hash[places[is_trained]]
        return rows, subwords.ends.tolist()

    def _subwords(self, forms: Sequence[str]) -> Subwords:
        min_n, max_n = self.shape.min_n, self.shape.max_n
        if len(forms) >= _MANY:
            return hash_subwords(forms, min_n=min_n, max_n=max_n)
        coded = [form.encode("utf-8", "surrogatepass") for form in forms]
        found = [list(subword_hashes(form, min_n=min_n, max_n=max_n)) for form in coded]
        hashes = np.array(list(itertools.chain(*found)), dtype=np.uint32)
        return Subwords(hashes, np.cumsum([len(each) for each in found], dtype=np.intp))

    def _mean(self, rows: NDArray[np.int32]) -> NDArray[np.float32]:
        if not len(rows):
            return np.zeros(self.shape.width, dtype=np.float32)
        mean: NDArray[np.float32] = self.tables.rows[rows].mean(axis=0, dtype=np.float32)
        return mean


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

"""The base of embedders that move the vectors of another one, and their files."""

import copy
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ConfigError, EmbedderError, SavedModelError
from seqpipe.parts.embedders._contract import Embedder, FitProgress, OnProgress
from seqpipe.parts.embedders.retrofit._lists import KnownWords, Pair, Pairs, known_pairs
from seqpipe.storage.part_files import read_arrays, read_settings, write_arrays, write_settings


@dataclass(frozen=True, eq=False)
class Moved:
    """The words whose vectors differ from the inner embedder's.

    Attributes:
        known_words: How many words the inner embedder knows.
        rows: The places of the moved ones in its vocabulary, ascending, `[M]`.
        vectors: Their vectors, `[M, width]`.
    """

    known_words: int
    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]

    def places(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return where rows of the vocabulary stand in `vectors`, `[N]`; -1 of those that don't."""
        if not len(self.rows):
            return np.full(len(rows), -1, dtype=np.intp)
        places = np.searchsorted(self.rows, rows).clip(max=len(self.rows) - 1)
        return np.where(self.rows[places] == rows, places, -1)


# Files: one of JSON, one of safetensors, no code.

_SETTINGS: Final = "moved.json"
_TABLES: Final = "moved.safetensors"


def write_moved(moved: Moved, folder: Path, *, kind: str) -> None:
    """Write moved vectors into an existing folder.

    Args:
        moved: What to write.
        folder: Where to.
        kind: The name of the embedder's class.

    Raises:
        SavedModelError: A file can't be written.
    """
    write_settings(folder / _SETTINGS, {"known_words": moved.known_words}, kind=kind)
    write_arrays(folder / _TABLES, {"rows": moved.rows, "vectors": moved.vectors})


def read_moved(folder: Path, *, kind: str, width: int) -> Moved:
    """Read what `write_moved` wrote.

    Args:
        folder: Where from.
        kind: The name of the embedder's class.
        width: The width that the vectors must have.

    Raises:
        SavedModelError: A file is missing, damaged, or of another embedder.
    """
    settings = read_settings(folder / _SETTINGS, {"known_words": int}, kind=kind)
    known_words, path = settings["known_words"], folder / _TABLES
    tables = read_arrays(path)
    if problem := _problem(tables, known_words=known_words, width=width):
        raise SavedModelError(f"{path} is damaged, or is of another embedder: {problem}")
    return Moved(known_words, tables["rows"], tables["vectors"])


def _problem(tables: dict[str, NDArray[Any]], *, known_words: int, width: int) -> str | None:
    if set(tables) != {"rows", "vectors"}:
        return f"it has the tables {', '.join(sorted(tables)) or 'none'}"
    rows, vectors = tables["rows"], tables["vectors"]
    if rows.dtype != np.int64 or rows.ndim != 1:
        return f"`rows` is {rows.dtype} {list(rows.shape)}"
    if vectors.dtype != np.float32 or vectors.shape != (len(rows), width):
        return f"`vectors` is {vectors.dtype} {list(vectors.shape)}, not {[len(rows), width]}"
    if not np.isfinite(vectors).all():
        return "not every number is finite"
    if len(rows) and (rows[0] < 0 or rows[-1] >= known_words or (np.diff(rows) <= 0).any()):
        return "`rows` aren't those of words, in ascending order"
    return None


_FOLDER: Final = "embedder"

#: The inner embedder's share of the progress.
_INNER_SHARE: Final = 0.8

#: Called with the part of the moving that's done.
OnStep = Callable[[float], None]


M = TypeVar("M", bound="MovedEmbedder")


class MovedEmbedder(Embedder):
    """Fits another embedder, and moves the vectors of known words by lists of pairs.

    Directions are moved: vectors are normalised to length 1 before, and scaled back to their own length after, so
    lengths stay what they were. A known word with the zero vector stays.

    Args:
        embedder: The inner one.

    Raises:
        ConfigError: It's no embedder.
    """

    def __init__(self, embedder: Embedder) -> None:
        if not isinstance(embedder, Embedder):
            raise ConfigError(f"`embedder` is {embedder!r}, and should be an embedder")
        self.embedder = embedder
        self._moved: Moved | None = None
        self._known: KnownWords | None = None

    @abstractmethod
    def _read_lists(self) -> dict[str, list[Pair]]:
        """Return the pairs of each list, by the name of its setting."""

    @abstractmethod
    def _rows(self, pairs: dict[str, Pairs], size: int) -> NDArray[np.int64]:
        """Return the rows of the words that may move, ascending, of a vocabulary of that size."""

    @abstractmethod
    def _move(
        self, units: NDArray[np.float32], pairs: dict[str, Pairs], on_step: OnStep
    ) -> NDArray[np.float32]:
        """Return moved vectors of any length; `pairs` are rows of `units`."""

    # Asked for as late as can be: some read it from a file, which a saved pipeline does without.
    @property
    def width(self) -> int:  # type: ignore[override]
        """The width of a vector, which is the inner embedder's."""
        return self.embedder.width

    @property
    def chosen(self) -> Mapping[str, Any]:  # type: ignore[override]
        """What settings of the inner embedder became; see `Embedder.chosen`."""
        return {f"embedder.{setting}": value for setting, value in self.embedder.chosen.items()}

    @property
    def vocabulary(self) -> Sequence[str]:
        """The words that the inner embedder knows; see `Embedder.vocabulary`."""
        return self.embedder.vocabulary if self._moved else ()

    def check_sources(self) -> None:
        """Read the lists, and check the sources of the inner embedder; see `Embedder.check_sources`."""
        self._read_lists()
        self.embedder.check_sources()

    def fit(
        self,
        sequences: Iterable[Sequence[str]],
        *,
        seed: int = 0,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Fit the inner embedder, and move its vectors; see `Embedder.fit`.

        Raises:
            DataError: A list can't be read.
            EmbedderError: The inner embedder can't be fitted, or knows both words of no pair.
        """
        # The fitting may take hours, so that it's read before.
        lists = self._read_lists()
        self._moved = self._known = None
        report = on_progress or _ignore_progress
        self.embedder.fit(sequences, seed=seed, on_progress=_inner_share(report))
        known = KnownWords(self.embedder)
        self._moved = self._move_all(lists, known, _outer_share(report))
        self._known = known
        report(FitProgress(1.0))

    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `words`, those of unknown ones by the inner embedder."""
        moved, known = self._fitted()
        vectors = np.array(self.embedder.embed(words), dtype=np.float32)
        places = moved.places(known.rows(words, vectors))
        vectors[places >= 0] = moved.vectors[places[places >= 0]]
        return vectors

    def pruned(self: M, words: int, subwords: int | None = None) -> M:
        """Prune the inner embedder, and keep the moved vectors of its words; see `Embedder.pruned`."""
        moved, _ = self._fitted()
        other = copy.copy(self)
        other.embedder = self.embedder.pruned(words, subwords)
        other._known = KnownWords(other.embedder)
        new_rows = {word: row for row, word in enumerate(other.embedder.vocabulary)}
        before = self.embedder.vocabulary
        rows = np.array([new_rows.get(before[row], -1) for row in moved.rows], dtype=np.int64)
        # Side by side, words of several vocabularies needn't keep their order.
        order = np.argsort(rows, kind="stable")[np.count_nonzero(rows < 0) :]
        other._moved = Moved(len(other._known), rows[order], moved.vectors[order])
        return other

    def to_disk(self, path: Path) -> None:
        """Write the moved vectors into `path`, and the inner embedder into a folder in it.

        Raises:
            EmbedderError: The embedder hasn't been fitted.
            SavedModelError: A file can't be written.
        """
        moved, _ = self._fitted()
        write_moved(moved, path, kind=type(self).__name__)
        (path / _FOLDER).mkdir(exist_ok=True)
        self.embedder.to_disk(path / _FOLDER)

    def from_disk(self, path: Path) -> None:
        """Read what `to_disk` wrote; the lists aren't needed for it. See `Embedder.from_disk`."""
        self._moved = self._known = None
        self.embedder.from_disk(path / _FOLDER)
        moved = read_moved(path, kind=type(self).__name__, width=self.width)
        known = KnownWords(self.embedder)
        if len(known) != moved.known_words:
            raise SavedModelError(
                f"{path} is damaged: the vectors that were moved are of {moved.known_words} words, "
                f"and the embedder knows {len(known)}"
            )
        self._moved, self._known = moved, known

    def _fitted(self) -> tuple[Moved, KnownWords]:
        if self._moved is None or self._known is None:
            raise EmbedderError(
                "the embedder has no vectors yet: fit it, or read a saved one, first"
            )
        return self._moved, self._known

    def _move_all(self, lists: dict[str, list[Pair]], known: KnownWords, on_step: OnStep) -> Moved:
        pairs = {name: known_pairs(each, known, self.embedder) for name, each in lists.items()}
        if not any(map(len, pairs.values())):
            raise EmbedderError(
                f"of no pair in {' and '.join(lists)} both words are known; are they written as in the "
                f"embedder's vocabulary, which begins with {list(self.embedder.vocabulary)[:5]}?"
            )
        vocabulary = self.embedder.vocabulary
        rows = self._rows(pairs, len(vocabulary))
        vectors = self.embedder.embed([vocabulary[row] for row in rows.tolist()])
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        has_direction = lengths[:, 0] > 0
        rows, lengths = rows[has_direction], lengths[has_direction]
        units = vectors[has_direction] / lengths
        inside = {name: _among(each, rows) for name, each in pairs.items()}
        after = self._move(units, inside, on_step)
        # Determined before lengths are restored, which changes the last bits of every vector.
        moved = (after != units).any(axis=1)
        scaled = _scaled(after[moved], units[moved])
        return Moved(len(vocabulary), rows[moved], scaled * lengths[moved])


def _among(pairs: Pairs, rows: NDArray[np.int64]) -> Pairs:
    """Return those pairs whose words are both among some, as places in those."""
    places: Pairs = np.searchsorted(rows, pairs[np.isin(pairs, rows).all(axis=1)])
    return places


def _scaled(vectors: NDArray[np.float32], units: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors at length 1; one that has come to 0 stays what it was."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = units.copy()
    np.divide(vectors, lengths, out=scaled, where=lengths > 1e-6)
    return scaled


def _ignore_progress(progress: FitProgress) -> None:
    pass


def _inner_share(report: OnProgress) -> OnProgress:
    def relay(fit: FitProgress) -> None:
        report(FitProgress(_INNER_SHARE * fit.fraction, fit.loss, fit.words_per_second))

    return relay


def _outer_share(report: OnProgress) -> OnStep:
    def relay(fraction: float) -> None:
        if fraction < 1:
            report(FitProgress(_INNER_SHARE + (1 - _INNER_SHARE) * fraction))

    return relay

"""What topic models have in common: counts of words in documents, and vectors made of these."""

import importlib
import tempfile
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from seqpipe.errors import ConfigError, EmbedderError, SavedModelError
from seqpipe.parts.embedders import DocumentEmbedder, FitProgress, OnProgress
from seqpipe.workers import Spool, Tables, read_tables, spool_sequences, write_tables


class Counts(NamedTuple):
    """How often words occur in documents, as the three arrays of a sparse matrix (CSR).

    Attributes:
        counts: How often a word occurs in a document, float64.
        columns: Which word it is, ascending in each document.
        ends: Where each document begins, and the last one ends, `[D + 1]`.
        words: The words, most frequent first, `[V]`.
    """

    counts: NDArray[np.float64]
    columns: NDArray[np.intp]
    ends: NDArray[np.intp]
    words: tuple[str, ...]


class TopicModel(DocumentEmbedder):
    """Keeps a table of numbers for words, of which it makes vectors of documents.

    Args:
        width: How many topics there are.
        min_count: How often a word must occur to be known.
        max_share: Words in a larger share of the documents are left out.
        lower: Whether words are lower-cased.
    """

    def __init__(self, *, width: int, min_count: int, max_share: float, lower: bool) -> None:
        for name, value in (("width", width), ("min_count", min_count)):
            if value < 1:
                raise refusal(name, value, "must be at least 1")
        if not 0 < max_share <= 1:
            raise refusal("max_share", max_share, "must be more than 0, and 1 at most")
        self.width = width
        self._min_count, self._max_share, self._lower = min_count, max_share, lower
        self._tables: Tables | None = None
        self._vectors = np.zeros((0, width), dtype=np.float32)
        self._rows: dict[str, int] = {}

    @property
    def vocabulary(self) -> Sequence[str]:
        """The words that are frequent enough, and not too frequent; see `Embedder.vocabulary`."""
        return self._tables.words if self._tables else ()

    def fit(
        self,
        sequences: Iterable[Sequence[str]],
        *,
        seed: int = 0,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Fit on documents, whose counts of words are held in memory; see `Embedder.fit`."""
        with tempfile.TemporaryDirectory(prefix="seqpipe-") as folder:
            path = Path(folder) / "sequences.txt"
            counts = self._count(spool_sequences(sequences, path, lower=self._lower))
        self._keep(Tables(counts.words, self._settings(), self._train(counts, seed)))
        if on_progress:
            on_progress(FitProgress(1.0))

    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `words`, zeros for unknown ones; see `Embedder.embed`."""
        self._fitted()
        rows = np.array([self._rows.get(word, -1) for word in self._forms(words)], dtype=np.intp)
        found: NDArray[np.float32] = self._vectors[rows]
        found[rows < 0] = 0
        return found

    def embed_document(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vector of a document; see `DocumentEmbedder.embed_document`.

        A document without known words has the zero vector.
        """
        tables = self._fitted()
        known = [self._rows[word] for word in self._forms(words) if word in self._rows]
        if not known:
            return np.zeros(self.width, dtype=np.float32)
        rows, counts = np.unique(np.array(known, dtype=np.intp), return_counts=True)
        return self._infer(tables, rows, counts.astype(np.float64)).astype(np.float32)

    def topics(self, count: int = 10) -> list[list[tuple[str, float]]]:
        """Return for each topic its most important words, with their weights.

        Args:
            count: How many words of each.

        Raises:
            EmbedderError: The embedder hasn't been fitted.
        """
        tables = self._fitted()
        weights = self._topic_weights(tables)
        best = np.argsort(-np.abs(weights), axis=0, kind="stable")[:count].T
        return [
            [(tables.words[row], float(weights[row, topic])) for row in rows]
            for topic, rows in enumerate(best.tolist())
        ]

    def to_disk(self, path: Path) -> None:
        """Write everything into the folder `path`; see `Embedder.to_disk`."""
        write_tables(self._fitted(), path, kind=type(self).__name__)

    def from_disk(self, path: Path) -> None:
        """Read what `to_disk` wrote; see `Embedder.from_disk`."""
        tables = read_tables(path, kind=type(self).__name__, forms=self._array_forms())
        if tables.settings != self._settings():
            raise SavedModelError(f"{path} is of an embedder with other settings than these")
        if not tables.words or not all(np.isfinite(a).all() for a in tables.arrays.values()):
            raise SavedModelError(
                f"{path} is damaged: it has no words, or not every number is finite"
            )
        self._keep(tables)

    @abstractmethod
    def _train(self, counts: Counts, seed: int) -> Mapping[str, NDArray[Any]]:
        """Return the arrays that were learned."""

    @abstractmethod
    def _array_forms(self) -> Mapping[str, Any]:
        """Return the types and shapes of the arrays."""

    @abstractmethod
    def _word_vectors(self, tables: Tables) -> NDArray[np.float32]:
        """Return the vectors of the known words, `[V, width]`."""

    @abstractmethod
    def _topic_weights(self, tables: Tables) -> NDArray[Any]:
        """Return how important each word is for each topic, `[V, width]`."""

    @abstractmethod
    def _infer(
        self, tables: Tables, rows: NDArray[np.intp], counts: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the vector of a document, `[width]`, from its distinct words and how often it has them."""

    def _settings(self) -> dict[str, Any]:
        """Return the settings that a document's vector depends on."""
        return {"lower": self._lower}

    def _count(self, spool: Spool) -> Counts:
        row_of = np.full(len(spool.words), -1, dtype=np.intp)
        kept = np.array(spool.frequent(self._min_count), dtype=np.intp)
        row_of[kept] = np.arange(len(kept))
        index = {word: int(row) for word, row in zip(spool.words, row_of, strict=True) if row >= 0}
        counts, columns, ends = [], [], [0]
        for words in spool:
            rows = np.array([index[word] for word in words if word in index], dtype=np.intp)
            found, times = np.unique(rows, return_counts=True)
            columns.append(found)
            counts.append(times.astype(np.float64))
            ends.append(ends[-1] + len(found))
        all_words = tuple(spool.words[number] for number in kept.tolist())
        whole = Counts(np.concatenate(counts), np.concatenate(columns), np.array(ends), all_words)
        return self._without_common(whole)

    def _without_common(self, counts: Counts) -> Counts:
        """Leave out the words that occur in too many documents."""
        documents = np.bincount(counts.columns, minlength=len(counts.words))
        is_kept = documents <= self._max_share * (len(counts.ends) - 1)
        if is_kept.sum() < 2:
            raise EmbedderError(
                f"{is_kept.sum()} of the {len(is_kept)} words that are frequent enough occur in at most "
                f"{self._max_share:.0%} of the {len(counts.ends) - 1} documents, and at least 2 must: give it more "
                "documents, or a larger `max_share`"
            )
        new = is_kept.cumsum() - 1
        entries = is_kept[counts.columns]
        before = np.concatenate([[0], entries.cumsum()])
        words = tuple(w for w, keep in zip(counts.words, is_kept.tolist(), strict=True) if keep)
        return Counts(
            counts.counts[entries], new[counts.columns[entries]], before[counts.ends], words
        )

    def _keep(self, tables: Tables) -> None:
        self._tables, self._vectors = tables, self._word_vectors(tables)
        self._rows = {word: row for row, word in enumerate(tables.words)}

    def _forms(self, words: Sequence[str]) -> Sequence[str]:
        return [word.lower() for word in words] if self._lower else words

    def _fitted(self) -> Tables:
        if self._tables is None:
            raise EmbedderError(
                "the embedder has no vectors yet: fit it, or read a saved one, first"
            )
        return self._tables


def refusal(name: str, value: object, rule: str) -> ConfigError:
    """Return the error of a setting that can't be used."""
    return ConfigError(f"the embedder's `{name}` is {value!r}; it {rule}", setting=name)


def import_library(name: str) -> Any:
    """Return a module of scikit-learn.

    Raises:
        EmbedderError: It isn't installed.
    """
    try:
        return importlib.import_module(f"sklearn.{name}")
    except ImportError as error:
        raise EmbedderError(
            "scikit-learn, which fits topic models, isn't installed; pip install 'seqpipe-doc2vec[topics]'"
        ) from error

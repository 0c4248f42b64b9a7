"""Vectors of documents by smooth inverse frequency."""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, final

import numpy as np
from numpy.typing import NDArray
from seqpipe.errors import ConfigError, EmbedderError, SavedModelError
from seqpipe.parts.embedders import DocumentEmbedder, Embedder, FitProgress, OnProgress
from seqpipe.workers import (
    Spool,
    Tables,
    read_tables,
    spool_sequences,
    write_tables,
)

_FOLDER: Final = "embedder"
#: The part of the work that fitting the embedder of words is.
_SHARE: Final = 0.9
#: Words rarer than this part of `a` have a weight of 1, within 0.1 %: they needn't be kept.
_NEGLIGIBLE: Final = 1e-3


@final
class Sif(DocumentEmbedder):
    """Vectors of documents as weighted means of those of their words (Arora et al. 2017).

    The weight of a word is a / (a + p), p being its share of all words that were fitted on: smooth inverse
    frequency. From the mean the directions are removed that those of all documents have in common, their first
    principal components about the origin. They're found on the documents that were fitted on.

    Words have the vectors of the embedder below, which is fitted on the same documents. These may come from
    a stream larger than memory: they're kept in a temporary file. A document without words has the zero vector.

    Args:
        embedder: Gives the vectors of words.
        a: The share at which a word has half the weight of a rare one.
        components: How many directions to remove; 0 removes none, 1 is the paper's.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(self, *, embedder: Embedder, a: float = 1e-3, components: int = 1) -> None:
        if not 0 < a <= 1:
            raise ConfigError(f"the embedder's `a` is {a!r}; it must be more than 0, and 1 at most")
        if not 0 <= components < embedder.width:
            raise ConfigError(
                f"the embedder's `components` is {components!r}; it must be at least 0, and less than "
                f"the width of its vectors, {embedder.width}"
            )
        self.embedder = embedder
        self.width = embedder.width
        self._a = a
        self._components = components
        self._shares: dict[str, float] = {}
        self._common: NDArray[np.float64] | None = None

    @property
    def vocabulary(self) -> Sequence[str]:
        """The words that the embedder below knows; see `Embedder.vocabulary`."""
        return self.embedder.vocabulary

    def fit(
        self,
        sequences: Iterable[Sequence[str]],
        *,
        seed: int = 0,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Fit the embedder below, then what the documents have in common; see `Embedder.fit`."""
        report = on_progress or _ignore_progress
        with tempfile.TemporaryDirectory(prefix="seqpipe-") as folder:
            spool = spool_sequences(sequences, Path(folder) / "sequences.txt")
            self.embedder.fit(spool, seed=seed, on_progress=_relay(report))
            self._shares = self._find_shares(spool)
            self._common = self._find_common(spool)
        report(FitProgress(1.0))

    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `words` as the embedder below has them; see `Embedder.embed`."""
        return self.embedder.embed(words)

    def embed_document(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the weighted mean less what's common; see `DocumentEmbedder.embed_document`."""
        common = self._fitted()
        mean = self._mean(words)
        return (mean - common.T @ (common @ mean)).astype(np.float32)

    def to_disk(self, path: Path) -> None:
        """Write everything into the folder `path`; see `Embedder.to_disk`."""
        arrays = {"common": self._fitted(), "shares": np.array(list(self._shares.values()))}
        tables = Tables(tuple(self._shares), {"a": self._a}, arrays)
        write_tables(tables, path, kind=type(self).__name__)
        (path / _FOLDER).mkdir(exist_ok=True)
        self.embedder.to_disk(path / _FOLDER)

    def from_disk(self, path: Path) -> None:
        """Read what `to_disk` wrote; see `Embedder.from_disk`."""
        forms = {"common": (np.float64, (None, self.width)), "shares": (np.float64, (-1,))}
        tables = read_tables(path, kind=type(self).__name__, forms=forms)
        if tables.settings != {"a": self._a} or len(tables.arrays["common"]) > self._components:
            raise SavedModelError(f"{path} is of an embedder with other settings than these")
        self.embedder.from_disk(path / _FOLDER)
        shares = tables.arrays["shares"].tolist()
        self._shares = dict(zip(tables.words, shares, strict=True))
        self._common = tables.arrays["common"]

    def _mean(self, words: Sequence[str]) -> NDArray[np.float64]:
        if not words:
            return np.zeros(self.width)
        weights = [self._a / (self._a + self._shares.get(word, 0.0)) for word in words]
        vectors = self.embedder.embed(words).astype(np.float64)
        mean: NDArray[np.float64] = np.array(weights) @ vectors / len(words)
        return mean

    def _find_shares(self, spool: Spool) -> dict[str, float]:
        shares = zip(spool.words, (count / spool.tokens for count in spool.counts), strict=True)
        return {word: share for word, share in shares if share >= _NEGLIGIBLE * self._a}

    def _find_common(self, spool: Spool) -> NDArray[np.float64]:
        """Return the directions in which the documents' means have most of their squares, `[C, width]`."""
        squares = np.zeros((self.width, self.width))
        for words in spool:
            mean = self._mean(words)
            squares += np.outer(mean, mean)
        directions: NDArray[np.float64] = np.linalg.eigh(squares).eigenvectors.T[::-1]
        return np.ascontiguousarray(directions[: self._components])

    def _fitted(self) -> NDArray[np.float64]:
        if self._common is None:
            raise EmbedderError(
                "the embedder hasn't been fitted: fit it, or read a saved one, first"
            )
        return self._common


def _ignore_progress(progress: FitProgress) -> None:
    pass


def _relay(report: OnProgress) -> OnProgress:
    def relay(progress: FitProgress) -> None:
        report(FitProgress(_SHARE * progress.fraction, progress.loss, progress.words_per_second))

    return relay

"""Embedders that the fastText library trains: without sub-words, and with them."""

import copy
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import EmbedderError
from seqpipe.parts.embedders._contract import Embedder, OnProgress
from seqpipe.parts.embedders.fasttext._fit import fit_vectors
from seqpipe.parts.embedders.fasttext._settings import Architecture, Auto, Loss, Settings
from seqpipe.parts.embedders.fasttext._vectors import WordVectors, read_vectors, write_vectors

E = TypeVar("E", bound="TrainedEmbedder")


class TrainedEmbedder(Embedder):
    """Keeps vectors of words, and of their parts, that a training came to.

    Args:
        width: The width of a vector.
    """

    #: What the saved vectors are called; versions of an embedder that give the same vectors back share it.
    kind: ClassVar[str]

    def __init__(self, width: int) -> None:
        self.width = width
        self._vectors: WordVectors | None = None

    @property
    def vocabulary(self) -> Sequence[str]:
        """The words that occurred often enough; see `Embedder.vocabulary`."""
        return self._vectors.words if self._vectors else ()

    @property
    def has_subwords(self) -> bool:
        """Whether unknown words have vectors, from their parts."""
        return self._fitted().shape.max_n > 0

    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `words`; see `Embedder.embed`."""
        return self._fitted().embed(words)

    def to_disk(self, path: Path) -> None:
        """Write the vectors into the folder `path`.

        Raises:
            EmbedderError: The embedder hasn't been fitted.
            SavedModelError: A file can't be written.
        """
        write_vectors(self._fitted(), path, kind=self.kind)

    def from_disk(self, path: Path) -> None:
        """Read what `to_disk` wrote; see `Embedder.from_disk`.

        The vectors bring the settings that shaped them along; only the width must be the same.
        """
        self._vectors = read_vectors(path, kind=self.kind, width=self.width)

    def only(self: E, words: Sequence[str]) -> E:
        """Return the embedder with some of its known words only, in the order given; sub-words stay.

        Raises:
            EmbedderError: The embedder hasn't been fitted.
        """
        other = copy.copy(self)
        other._vectors = self._fitted().only(words)
        return other

    def pruned(self: E, words: int, subwords: int | None = None) -> E:
        """Keep the most frequent words, and the n-grams that most words have; see `Embedder.pruned`."""
        other = copy.copy(self)
        other._vectors = self._fitted().pruned(words, subwords)
        return other

    def _fitted(self) -> WordVectors:
        if self._vectors is None:
            raise EmbedderError(
                "the embedder has no vectors yet: fit it, or read a saved one, first"
            )
        return self._vectors


class LibraryEmbedder(TrainedEmbedder):
    """Trains by the library.

    Args:
        settings: The library's settings.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.width)
        self._settings = settings

    def fit(
        self,
        sequences: Iterable[Sequence[str]],
        *,
        seed: int = 0,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Fit on sequences of words; see `Embedder.fit`."""
        self._vectors, self.chosen = fit_vectors(
            self._settings, sequences, seed=seed, on_progress=on_progress
        )


@final
class Word2Vec(LibraryEmbedder):
    """Word vectors by skip-gram or CBOW with negative sampling (Mikolov et al. 2013).

    For words, or for items and nodes, whose names may hold white space. An unknown word has the zero
    vector. `FastText` says more about the settings, the training, and when it's reproducible.

    Args:
        width: The width of a vector.
        architecture: Predict the words around a word from it, or a word from those around it.
        loss: Contrast each prediction with random words, or predict the word's place in a Huffman tree
            (Mikolov et al. 2013), which is better for rare words and costs more for large vocabularies.
        epochs: How often the sequences are trained on. "auto": 4 million over the number of words, from 2 to 10.
        window: The most words to either side that are a word's context.
        negatives: How many random words each prediction is contrasted with, by negative sampling.
        min_count: How often a word must occur to be trained and known. "auto": 1 for fewer than 200,000 words, 2 for
            fewer than 10 million, else 5.
        learning_rate: At the beginning; it falls to 0.
        subsample: Words whose share of all words is above this are skipped at random; 1 skips none. "auto": 1 for
            fewer than a million words, 1e-3 for fewer than 10 million, else 1e-4.
        threads: How many threads train. Only 1 is reproducible.
        lower: Whether words are lower-cased, in fitting and later.
        standardize: Whether each dimension is moved and scaled so that it has a mean of 0 and a variance of
            1 over the known words of the sequences, as networks like their input.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    kind = "Word2Vec"

    def __init__(
        self,
        *,
        width: int = 100,
        architecture: Architecture = "skipgram",
        loss: Loss = "negative-sampling",
        epochs: int | Auto = 5,
        window: int = 5,
        negatives: int = 5,
        min_count: int | Auto = 5,
        learning_rate: float = 0.05,
        subsample: float | Auto = 1e-4,
        threads: int = 1,
        lower: bool = False,
        standardize: bool = False,
    ) -> None:
        super().__init__(
            Settings(
                width=width,
                architecture=architecture,
                loss=loss,
                epochs=epochs,
                window=window,
                negatives=negatives,
                min_count=min_count,
                learning_rate=learning_rate,
                subsample=subsample,
                threads=threads,
                lower=lower,
                standardize=standardize,
            )
        )


@final
class FastText(LibraryEmbedder):
    """Word vectors from a word's own vector and those of its n-grams (Bojanowski et al. 2017).

    A word's vector is the mean of them, not normalised. An unknown word has the mean of the vectors of
    those of its n-grams that known words have too, and the zero vector if there are none.

    The fastText library trains them, in a process of its own. Inference doesn't need the library.

    The same sequences, settings and seed give the same vectors, to the bit, on the same kind of
    processor, as long as one thread trains. With several the library's vectors differ from run to run.

    Words that can't be encoded as UTF-8 are left out of the training, as is the empty word.

    Args:
        width: The width of a vector.
        architecture: Predict the words around a word from it, or a word from those around it.
        loss: Contrast each prediction with random words, or predict the word's place in a Huffman tree
            (Mikolov et al. 2013), which is better for rare words and costs more for large vocabularies.
        epochs: How often the sequences are trained on. The library counts words that are too rare into
            the length of one, but not into what it has done: it goes through the others a bit more often.
            "auto": 4 million over the number of words in the sequences, from 2 to 10.
        window: The most words to either side that are a word's context.
        negatives: How many random words each prediction is contrasted with, by negative sampling.
        min_count: How often a word must occur to be trained and known. "auto": 1 for fewer than 200,000 words, 2 for
            fewer than 10 million, else 5.
        min_n: The fewest characters of an n-gram, the marks of the word's ends included.
        max_n: The most. 0 means no n-grams.
        learning_rate: At the beginning; it falls to 0.
        subsample: Frequent words are skipped at random, those whose share of all words is above this the
            more often the larger it is. In a small corpus every word is frequent: 1 skips none. "auto": 1 for
            fewer than a million words, 1e-3 for fewer than 10 million, else 1e-4.
        threads: How many threads train. Only 1 is reproducible.
        buckets: The size of the table of n-gram vectors, in which n-grams may share one. None means twice
            the number of distinct n-grams of the known words, the library's 2,000,000 at most: at a load
            of 0.5 an n-gram shares with another in 4 cases of 10. Only rows that are used are kept.
        lower: Whether words are lower-cased, in fitting and later.
        standardize: Whether each dimension is moved and scaled so that it has a mean of 0 and a variance of
            1 over the known words of the sequences, as networks like their input.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    kind = "FastText"

    def __init__(
        self,
        *,
        width: int = 100,
        architecture: Architecture = "skipgram",
        loss: Loss = "negative-sampling",
        epochs: int | Auto = 5,
        window: int = 5,
        negatives: int = 5,
        min_count: int | Auto = 5,
        min_n: int = 3,
        max_n: int = 6,
        learning_rate: float = 0.05,
        subsample: float | Auto = 1e-4,
        threads: int = 1,
        buckets: int | None = None,
        lower: bool = False,
        standardize: bool = False,
    ) -> None:
        super().__init__(
            Settings(
                width=width,
                architecture=architecture,
                loss=loss,
                epochs=epochs,
                window=window,
                negatives=negatives,
                min_count=min_count,
                min_n=min_n,
                max_n=max_n,
                learning_rate=learning_rate,
                subsample=subsample,
                threads=threads,
                buckets=buckets,
                lower=lower,
                standardize=standardize,
            )
        )

"""The contract of embedders."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import EmbedderError
from seqpipe.workers._progress import FitProgress as FitProgress
from seqpipe.workers._progress import OnProgress as OnProgress


class Embedder(ABC):
    """Turns words into vectors. Fitted on sequences of words, then fixed.

    The words may as well be items or the nodes of a graph: whatever occurs in sequences.
    """

    #: The width of a vector, known before fitting.
    width: int

    #: What settings became that were left to the embedder ("auto"), by name; empty before fitting. Those of an
    #: embedder that another one fits have a path: "embedder.epochs".
    chosen: Mapping[str, Any] = MappingProxyType({})

    @property
    @abstractmethod
    def vocabulary(self) -> Sequence[str]:
        """The words that have a vector of their own, most frequent first; empty before fitting."""

    def check_sources(self) -> None:  # noqa: B027
        """Raise what `fit` would raise for want of a file or a package.

        Called before anything is fitted, so that a long training isn't lost to a wrong path. An embedder
        that reads none needn't have it.

        Raises:
            SeqpipeError: A file or package isn't there, or can't be read.
        """

    @abstractmethod
    def fit(
        self,
        sequences: Iterable[Sequence[str]],
        *,
        seed: int = 0,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Fit on sequences of words, which are read once.

        Args:
            sequences: The words of one document after another.
            seed: The same sequences and seed give the same vectors, to the bit.
            on_progress: Called from time to time, and at the end with a fraction of 1.

        Raises:
            EmbedderError: There is nothing to fit on, or the trainer failed.
        """

    @abstractmethod
    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `words`, `[N, width]`: finite, for unknown words too.

        Raises:
            EmbedderError: The embedder hasn't been fitted.
        """

    @abstractmethod
    def to_disk(self, path: Path) -> None:
        """Write everything that `embed` needs into the folder `path`, which exists."""

    @abstractmethod
    def from_disk(self, path: Path) -> None:
        """Read what `to_disk` wrote, replacing what was fitted.

        Raises:
            SavedModelError: A file is missing or isn't what `to_disk` wrote.
        """

    def pruned(self, words: int, subwords: int | None = None) -> "Embedder":
        """Return a smaller embedder that knows the most frequent words only, whose vectors stay the same.

        The others become unknown words. An embedder that can't do without some of its words needn't have it.

        Args:
            words: How many words to keep.
            subwords: How many vectors of parts of words to keep, if there are any, those that most words use. None for the
                same share as of the words.

        Raises:
            EmbedderError: It can't be pruned, or hasn't been fitted.
        """
        raise EmbedderError(f"words can't be left out of {type(self).__name__}")


class DocumentEmbedder(Embedder):
    """Gives whole documents a vector too.

    In a spaCy pipeline these are what `doc.vector` holds.
    """

    @abstractmethod
    def embed_document(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vector of a document, `[width]`: finite, for one without words too.

        The same words give the same vector.

        Raises:
            EmbedderError: The embedder hasn't been fitted.
        """


class ContextualEmbedder(Embedder):
    """Gives a word a vector by the words around it too, such as one for each of its senses.

    The encoders of a pipeline are given these; `embed` is for words that stand alone, as in `token.vector` of spaCy's.
    """

    @abstractmethod
    def embed_in_context(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of the words of a text where they stand, `[N, width]`: finite, for unknown words too.

        The same text gives the same vectors.

        Args:
            words: All words of one text, in their order.

        Raises:
            EmbedderError: The embedder hasn't been fitted.
        """

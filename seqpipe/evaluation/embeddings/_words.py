"""The vocabulary of an embedding, and the directions of its vectors."""

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seqpipe.parts.embedders import Embedder


def unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return vectors of length 1 in the same directions, `[N, width]`; zero vectors stay."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled = vectors / np.where(lengths > 0, lengths, 1)
    return scaled.astype(np.float32, copy=False)


class Words:
    """The words of an embedding, for lists of words that others have made.

    A word is known if the vocabulary has it as it's written or else in lower case.

    Args:
        embedder: Fitted.

    Attributes:
        vocabulary: The known words, most frequent first, `[V]`.
    """

    def __init__(self, embedder: Embedder) -> None:
        self.vocabulary = embedder.vocabulary
        self._embedder = embedder
        self._rows: dict[str, int] = {}
        for row, word in enumerate(self.vocabulary):
            self._rows.setdefault(word, row)

    @cached_property
    def units(self) -> NDArray[np.float32]:
        """The vectors of the vocabulary, of length 1, `[V, width]`."""
        return unit(self._embedder.embed(self.vocabulary))

    def first_units(self, count: int) -> NDArray[np.float32]:
        """Return the vectors of the first words of the vocabulary, of length 1, `[count, width]`."""
        if "units" in self.__dict__ or count >= len(self.vocabulary):
            return self.units[:count]
        return unit(self._embedder.embed(self.vocabulary[:count]))

    def row(self, word: str) -> int | None:
        """Return the place of a word in the vocabulary, or None if it's unknown."""
        row = self._rows.get(word)
        return self._rows.get(word.lower()) if row is None else row

    def knows(self, *words: str) -> bool:
        """Say whether all of the words are known."""
        return all(self.row(word) is not None for word in words)

    def form(self, word: str) -> str:
        """Return a word as the vocabulary writes it; an unknown one as it is."""
        row = self.row(word)
        return word if row is None else self.vocabulary[row]

    def embed(self, words: Iterable[str]) -> NDArray[np.float32]:
        """Return the vectors of words, `[N, width]`, those of unknown ones as the embedder has them."""
        forms: Sequence[str] = [self.form(word) for word in words]
        if not forms:
            return np.zeros((0, self._embedder.width), dtype=np.float32)
        return self._embedder.embed(forms)

    def cosines(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Return the cosine of the vectors of each pair, `[N]`; 0 where one is the zero vector."""
        first, second = (unit(self.embed(pair[side] for pair in pairs)) for side in (0, 1))
        products: NDArray[np.float32] = np.einsum("nd,nd->n", first, second)
        return products

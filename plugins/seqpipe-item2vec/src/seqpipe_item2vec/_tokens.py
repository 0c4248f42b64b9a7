"""Baskets as what the trainer reads."""

from collections.abc import Iterable, Iterator, Sequence
from typing import IO

import numpy as np
from numpy.typing import NDArray
from seqpipe.parts.cooccurrence import END, Corpus, check_words, read_corpus

from seqpipe_item2vec._cut import MAX_ITEMS, cut


class BasketTokens:
    """Baskets, none with more than 1,000 items, as `seqpipe.parts.cooccurrence.Tokens`.

    Args:
        corpus: The baskets, long ones in pieces.
        long: From which piece to before which other one each long basket is, `[N, 2]`.
        shuffle: The seed by which these are shuffled anew in each epoch; None if they aren't.
    """

    def __init__(self, corpus: Corpus, long: NDArray[np.int64], shuffle: int | None) -> None:
        self.items = corpus.words
        self.counts = corpus.counts
        self.size = corpus.size
        self.ends = corpus.ends
        self._corpus = corpus
        self._shuffle = shuffle
        begins = np.concatenate([[0], corpus.ends])
        self._long = begins[long] if shuffle is not None else long[:0]
        self._epoch = -1

    @classmethod
    def read(
        cls,
        baskets: Iterable[Sequence[str]],
        file: IO[bytes],
        *,
        min_count: int,
        shuffle: int | None,
    ) -> "BasketTokens":
        """Write baskets into a file as numbers.

        Args:
            baskets: The items of one basket after another.
            file: An empty file, open for reading and writing; it must stay open as long as the tokens are used.
            min_count: How often an item must occur to be known.
            shuffle: As above.

        Raises:
            EmbedderError: A basket is a text rather than items, or too few items are frequent enough.
        """
        pieces = _Pieces(baskets)
        corpus = read_corpus(pieces, file, min_count=lambda _: min_count)
        return cls(corpus, np.array(pieces.long, dtype=np.int64).reshape(-1, 2), shuffle)

    def numbers(self, first: int, last: int) -> NDArray[np.int32]:
        """Return the tokens from one place to before another; an epoch begins with those at 0."""
        self._epoch += first == 0
        numbers = self._corpus.numbers(first, last)
        touched = (self._long[:, 0] < last) & (self._long[:, 1] > first)
        if not touched.any():
            return numbers
        numbers = numbers.copy()
        for begin, end in self._long[touched].tolist():
            at, to = max(first, begin), min(last, end)
            numbers[at - first : to - first] = self._shuffled(begin, end)[at - begin : to - begin]
        return numbers

    def _shuffled(self, begin: int, end: int) -> NDArray[np.int32]:
        """Return the tokens of a long basket in the epoch's order; pieces end where they did."""
        tokens = self._corpus.numbers(begin, end).copy()
        is_item = tokens != END
        draw = np.random.default_rng([abs(self._shuffle or 0), self._epoch, begin])
        tokens[is_item] = draw.permutation(tokens[is_item])
        return tokens


class _Pieces:
    """Baskets, those in pieces that are too long."""

    def __init__(self, baskets: Iterable[Sequence[str]]) -> None:
        self._baskets = baskets
        self.long: list[tuple[int, int]] = []

    def __iter__(self) -> Iterator[Sequence[str]]:
        count = 0
        for number, basket in enumerate(self._baskets, start=1):
            check_words(basket, number)
            before = count
            # An empty basket is one piece too, so that they are counted as baskets.
            for piece in cut(basket) if basket else [basket]:
                count += 1
                yield piece
            if len(basket) > MAX_ITEMS:
                self.long.append((before, count))

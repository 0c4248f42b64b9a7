"""How many n-grams there are, which the size of their table is fitted to."""

from collections.abc import Iterable, Sequence

import numpy as np

from seqpipe.parts.embedders.fasttext._ngrams import hash_words

_PER_NGRAM = 2
#: What the library always takes.
MOST_BUCKETS = 2_000_000
_ENOUGH = MOST_BUCKETS // _PER_NGRAM

_PRIME = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


class DistinctNgrams:
    """Counts the distinct n-grams of the words of texts, up to as many as fill the largest table.

    Args:
        longest: The most words in a row.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._numbers: dict[str, int] = {}
        self._seen: set[int] = set()

    def add(self, words: Sequence[str]) -> None:
        """Count those of a text. The library sees the end of a text as a word."""
        if self._longest < 2 or len(self._seen) >= _ENOUGH:
            return
        numbers = [self._numbers.setdefault(word, len(self._numbers) + 1) for word in words]
        numbers.append(0)
        for start, value in enumerate(numbers):
            for number in numbers[start + 1 : start + self._longest]:
                value = ((value + 1) * _PRIME + number) & _MASK
                self._seen.add(value)

    @property
    def count(self) -> int:
        """How many were seen."""
        return len(self._seen)


def fitted_buckets(of_words: int, words: Iterable[str], *, min_n: int, max_n: int) -> int:
    """Return the size of the table: twice as many as there are distinct n-grams.

    Args:
        of_words: How many there are of words.
        words: The known words, whose n-grams of characters count too.
        min_n: The fewest characters.
        max_n: The most; none if it's 0.
    """
    count = of_words
    if max_n:
        count += len(np.unique(hash_words(words, min_n=min_n, max_n=max_n).hashes))
    return min(max(1, _PER_NGRAM * count), MOST_BUCKETS)

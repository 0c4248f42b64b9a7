"""The n-grams of words, hashed as the library hashes them.

Our own implementation, so that vectors of unknown words need no library; from the description in
Bojanowski et al. 2017, "Enriching Word Vectors with Subword Information", and the library's
behaviour.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqpipe.formats.fasttext import (
    FNV_PRIME,
    FNV_START,
    SIGNED_BYTES,
    subword_hashes,
)

_AT_ONCE = 8192


def ngram_hashes(word: str, *, min_n: int, max_n: int) -> list[int]:
    """Return the hashes of a word's n-grams, 32 bits each, repeated ones too.

    The word's ends are marked by "<" and ">", which aren't n-grams by themselves.

    Args:
        word: As it was written for the library.
        min_n: The smallest number of characters.
        max_n: The largest; none if it's 0.
    """
    return list(subword_hashes(word.encode("utf-8", "surrogatepass"), min_n=min_n, max_n=max_n))


@dataclass(frozen=True)
class WordNgrams:
    """The n-grams of many words.

    Attributes:
        hashes: Those of all words, one word's behind the other's, `[N]`, uint32.
        ends: Where in `hashes` each word's end, `[V]`.
    """

    hashes: NDArray[np.uint32]
    ends: NDArray[np.intp]


def hash_words(words: Iterable[str], *, min_n: int, max_n: int) -> WordNgrams:
    """Return the n-grams of many words, as they were written for the library; see `ngram_hashes`."""
    several = list(words)
    found = [
        _hash_some(several[first : first + _AT_ONCE], min_n=min_n, max_n=max_n)
        for first in range(0, len(several), _AT_ONCE)
    ]
    counts = np.concatenate([each for _, each in found] or [np.zeros(0, dtype=np.intp)])
    hashes = np.concatenate([each for each, _ in found] or [np.zeros(0, dtype=np.uint32)])
    return WordNgrams(hashes, np.cumsum(counts, dtype=np.intp))


def _hash_some(
    words: Sequence[str], *, min_n: int, max_n: int
) -> tuple[NDArray[np.uint32], NDArray[np.intp]]:
    """Return the hashes of some words' n-grams, and how many each has: all n-grams of a length at once."""
    marked = [f"<{word}>" for word in words]
    lengths = np.array([len(word) for word in marked])
    first, stop = (
        np.repeat(ends, lengths) for ends in (lengths.cumsum() - lengths, lengths.cumsum())
    )
    characters = _Characters("".join(marked))
    longest = min(max_n, int(lengths.max()))
    hashes = np.empty((len(first), longest), dtype=np.uint32)
    wanted = np.empty((len(first), longest), dtype=np.bool_)
    value = np.full(len(first), FNV_START, dtype=np.uint32)
    places = np.arange(len(first))
    for n in range(longest):
        inside = places + n < stop
        value = characters.go_on(value, np.where(inside, places + n, places), inside)
        hashes[:, n], wanted[:, n] = value, inside & (n + 1 >= min_n)
    # The marks of the ends by themselves.
    wanted[:, :1] &= ((places != first) & (places != stop - 1))[:, None]
    counts = np.add.reduceat(wanted.sum(axis=1), lengths.cumsum() - lengths)
    return hashes[wanted], counts


class _Characters:
    """The characters of a text, one to four bytes each."""

    def __init__(self, text: str) -> None:
        data = np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8)
        self._bytes = np.array(SIGNED_BYTES, dtype=np.uint32)[data]
        # Bytes that continue a character begin with the bits 10.
        self._begins = np.flatnonzero((data & 0xC0) != 0x80)
        self._sizes = np.diff(self._begins, append=len(data))

    def go_on(
        self, value: NDArray[np.uint32], places: NDArray[np.intp], where: NDArray[np.bool_]
    ) -> NDArray[np.uint32]:
        """Return hashes that take in one character more each, where that's wanted."""
        for byte in range(int(self._sizes.max())):
            there = np.flatnonzero(where & (byte < self._sizes[places]))
            taken = self._bytes[self._begins[places[there]] + byte]
            value = value.copy()
            value[there] = (value[there] ^ taken) * np.uint32(FNV_PRIME)
        return value

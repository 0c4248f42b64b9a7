"""The library's hashes: of words, of their sub-words (n-grams of characters), and of n-grams of words.

Our own implementation, so that vectors of unknown words need no library; from the description in
Bojanowski et al. 2017, "Enriching Word Vectors with Subword Information", and the library's
behaviour.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: FNV-1a, 32 bits.
_FNV_START: Final = 2166136261
_FNV_PRIME: Final = 16777619
_MASK: Final = 0xFFFFFFFF
#: What each byte is to the library, which takes bytes as signed: those from 128 on flip the upper bits too.
_SIGNED_BYTES: Final = tuple(byte if byte < 128 else byte | 0xFFFFFF00 for byte in range(256))

#: What UTF-8 would have as a character. What continues none is taken for a part of what's before it.
_CHARACTER: Final = re.compile(rb"[^\x80-\xbf][\x80-\xbf]*", re.DOTALL)

#: How many words are hashed at once.
_AT_ONCE: Final = 8192
_WORD_PRIME: Final = np.uint64(116049371)


def word_hash(word: bytes) -> int:
    """Return the hash of a word, 32 bits."""
    value = _FNV_START
    for byte in word:
        value = ((value ^ _SIGNED_BYTES[byte]) * _FNV_PRIME) & _MASK
    return value


def subword_hashes(word: bytes, *, min_n: int, max_n: int) -> Iterator[int]:
    """Yield the hashes of a word's sub-words, 32 bits each, in the library's order, repeated ones too.

    The word's ends are marked by "<" and ">", which are no sub-words by themselves.

    Args:
        word: Its bytes, as a file's words needn't be UTF-8.
        min_n: The fewest characters.
        max_n: The most; none if it's 0.
    """
    characters = _CHARACTER.findall(b"<" + word + b">")
    last = len(characters) - 1
    for start in range(len(characters)):
        value = _FNV_START
        for end in range(start, min(start + max_n, len(characters))):
            for byte in characters[end]:
                value = ((value ^ _SIGNED_BYTES[byte]) * _FNV_PRIME) & _MASK
            is_mark = start == end and start in (0, last)
            if end - start + 1 >= min_n and not is_mark:
                yield value


@dataclass(frozen=True)
class Subwords:
    """The hashes of the sub-words of many words.

    Attributes:
        hashes: Those of all words, one word's behind the other's, `[N]`, uint32.
        ends: Where in `hashes` each word's end, `[V]`.
    """

    hashes: NDArray[np.uint32]
    ends: NDArray[np.intp]


def hash_subwords(words: Iterable[str], *, min_n: int, max_n: int) -> Subwords:
    """Return what `subword_hashes` yields for each of many words, all at once and so much faster.

    Args:
        words: As they were written for the library, in UTF-8.
        min_n: The fewest characters.
        max_n: The most; none if it's 0.
    """
    several = list(words)
    found = [
        _hash_some(several[first : first + _AT_ONCE], min_n=min_n, max_n=max_n)
        for first in range(0, len(several), _AT_ONCE)
    ]
    counts = np.concatenate([each for _, each in found] or [np.zeros(0, dtype=np.intp)])
    hashes = np.concatenate([each for each, _ in found] or [np.zeros(0, dtype=np.uint32)])
    return Subwords(hashes, np.cumsum(counts, dtype=np.intp))


def _hash_some(
    words: Sequence[str], *, min_n: int, max_n: int
) -> tuple[NDArray[np.uint32], NDArray[np.intp]]:
    """Return the hashes of some words' sub-words, and how many each has: all sub-words of a length at once."""
    marked = [f"<{word}>" for word in words]
    lengths = np.array([len(word) for word in marked])
    first, stop = (
        np.repeat(ends, lengths) for ends in (lengths.cumsum() - lengths, lengths.cumsum())
    )
    characters = _Characters("".join(marked))
    longest = min(max_n, int(lengths.max()))
    hashes = np.empty((len(first), longest), dtype=np.uint32)
    wanted = np.empty((len(first), longest), dtype=np.bool_)
    value = np.full(len(first), _FNV_START, dtype=np.uint32)
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
        self._bytes = np.array(_SIGNED_BYTES, dtype=np.uint32)[data]
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
            value[there] = (value[there] ^ taken) * np.uint32(_FNV_PRIME)
        return value


def word_ngram_hashes(words: NDArray[np.uint32], *, most: int) -> NDArray[np.uint64]:
    """Return the hashes of the n-grams of a text's words: those of two, of three, and so on.

    Args:
        words: The hashes of the words, in their order.
        most: The most words of an n-gram.
    """
    # The library keeps hashes as signed numbers.
    signed = words.astype(np.int32).astype(np.int64).astype(np.uint64)
    found = [signed[:0]]
    value = signed
    for more in range(1, min(most, len(words))):
        value = value[:-1] * _WORD_PRIME + signed[more:]
        found.append(value)
    return np.concatenate(found)

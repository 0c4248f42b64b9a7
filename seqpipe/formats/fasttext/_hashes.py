"""The library's hashes of words and their parts.

By bytes, as a file's words needn't be UTF-8.
"""

import re
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: FNV-1a, 32 bits.
FNV_START: Final = 2166136261
FNV_PRIME: Final = 16777619
_MASK: Final = 0xFFFFFFFF
#: What each byte is to the library, which takes bytes as signed: those from 128 on flip the upper bits too.
SIGNED_BYTES: Final = tuple(byte if byte < 128 else byte | 0xFFFFFF00 for byte in range(256))

#: What UTF-8 would have as a character. What continues none is taken for a part of what's before it.
_CHARACTER: Final = re.compile(rb"[^\x80-\xbf][\x80-\xbf]*", re.DOTALL)

_WORD_PRIME: Final = np.uint64(116049371)


def word_hash(word: bytes) -> int:
    """Return the hash of a word, 32 bits."""
    value = FNV_START
    for byte in word:
        value = ((value ^ SIGNED_BYTES[byte]) * FNV_PRIME) & _MASK
    return value


def subword_hashes(word: bytes, *, min_n: int, max_n: int) -> Iterator[int]:
    """Yield the hashes of a word's sub-words, 32 bits each, in the library's order.

    The word's ends are marked by "<" and ">", which are no sub-words by themselves.

    Args:
        word: The word.
        min_n: The fewest characters.
        max_n: The most; none if it's 0.
    """
    characters = _CHARACTER.findall(b"<" + word + b">")
    last = len(characters) - 1
    for start in range(len(characters)):
        value = FNV_START
        for end in range(start, min(start + max_n, len(characters))):
            for byte in characters[end]:
                value = ((value ^ SIGNED_BYTES[byte]) * FNV_PRIME) & _MASK
            is_mark = start == end and start in (0, last)
            if end - start + 1 >= min_n and not is_mark:
                yield value


def ngram_hashes(words: NDArray[np.uint32], *, most: int) -> NDArray[np.uint64]:
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

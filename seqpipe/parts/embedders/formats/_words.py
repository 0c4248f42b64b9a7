"""Words as a file has them, and the table of their vectors."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError
from seqpipe.parts.embedders.formats._options import Options


@dataclass(frozen=True, eq=False)
class WordTable:
    """Words and a vector for each.

    Attributes:
        words: In the file's order, each once: `[V]`.
        vectors: `[V, width]`, float32, finite.
    """

    words: tuple[str, ...]
    vectors: NDArray[np.float32]


def decode_words(raw: Sequence[bytes], options: Options, *, place: str) -> list[str | None]:
    """Return words as text, with None for those to be left out.

    Args:
        raw: The words; none holds a line break.
        options: Tells the encoding, and what to do about what isn't of it.
        place: What errors say before the number of a word: "words.vec, word".

    Raises:
        SavedModelError: A word can't be decoded, and that's to be refused.
    """
    if not raw:
        return []
    with contextlib.suppress(UnicodeDecodeError):
        # Splitting one text is three times as fast as decoding many.
        words = b"\n".join(raw).decode(options.encoding).split("\n")
        # In an encoding that goes on over line breaks, such as HZ, words may run together.
        if len(words) == len(raw):
            return list(words)
    return [_decode(word, options, f"{place} {number}") for number, word in enumerate(raw, 1)]


def _decode(word: bytes, options: Options, place: str) -> str | None:
    try:
        return word.decode(options.encoding)
    except UnicodeDecodeError as error:
        if options.undecodable == "replace":
            return word.decode(options.encoding, "replace")
        if options.undecodable == "skip":
            return None
        raise SavedModelError(
            f"{place}: {word[:40]!r} isn't {options.encoding}: name the file's `encoding`, or say by "
            '`undecodable` that such words are to be left out ("skip") or mended ("replace")'
        ) from error


def make_table(words: Sequence[str | None], vectors: NDArray[np.float32], name: str) -> WordTable:
    """Return the table of words that are there, each with the first vector that it has.

    Raises:
        SavedModelError: There are none.
    """
    first: dict[str, int] = {}
    for row, word in enumerate(words):
        if word is not None:
            first.setdefault(word, row)
    if not first:
        raise SavedModelError(f"{name} holds no words")
    if len(first) < len(words):
        vectors = vectors[np.fromiter(first.values(), dtype=np.intp)]
    return WordTable(tuple(first), vectors)

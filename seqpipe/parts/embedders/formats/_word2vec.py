"""Binary files of word2vec, in both dialects: with a line break behind each vector, and without."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError
from seqpipe.parts.embedders.formats._bytes import Bytes, load
from seqpipe.parts.embedders.formats._open import unpacked
from seqpipe.parts.embedders.formats._options import Options
from seqpipe.parts.embedders.formats._text import is_text, read_sizes
from seqpipe.parts.embedders.formats._words import WordTable, decode_words, make_table

_LONGEST_FIRST_LINE: Final = 40
_SAMPLE: Final = 1 << 16
_LONGEST_WORD: Final = 10_000
_WORDS_PER_REPORT: Final = 50_000


def read_word2vec_binary(path: Path, options: Options) -> WordTable:
    """Read a binary file: a first line of sizes, and for each word itself, a space, and its numbers.

    Raises:
        SavedModelError: The file can't be read, or is damaged; the message says where.
    """
    with unpacked(path) as file:
        source = Bytes(load(file, mapped=True), str(path))
        count, width = _read_sizes(source)
        if is_text(bytes(source.data[source.offset : source.offset + _SAMPLE]), width):
            raise SavedModelError(
                f'{path} holds text, and no binary numbers: read it as `format = "word2vec"`'
            )
        wanted = min(count, options.most_words or count)
        raw, vectors = _read_vectors(source, count, width, wanted, options)
        if wanted == count:
            source.end()
    words = decode_words(raw, options, place=f"{path}, word")
    return make_table(words, vectors, str(path))


def _read_sizes(source: Bytes) -> tuple[int, int]:
    line = source.data[:_LONGEST_FIRST_LINE].partition(b"\n")
    sizes = read_sizes(line[0]) if line[1] else None
    if sizes is None:
        raise source.refusal(
            "the first line", "isn't the number of words and the width of a vector"
        )
    count, width = sizes
    # A word may be empty, so its space is all that's sure.
    if not count or not width or count * (4 * width + 1) > source.size:
        problem = f"says {count} vectors of {width}, in a file of {source.size} bytes"
        raise source.refusal("the first line", problem)
    source.offset = len(line[0]) + 1
    return count, width


def _read_vectors(
    source: Bytes, count: int, width: int, wanted: int, options: Options
) -> tuple[list[bytes], NDArray[np.float32]]:
    """Take `wanted` of `count` words and vectors."""
    words: list[bytes] = []
    vectors = np.empty((wanted, width), dtype=np.float32)
    has_breaks: bool | None = None
    for row in range(wanted):
        start = source.offset
        words.append(_read_word(source, row))
        vectors[row] = source.array("<f4", width, f"the vector of word {row + 1} of {count}")
        is_broken = source.data[source.offset : source.offset + 1] == b"\n"
        has_breaks = is_broken if has_breaks is None else has_breaks
        if has_breaks:
            _skip_break(source, row, is_broken)
        if not np.isfinite(vectors[row]).all():
            raise source.refusal(f"the vector of word {row + 1}", "isn't finite", offset=start)
        if row % _WORDS_PER_REPORT == 0:
            options.on_fraction(source.offset / source.size)
    return words, vectors


def _read_word(source: Bytes, row: int) -> bytes:
    start = source.offset
    end = source.data.find(b" ", start, start + _LONGEST_WORD)
    word = source.data[start:end]
    if end < 0 or b"\n" in word:
        raise source.refusal(f"word {row + 1}", "isn't followed by a space")
    source.offset = end + 1
    return word


def _skip_break(source: Bytes, row: int, is_there: bool) -> None:
    if not is_there and source.left:
        raise source.refusal(
            f"word {row + 1}", "isn't followed by a line break, as the first one is"
        )
    source.offset += is_there

"""Counts of n-grams in texts, and what they weigh, in C where that's possible."""

import ctypes
import functools
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqpipe.compilers import BuildError
from seqpipe.native._compiler import assert_layout, build, source_of

#: An `Ngrams` of ngrams.c.
JOB_FIELDS: Final = (
    *("texts", "words", "longer", "word_columns", "columns"),
    *("start", "number", "known", "part_start", "parts", "keys", "sizes", "first"),
    *("of_count", "of_column", "counts", "seen", "some", "found", "values", "end"),
)
_JOB: Final = struct.Struct(f"@{len(JOB_FIELDS)}q")


@dataclass(frozen=True, eq=False)
class KnownNgrams:
    """The n-grams that are counted. Their columns are those of words, of pairs of words and so on, and of characters.

    Attributes:
        words: How many words are known.
        longer: For each length from 2 on, the known n-grams of words, ascending, int64: the number of the n-gram without its
            last word, times `words`, plus the number of the last word.
        first: For each of these lengths, where the n-grams begin that go on from each shorter one, and the end.
        columns: The column of each word that may occur, by its number, int64; -1 if it isn't known.
        part_starts: Where each word's n-grams of characters begin in `parts`, and the end, int64.
        parts: The columns of these, among those of characters, int32.
    """

    words: int
    longer: Sequence[NDArray[np.int64]]
    first: Sequence[NDArray[np.int64]]
    columns: NDArray[np.int64]
    part_starts: NDArray[np.int64]
    parts: NDArray[np.int32]


class WeighedNgrams(NamedTuple):
    """The rows of a sparse matrix.

    Attributes:
        columns: The columns of each text's n-grams, ascending, one text's after another's, int32.
        values: What each weighs, float32.
        offsets: Where each text begins, and the end, int64.
    """

    columns: NDArray[np.int32]
    values: NDArray[np.float32]
    offsets: NDArray[np.int64]


def weigh_ngrams(
    known: KnownNgrams,
    numbers: NDArray[np.int64],
    starts: NDArray[np.int64],
    *,
    rarity: NDArray[np.float32],
    logarithmic: bool,
) -> WeighedNgrams | None:
    """Count the n-grams of texts and weigh them; None if there's no compiler.

    An n-gram weighs ``(1 + log(count)) * rarity``, or its rarity alone. In each text, those of words and those of characters are
    then scaled to length 1.

    Args:
        known: What's counted. Its numbers must fit each other.
        numbers: The number of each word, one text's after another's.
        starts: Where each text begins, and the end.
        rarity: A number for each column.
        logarithmic: Whether counts count.
    """
    if not can_weigh_ngrams():
        return None
    texts, columns = len(starts) - 1, len(rarity)
    each = np.diff(known.part_starts)[numbers] + 1 + len(known.longer)
    until = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(each)])
    occurring = np.diff(until[starts])
    most = int(occurring.max(initial=0))
    size = int(occurring.clip(max=columns).sum())
    of_count = np.ones(most + 1, dtype=np.float32)
    if logarithmic:
        of_count[1:] = 1 + np.log(np.arange(1, most + 1, dtype=np.float32))
    found, values = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.float32)
    ends = np.empty(texts, dtype=np.int64)
    counts = np.zeros(columns, dtype=np.int32)
    seen = np.zeros((columns + 4095) // 4096 * 64, dtype=np.uint64)
    some = np.zeros((columns + 4095) // 4096, dtype=np.uint64)
    longer, first = (
        [np.ascontiguousarray(x, np.int64) for x in xs] for xs in (known.longer, known.first)
    )
    sizes = np.array([len(keys) for keys in longer], dtype=np.int64)
    # These references keep memory alive until C has returned.
    arrays: list[NDArray[Any]] = [
        *(
            np.ascontiguousarray(x, np.int64)
            for x in (starts, numbers, known.columns, known.part_starts)
        ),
        np.ascontiguousarray(known.parts, np.int32),
        np.array([x.ctypes.data for x in longer], dtype=np.int64),
        sizes,
        np.array([x.ctypes.data for x in first], dtype=np.int64),
        of_count,
        np.ascontiguousarray(rarity, np.float32),
        *(counts, seen, some, found, values, ends),
    ]
    word_columns = known.words + int(sizes.sum())
    integers = texts, known.words, len(longer), word_columns, columns
    _library()(_JOB.pack(*integers, *(x.ctypes.data for x in arrays)))
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), ends])
    return WeighedNgrams(found[: offsets[-1]], values[: offsets[-1]], offsets)


def can_weigh_ngrams() -> bool:
    """Say whether there's a compiler for `weigh_ngrams`. The first call compiles."""
    return _has_library()


@functools.cache
def _has_library() -> bool:
    try:
        _library()
    except BuildError:
        return False
    return True


@functools.cache
def _library() -> Any:
    ngrams = build(
        "\n".join([source_of("ngrams.c"), assert_layout("Ngrams", JOB_FIELDS)])
    ).seqpipe_ngrams
    ngrams.argtypes = [ctypes.c_char_p]
    ngrams.restype = None
    return ngrams

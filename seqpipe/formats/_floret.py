"""floret's tables: no words, but rows that the parts of words share, each part several (Bloom embeddings)."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError
from seqpipe.formats._numbers import split_columns
from seqpipe.formats._open import Source, reading
from seqpipe.formats._text import check_sizes, first_line, read_rows
from seqpipe.formats._words import Options

_MAX_PART_LENGTH: Final = 100
_NUMBERS: Final = ("buckets", "dim", "minn", "maxn", "hashCount", "hashSeed")


@dataclass(frozen=True, eq=False)
class FloretTable:
    """A table from which each word has a vector: the mean of the rows of its parts.

    spaCy computes it, as it does for pipelines with such vectors.

    Attributes:
        rows: `[buckets, width]`, float32, finite.
        min_n: The fewest characters of a part, the marks included.
        max_n: The most.
        hash_count: How many rows a part has, 1 to 4.
        hash_seed: What its hashes begin with.
        start: The mark of a word's start.
        end: The mark of its end.

    Raises:
        SavedModelError: A value can't be.
    """

    rows: NDArray[np.float32]
    min_n: int
    max_n: int
    hash_count: int
    hash_seed: int
    start: str = "<"
    end: str = ">"
    _vectors: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        limits = {
            "min_n": (0, _MAX_PART_LENGTH),
            "max_n": (0, _MAX_PART_LENGTH),
            "hash_count": (1, 4),
            "hash_seed": (0, 2**32 - 1),
        }
        for name, (least, most) in limits.items():
            if not least <= getattr(self, name) <= most:
                raise SavedModelError(
                    f"floret's `{name}` is {getattr(self, name)}, and must lie between {least} and {most}"
                )
        if self.min_n > self.max_n:
            raise SavedModelError(
                f"floret's `min_n` is {self.min_n}, and must be at most `max_n`, {self.max_n}"
            )
        object.__setattr__(self, "_vectors", self._made())

    def vectors(self, words: list[str]) -> NDArray[np.float32]:
        """Return the vectors of words, `[N, width]`; the empty word has zeros."""
        if not any(words):
            return np.zeros((len(words), self.rows.shape[1]), dtype=np.float32)
        found: NDArray[np.float32] = self._vectors.get_batch([_encodable(word) for word in words])
        return found

    def _made(self) -> Any:
        # Takes a second to import, which every process that trains would wait for.
        from spacy.vectors import Vectors

        return Vectors(
            data=self.rows,
            mode="floret",
            minn=self.min_n,
            maxn=self.max_n,
            hash_count=self.hash_count,
            hash_seed=self.hash_seed,
            bow=self.start,
            eow=self.end,
        )


def _encodable(word: str) -> str:
    return word.encode("utf-8", "replace").decode("utf-8")


def read_floret(path: Path, options: Options) -> FloretTable:
    """Read the text file that floret's `save_floret_vectors` writes.

    Raises:
        SavedModelError: The file can't be read, or isn't what it says; the message names the line.
    """
    with reading(path), Source(path) as source:
        numbers, marks = _read_settings(source)
        count, width, min_n, max_n, hash_count, hash_seed = numbers
        check_sizes(source, count, width)
        ascii_options = replace(options, encoding="ascii", undecodable="refuse")
        words, rows, next_line = read_rows(source, width, ascii_options, expected=count, line=2)
    if next_line is not None or words != [str(number) for number in range(count)]:
        raise SavedModelError(f"{path} doesn't hold the rows 0 to {count - 1} in their order")
    return FloretTable(rows, min_n, max_n, hash_count, hash_seed, *marks)


def is_floret(line: bytes) -> bool:
    """Say whether a first line is one of floret's."""
    columns = split_columns(line)
    return len(columns) == len(_NUMBERS) + 2 and all(
        column.isdigit() for column in columns[: len(_NUMBERS)]
    )


def _read_settings(source: Source) -> tuple[list[int], list[str]]:
    line = first_line(source)
    columns = split_columns(line)
    if not is_floret(line) or any(len(column) > 12 for column in columns[: len(_NUMBERS)]):
        raise SavedModelError(
            f"{source.path}:1: {line[:40]!r} isn't floret's first line: {', '.join(_NUMBERS)} and two marks"
        )
    try:
        marks = [mark.decode("utf-8") for mark in columns[len(_NUMBERS) :]]
    except UnicodeDecodeError as error:
        raise SavedModelError(f"{source.path}:1: a mark isn't UTF-8") from error
    return [int(column) for column in columns[: len(_NUMBERS)]], marks


def floret_width(path: Path) -> int:
    """Return the width of a file's vectors.

    Raises:
        SavedModelError: The first line isn't floret's.
    """
    with reading(path), Source(path) as source:
        return _read_settings(source)[0][1]

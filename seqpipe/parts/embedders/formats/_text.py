"""Text files of vectors, a word a line: word2vec's and fastText's with a first line of sizes, GloVe's without."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError
from seqpipe.parts.embedders.formats._numbers import Place, parse_lines, to_number
from seqpipe.parts.embedders.formats._open import Source, reading
from seqpipe.parts.embedders.formats._options import Options
from seqpipe.parts.embedders.formats._words import WordTable, decode_words, make_table

_BLOCK: Final = 1 << 23
_LONGEST_LINE: Final = 1 << 22

#: A number takes two bytes at least, with the space before it.
_LEAST_BYTES: Final = 2


def first_line(source: Source) -> bytes:
    """Take a file's first line, without its end.

    Raises:
        SavedModelError: It's longer than any that's meant.
    """
    line = source.file.readline(_LONGEST_LINE)
    if len(line) == _LONGEST_LINE:
        raise SavedModelError(
            f"{source.path}:1: the line doesn't end; this isn't a file of vectors"
        )
    return line.removesuffix(b"\n").removesuffix(b"\r")


def read_sizes(line: bytes) -> tuple[int, int] | None:
    """Return the number of words and the width that a first line tells; None if it isn't one."""
    columns = line.split()
    if len(columns) != 2 or not all(column.isdigit() and len(column) < 12 for column in columns):
        return None
    return int(columns[0]), int(columns[1])


def width_of(line: bytes) -> int:
    """Return how many numbers a line of a file without sizes has behind its word; 0 if none."""
    columns = line.removesuffix(b" ").split(b" ")
    numbers = 0
    for column in reversed(columns[1:]):
        if to_number(column) is None:
            break
        numbers += 1
    return numbers


def read_word2vec_text(path: Path, options: Options) -> WordTable:
    """Read a file whose first line tells how many words there are, and how wide a vector is.

    Raises:
        SavedModelError: The file can't be read, or isn't what it says; the message names the line.
    """
    with reading(path), Source(path) as source:
        line = first_line(source)
        sizes = read_sizes(line)
        if sizes is None:
            raise SavedModelError(
                f"{path}:1: {line[:40]!r} isn't the number of words and the width of a vector"
            )
        check_sizes(source, *sizes)
        count = min(sizes[0], options.most_words or sizes[0])
        words, vectors, are_more = read_rows(source, sizes[1], options, expected=count, line=2)
        if len(words) < count or (count == sizes[0] and are_more):
            found = f"{len(words)} words" if len(words) < count else "more words"
            raise SavedModelError(f"{path} holds {found}, and its first line says {sizes[0]}")
    return make_table(words, vectors, str(path))


def read_glove(path: Path, options: Options) -> WordTable:
    """Read a file of words and numbers alone.

    Raises:
        SavedModelError: The file can't be read, or a line isn't like the first; the message names it.
    """
    with reading(path), Source(path) as source:
        line = first_line(source)
        width = width_of(line)
        if not width:
            raise SavedModelError(f"{path}:1: {line[:40]!r} isn't a word and numbers")
        source.file.seek(0)
        words, vectors, _ = read_rows(source, width, options, expected=options.most_words, line=1)
    return make_table(words, vectors, str(path))


def check_sizes(source: Source, count: int, width: int) -> None:
    """Raise a `SavedModelError` if a file can't hold what its first line says."""
    size = source.size
    if not count or not width:
        raise SavedModelError(f"{source.path}:1: it says that there are {count} vectors of {width}")
    if size is not None and count * width * _LEAST_BYTES > size:
        raise SavedModelError(
            f"{source.path}:1: it says that there are {count} vectors of {width} numbers, more than a file "
            f"of {size} bytes holds"
        )


def read_rows(
    source: Source, width: int, options: Options, *, expected: int | None, line: int
) -> tuple[list[str | None], NDArray[np.float32], bool]:
    """Read lines of words and numbers.

    Args:
        source: Where from.
        width: How many numbers a line has.
        options: How words are decoded, and who's told of progress.
        expected: How many lines to read; None for all.
        line: The number of the first one.

    Returns:
        The words, with None for those to be left out, their vectors, and whether there are more lines: `[N]`,
        `[N, width]`.
    """
    words: list[str | None] = []
    rows = _Rows(width)
    are_more = False
    for lines in _blocks(source):
        if expected is not None and len(words) + len(lines) > expected:
            lines, are_more = lines[: expected - len(words)], True
        place = Place(str(source.path), line + len(words))
        raw, values = parse_lines(lines, width, place)
        words += decode_words(raw, options, place=f"{source.path}, from line {place.line}, word")
        rows.add(values)
        options.on_fraction(source.fraction)
        if are_more:
            break
    return words, rows.finished(), are_more


def _blocks(source: Source) -> Iterator[list[bytes]]:
    """Yield the lines of a file, many at a time."""
    rest = b""
    while block := source.file.read(_BLOCK):
        lines = (rest + block).replace(b"\r\n", b"\n").split(b"\n")
        rest = lines.pop()
        if len(rest) > _LONGEST_LINE:
            raise SavedModelError(
                f"{source.path} has a line that doesn't end; it's no file of vectors"
            )
        if lines:
            yield lines
    if rest:
        yield [rest]


class _Rows:
    """A table that grows in place."""

    def __init__(self, width: int) -> None:
        self._table = np.empty((0, width), dtype=np.float32)
        self._count = 0

    def add(self, rows: NDArray[np.float32]) -> None:
        end = self._count + len(rows)
        if end > len(self._table):
            self._resize(max(end, len(self._table) * 3 // 2))
        self._table[self._count : end] = rows
        self._count = end

    def finished(self) -> NDArray[np.float32]:
        self._resize(self._count)
        return self._table

    def _resize(self, count: int) -> None:
        # Nothing else refers to it, and large blocks of memory are moved without being copied.
        self._table.resize((count, self._table.shape[1]), refcheck=False)

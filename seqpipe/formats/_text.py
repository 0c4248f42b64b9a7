"""Text files of vectors, a word a line: word2vec's and fastText's with a first line of sizes, GloVe's without.

And word2vec's binary files.
"""

import codecs
import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError
from seqpipe.formats._numbers import (
    BLANKS,
    Place,
    hint,
    is_written_number,
    parse_lines,
    split_columns,
    to_number,
)
from seqpipe.formats._open import Bytes, Source, load, reading, unpacked, wide_encoding
from seqpipe.formats._words import Options, WordTable, decode_words, make_table

_BLOCK: Final = 1 << 23
_MAX_LINE_BYTES: Final = 1 << 22

#: What text has none of, hardly any word excepted.
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")

#: Numbers in any notation, those too that aren't read.
_LIKE_NUMBERS: Final = re.compile(rb"(?=.*[0-9])[0-9a-fA-FxXpP+\-.,;_]+")

#: What's said of a blank line.
_BLANK: Final = "the line is blank, which only lines at the end may be"

#: A number takes two bytes at least, with the space before it.
_MIN_BYTES_PER_NUMBER: Final = 2


def first_line(source: Source) -> bytes:
    """Take the first line of a text, without its end, behind a byte order mark.

    Raises:
        SavedModelError: The line is blank or longer than any that's meant, or the text is UTF-16 or UTF-32.
    """
    _seek_text(source)
    line = source.file.readline(_MAX_LINE_BYTES)
    if len(line) == _MAX_LINE_BYTES:
        raise SavedModelError(
            f"{source.path}:1: the line doesn't end; this isn't a file of vectors"
        )
    text = line.rstrip(b"\n" + BLANKS)
    if not text:
        raise SavedModelError(f"{source.path}:1: {_BLANK}" if line else f"{source.path} is empty")
    return text


def _seek_text(source: Source) -> None:
    """Go to where a text begins."""
    source.file.seek(0)
    beginning = source.file.read(4)
    if encoding := wide_encoding(beginning):
        raise SavedModelError(f"{source.path} is text in {encoding}: save it as UTF-8")
    source.file.seek(len(codecs.BOM_UTF8) if beginning.startswith(codecs.BOM_UTF8) else 0)


def read_sizes(line: bytes) -> tuple[int, int] | None:
    """Return the number of words and the width that a first line states; None if it isn't one."""
    columns = line.split()
    if len(columns) != 2 or not all(column.isdigit() and len(column) < 12 for column in columns):
        return None
    return int(columns[0]), int(columns[1])


def count_numbers(line: bytes) -> int:
    """Return how many numbers stand at the end of a line, its first column left out."""
    columns = split_columns(line)[1:]
    return sum(1 for _ in takewhile(is_written_number, reversed(columns)))


def glove_width(line: bytes, name: str) -> int:
    """Return the width that the first line of a file without sizes shows.

    Args:
        line: A word and numbers.
        name: What errors call the file.

    Raises:
        SavedModelError: It's something else, or a number may have been taken for a part of the word.
    """
    if not line:
        raise SavedModelError(f"{name}:1: {_BLANK}")
    if b"\r" in line:
        raise SavedModelError(
            f"{name}:1: a carriage return stands in it: lines must end in \\n or \\r\\n"
        )
    columns, width = split_columns(line), count_numbers(line)
    if not width:
        raise SavedModelError(
            f"{name}:1: {line[:40]!r} is neither a word and numbers nor the number of words and the width "
            f"of a vector{hint(columns[-1])}"
        )
    if columns[:-width] == [b""]:
        raise SavedModelError(f"{name}:1: no word stands before the numbers, only white space")
    # White space that divides no columns, such as a no-break space, may stand in a word.
    parts = b" ".join(columns[:-width]).decode("utf-8", "replace").split()
    for part in parts[1:]:
        if any(character.isdigit() for character in part):
            raise SavedModelError(
                f"{name}:1: {part[:40]!r} stands between the word and the numbers"
                f"{hint(part.encode()) or ': columns are divided by blanks or tabs, and numbers like -1.5e-3'}"
            )
    return width


def is_text(rest: bytes, width: int) -> bool:
    """Say whether what follows a first line of sizes is text, though it may have faults, or binary numbers.

    Args:
        rest: What follows, as far as it was read.
        width: What the first line says.
    """
    line, is_whole, _ = rest.partition(b"\n")
    columns = split_columns(line)[1 : None if is_whole else -1]
    numbers = sum(1 for _ in takewhile(lambda c: to_number(c) is not None, reversed(columns)))
    if numbers >= (width if is_whole else 1):
        return True
    like_numbers = sum(1 for _ in takewhile(_is_like_number, reversed(columns)))
    if like_numbers >= max(2, width // 2):
        return True
    # Binary numbers seldom go on for long without such bytes, or those that aren't UTF-8.
    return not _CONTROLS.search(rest) and (_is_utf8(rest) or 4 * _ascii_count(rest) > 3 * len(rest))


def _is_like_number(column: bytes) -> bool:
    return to_number(column) is not None or _LIKE_NUMBERS.fullmatch(column) is not None


def _ascii_count(text: bytes) -> int:
    return len(text.decode("ascii", "ignore"))


def _is_utf8(text: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(text)
    except UnicodeDecodeError:
        return False
    return True


def read_word2vec_text(path: Path, options: Options) -> WordTable:
    """Read a file whose first line states the number of words and the width of a vector.

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
        words, vectors, next_line = read_rows(source, sizes[1], options, expected=count, line=2)
    if len(words) < count:
        raise SavedModelError(
            f"{path} holds {len(words)} words, and its first line says {sizes[0]}"
        )
    if count == sizes[0] and next_line is not None:
        raise SavedModelError(
            f"{path}:{next_line}: the file holds more words than its first line says, {count}"
        )
    return make_table(words, vectors, str(path))


def read_glove(path: Path, options: Options) -> WordTable:
    """Read a file of words and numbers alone.

    Raises:
        SavedModelError: The file can't be read, or a line isn't like the first; the message names it.
    """
    with reading(path), Source(path) as source:
        width = glove_width(first_line(source), str(path))
        _seek_text(source)
        words, vectors, _ = read_rows(source, width, options, expected=options.most_words, line=1)
    return make_table(words, vectors, str(path))


def check_sizes(source: Source, count: int, width: int) -> None:
    """Raise a `SavedModelError` if a file can't hold what its first line says."""
    size = source.size
    if not count or not width:
        raise SavedModelError(f"{source.path}:1: it says that there are {count} vectors of {width}")
    if size is not None and count * width * _MIN_BYTES_PER_NUMBER > size:
        raise SavedModelError(
            f"{source.path}:1: it says that there are {count} vectors of {width} numbers, more than a file "
            f"of {size} bytes holds"
        )


def read_rows(
    source: Source, width: int, options: Options, *, expected: int | None, line: int
) -> tuple[list[str | None], NDArray[np.float32], int | None]:
    """Read lines of words and numbers. Blank lines may stand at the end.

    Args:
        source: Where from.
        width: How many numbers a line has.
        options: How words are decoded, and the callback for progress.
        expected: How many lines to read; None for all.
        line: The number of the first one.

    Returns:
        The words, with None for those to be left out, their vectors, `[N]` and `[N, width]`, and the number of
        the next line; None if there is none.
    """
    words: list[str | None] = []
    rows = _Rows(width)
    for lines in _blocks(source, line):
        place = Place(str(source.path), line + len(words))
        left = len(lines) if expected is None else expected - len(words)
        raw, values = parse_lines(lines[:left], width, place)
        words += decode_words(raw, options, place=f"{source.path}, from line {place.line}, word")
        rows.add(values)
        options.on_fraction(source.fraction)
        if len(lines) > left:
            return words, rows.finished(), line + len(words)
    return words, rows.finished(), None


def _blocks(source: Source, line: int) -> Iterator[list[bytes]]:
    """Yield the lines of a file without blanks at their ends, many at a time.

    Raises:
        SavedModelError: A blank line is followed by another one.
    """
    blank: int | None = None
    for lines in _lines(source):
        found = [each.rstrip(BLANKS) for each in lines]
        filled = len(found)
        while filled and not found[filled - 1]:
            filled -= 1
        if filled:
            blank = line + found.index(b"") if blank is None and b"" in found[:filled] else blank
            if blank is not None:
                raise SavedModelError(f"{source.path}:{blank}: {_BLANK}")
            yield found[:filled]
        if filled < len(found) and blank is None:
            blank = line + filled
        line += len(found)


def _lines(source: Source) -> Iterator[list[bytes]]:
    rest = b""
    while block := source.file.read(_BLOCK):
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        if len(rest) > _MAX_LINE_BYTES:
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


# Binary files of word2vec, in both dialects: with a line break after each vector, and without.

_MAX_FIRST_LINE_BYTES: Final = 40
_SAMPLE: Final = 1 << 16
_MAX_WORD_BYTES: Final = 10_000
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
    line = source.data[:_MAX_FIRST_LINE_BYTES].partition(b"\n")
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
    end = source.data.find(b" ", start, start + _MAX_WORD_BYTES)
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

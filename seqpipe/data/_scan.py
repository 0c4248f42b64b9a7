"""One pass over a file: whether it's text, in which encoding, how many lines it has, and how it begins."""

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from seqpipe.errors import DataError
from seqpipe.formats import READ_FAILURES, open_decompressed
from seqpipe.messages import plural
from seqpipe.parts.readers import check_encoding, locate_file
from seqpipe.reporting import escaped

#: No line of a data set is longer: it would be a file of another kind.
_MAX_LINE: Final = 5_000_000
#: What readers need for so many bytes is a few gigabytes of memory.
_MAX_BYTES: Final = 250_000_000
_SAMPLE_LINES: Final = 2_000
_SAMPLE_BYTES: Final = 4_000_000
_HEAD: Final = 65_536
#: Text has fewer control characters than this.
_MAX_CONTROLS: Final = 0.05
_CONTROLS: Final = bytes({*range(32)} - {*b"\t\n\r\x0b\x0c\x1b"})

#: How files begin that are taken for text by mistake, and what they are.
_KINDS: Final = (
    (b"PK\x03\x04", "a zip archive or a spreadsheet"),
    (b"PAR1", "a Parquet file, which seqpipe.Parquet.v1 reads"),
    (b"ARROW1", "an Arrow file, which seqpipe.Parquet.v1 reads"),
    (b"\x1f\x8b", "compressed by gzip: its name should end in .gz"),
    (b"BZh", "compressed by bzip2: its name should end in .bz2"),
    (b"\xfd7zXZ", "compressed by xz: its name should end in .xz"),
    (b"SQLite format 3", "an SQLite database"),
    (b"%PDF", "a PDF"),
    (b"\x80\x04", "a pickle"),
    (b"\x80\x05", "a pickle"),
)
#: The longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Scan:
    """What a pass over a file found.

    Attributes:
        path: The file, as it was named.
        lines: Its first lines, with their ends.
        encoding: The encoding that fits best.
        why: What speaks for that encoding.
        count: How many lines were looked at.
        size: How many bytes these have, decompressed.
        is_cut: Whether there are more.
    """

    path: str
    lines: tuple[str, ...]
    encoding: str
    why: str
    count: int
    size: int
    is_cut: bool


def scan(path: str, *, most: int, encoding: str | None = None) -> Scan:
    """Look at the first lines of a file.

    Args:
        path: As readers take it: a plain path, ``package:NAME/below`` or ``data:below``, compressed or not.
        most: How many lines to look at.
        encoding: The file's encoding, if it's known.

    Raises:
        ConfigError: There's no such encoding.
        DataError: The file isn't there, is empty, can't be read, or isn't text.
    """
    if encoding is not None:
        check_encoding(encoding)
    with _open(path) as file:
        head = file.read(_HEAD)
    if not head.strip():
        raise DataError(f"{escaped(path)} is empty")
    wide = _wide_encoding(head) if encoding is None else _told_wide(encoding)
    if wide is None:
        _check_text(path, head)
    seen = _look(path, most)
    if wide and seen.is_cut:
        raise DataError(
            f"{escaped(path)} is in {wide} and too long to be looked at in part: convert it to UTF-8, or raise --lines"
        )
    if encoding is not None:
        found, why = encoding, "as told"
    elif wide is not None:
        found, why = wide, "by the zeros between its bytes, or its mark"
    else:
        found, why = _narrow_encoding(seen)
    text = seen.sample.decode(found, "replace").removeprefix("\ufeff")
    lines = tuple(io.StringIO(text, newline=""))
    return Scan(path, lines, found, why, seen.count, seen.size, seen.is_cut)


@dataclass
class _Seen:
    """What was seen of a file: its first lines, and how many of all that aren't ASCII are valid UTF-8, or not."""

    sample: bytearray = field(default_factory=bytearray)
    count: int = 0
    size: int = 0
    fits: int = 0
    misfits: int = 0
    is_cut: bool = False


def _look(path: str, most: int) -> _Seen:
    seen = _Seen()
    for line in _lines(path):
        if seen.count == most or seen.size > _MAX_BYTES:
            seen.is_cut = True
            break
        seen.count += 1
        seen.size += len(line)
        if seen.count <= _SAMPLE_LINES and len(seen.sample) < _SAMPLE_BYTES:
            seen.sample += line
        if not line.isascii():
            is_utf8 = _decodes(line, "utf-8")
            seen.fits += is_utf8
            seen.misfits += not is_utf8
    return seen


def copy_beginning(path: str, to: Path, *, lines: int) -> None:
    """Write the first lines of a file into another, decompressed.

    Raises:
        DataError: The file can't be read.
    """
    with to.open("wb") as copy:
        for _, line in zip(range(lines), _lines(path), strict=False):
            copy.write(line)


@contextmanager
def _open(path: str) -> Iterator[io.BufferedIOBase]:
    found = locate_file(path)
    try:
        with open_decompressed(found) as file:
            yield file  # type: ignore[misc]
    except ImportError as error:
        raise DataError(f"{escaped(path)}: {error}") from error
    except READ_FAILURES as error:
        told = getattr(error, "strerror", None) or error
        raise DataError(f"{escaped(path)} can't be read: {told}") from error


def _lines(path: str) -> Iterator[bytes]:
    with _open(path) as file:
        number = 0
        while line := file.readline(_MAX_LINE + 1):
            number += 1
            if len(line) > _MAX_LINE:
                raise DataError(
                    f"{escaped(path)}:{number}: the line has more than {_MAX_LINE // 1_000_000} MB, as no line of texts has; "
                    "a JSON document has to be rewritten with one object per line"
                )
            yield line


def _told_wide(encoding: str) -> str | None:
    name = codecs.lookup(encoding).name
    return encoding if name.startswith(("utf-16", "utf-32")) else None


def _wide_encoding(head: bytes) -> str | None:
    """Return the encoding, if it's one of several bytes for each character."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    # Most characters of most texts in UTF-16 have a zero in the same half.
    half = len(head) // 2 or 1
    zeros = [head[start::2].count(0) / half for start in (0, 1)]
    if zeros[1] > 0.4 and zeros[0] < 0.05:
        return "utf-16-le"
    return "utf-16-be" if zeros[0] > 0.4 and zeros[1] < 0.05 else None


def _check_text(path: str, head: bytes) -> None:
    """Check that a file is text.

    Raises:
        DataError: It isn't.
    """
    for mark, kind in _KINDS:
        if head.startswith(mark):
            raise DataError(
                f"{escaped(path)} isn't a text file, but {kind}; to look at the texts here, export them as CSV or JSON Lines"
            )
    if 0 in head:
        line = head[: head.index(0)].count(b"\n") + 1
        raise DataError(
            f"{escaped(path)}:{line}: there's a NUL byte, so this isn't a text file, or it's damaged; "
            "export the texts again, as CSV or JSON Lines in UTF-8"
        )
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if controls > _MAX_CONTROLS * len(head):
        raise DataError(
            f"{escaped(path)} isn't a text file: {controls / len(head):.0%} of its first bytes are control characters"
        )


def _narrow_encoding(seen: _Seen) -> tuple[str, str]:
    """Return the encoding of one that isn't wide, and what speaks for it."""
    if not seen.misfits:
        return "utf-8", "all lines are valid UTF-8" if seen.fits else "only ASCII characters"
    if seen.fits >= seen.misfits:
        beyond = seen.fits + seen.misfits
        return (
            "utf-8",
            f"of {plural(beyond, 'line')} beyond ASCII, all but {seen.misfits:,} are valid UTF-8",
        )
    found = "cp1252" if _decodes(seen.sample, "cp1252") else "latin-1"
    why = f"a guess: {plural(seen.misfits, 'line')} can't be read as UTF-8; if letters look wrong, use --encoding"
    return found, why


def _decodes(data: bytes | bytearray, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeError:
        return False
    return True

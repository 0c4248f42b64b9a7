"""From a file to text and lines: decompression, encodings, byte order marks, line ends."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from seqpipe.errors import DataError
from seqpipe.formats import READ_FAILURES, open_decompressed
from seqpipe.parts.readers._collect import SURROGATE, ProblemError, printable
from seqpipe.parts.readers._paths import locate_file, locate_files
from seqpipe.parts.readers._settings import Settings


def read_files(settings: Settings, *, suffixes: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each file that the settings name, as `locate_files` has it, with its lines.

    Raises:
        DataError: No file is there, or one can't be read as text at all.
    """
    for path, _ in locate_files(settings.path, suffixes=suffixes):
        yield path, read_lines(path, encodings=settings.encodings)


def read_lines(path: str, *, encodings: Sequence[str]) -> list[str]:
    """Return the lines of a file, with their line ends.

    A byte that isn't of the encoding stands as a lone surrogate, for `encoding_problem` to find:
    so one bad byte spoils its row and not the file.

    Raises:
        DataError: The file isn't there, or can't be read as text at all.
    """
    try:
        text = read_text(locate_file(path), encodings=encodings)
    except ProblemError as problem:
        raise DataError(f"{printable(path)}: {problem}") from problem
    # Not `splitlines`, which also splits at form feeds and other characters inside a text.
    return list(io.StringIO(text, newline=""))


def read_text(path: Path, *, encodings: Sequence[str]) -> str:
    """Return the file's text, decompressed as its suffix says, without a byte order mark.

    The first encoding that fits the whole file is taken. If none does, bytes that aren't of the
    first encoding stand as lone surrogates.

    Raises:
        ProblemError: The file can't be opened, decompressed or decoded.
        DataError: The package that its compression needs isn't installed.
    """
    data = _read_bytes(path)
    for encoding in encodings:
        try:
            return data.decode(encoding).removeprefix("\ufeff")
        except UnicodeError:
            continue
    try:
        return data.decode(encodings[0], "surrogateescape").removeprefix("\ufeff")
    except UnicodeError as error:
        raise ProblemError(_whole_file_problem(data, error, encodings)) from error


def encoding_problem(text: str, *, encodings: Sequence[str]) -> str | None:
    """Return what's wrong with the encoding of text out of `read_text`, or None."""
    match = SURROGATE.search(text)
    if match is None:
        return None
    byte = ord(match.group()) - 0xDC00
    what = f"the byte 0x{byte:02X}" if 0x80 <= byte <= 0xFF else "half of a surrogate pair"
    near = printable(SURROGATE.sub("�", text[max(0, match.start() - 20) : match.end() + 20]))
    return f"{what} (in {near!r}) {_not_of(encodings)}"


def bad_line(text: str) -> int:
    """Return the number of the line, from 1, with the first lone surrogate in it."""
    match = SURROGATE.search(text)
    end = match.start() if match else len(text)
    return len(list(io.StringIO(text[: end + 1], newline="")))


def _read_bytes(path: Path) -> bytes:
    try:
        file = open_decompressed(path)
    except ImportError as error:  # no fault of the row's
        raise DataError(f"{printable(str(path))}: {error}") from error
    except OSError as error:
        raise ProblemError(f"it can't be read: {error.strerror}") from error
    try:
        with file:
            return file.read()
    except READ_FAILURES as error:
        raise ProblemError(f"it can't be decompressed: {error}") from error


def _whole_file_problem(data: bytes, error: UnicodeError, encodings: Sequence[str]) -> str:
    if not isinstance(error, UnicodeDecodeError):
        return f"it {_not_of(encodings)}"
    return f"the byte 0x{data[error.start]:02X} at byte offset {error.start} {_not_of(encodings)}"


def _not_of(encodings: Sequence[str]) -> str:
    return (
        f"doesn't fit the encoding {' or '.join(encodings)}; name the right one, or several to be "
        'tried for each file, such as encoding = ["utf-8", "cp1252"]'
    )

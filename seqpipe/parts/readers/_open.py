"""Lines of text files, one after another, however large the file is."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final

from seqpipe.errors import DataError
from seqpipe.parts.readers._paths import locate_file
from seqpipe.parts.readers._problem import printable

_OPEN: Final[dict[str, Callable[..., IO[Any]]]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
}


def open_lines(path: str, *, encoding: str = "utf-8") -> Iterator[str]:
    """Yield the lines of a text file, without their ends.

    Args:
        path: A plain path, ``package:NAME/below`` or ``data:below``; a file that ends in .gz, .bz2
            or .xz is decompressed as it's read.
        encoding: The file's encoding. A byte order mark is passed over.

    Raises:
        DataError: The file isn't there, can't be decompressed, or has a byte that isn't of the
            encoding; the message names the line.
    """
    found = locate_file(path)
    number = 0
    try:
        opened = _open(found)
    except OSError as error:
        raise DataError(f"{printable(path)} can't be opened: {error.strerror}") from error
    try:
        with opened as file:
            for number, line in enumerate(file, start=1):
                text = line.decode(encoding)
                yield (text.removeprefix("\ufeff") if number == 1 else text).rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{printable(path)}:{number}: the byte 0x{error.object[error.start]:02X} doesn't fit the "
            f"encoding {encoding}; name the right one"
        ) from error
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise DataError(
            f"{printable(path)} can't be read past line {number}: {error}; get the file again"
        ) from error


def _open(path: Path) -> IO[bytes]:
    opener = _OPEN.get(path.suffix.lower())
    return opener(path, "rb") if opener else path.open("rb")

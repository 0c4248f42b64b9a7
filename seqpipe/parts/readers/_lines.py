"""One text per line."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers._collect import printable
from seqpipe.parts.readers._contract import Stream
from seqpipe.parts.readers._paths import locate_file
from seqpipe.parts.readers._settings import check_encoding

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
        opened = open_bytes(found)
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


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file for its bytes; one that ends in .gz, .bz2 or .xz is decompressed as it's read.

    Raises:
        OSError: It can't be opened.
    """
    opener = _OPEN.get(path.suffix.lower())
    return opener(path, "rb") if opener else path.open("rb")


class Lines(Stream):
    """Read text files with one document per line; blank lines are passed over.

    The files are read as they're needed, so they may be larger than memory.

    Args:
        path: A file, or several in turn: plain paths, ``package:NAME/below`` or ``data:below``. Those
            that end in .gz, .bz2 or .xz are decompressed.
        encoding: The encoding of the files, of which a line break is one byte.
        most: Stop after so many lines that aren't blank; 0 reads all.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(self, path: str | list[str], *, encoding: str = "utf-8", most: int = 0) -> None:
        self._paths = (path,) if isinstance(path, str) else tuple(path)
        self._encoding = encoding
        self._most = most
        if not self._paths or "" in self._paths:
            raise ConfigError("the reader's path is empty; name a file, or a list of files")
        check_encoding(encoding)
        if most < 0:
            raise ConfigError(f"most is {most}; it's a number of lines, or 0 for all")

    def stream(self) -> Iterator[str]:
        """Yield the lines that aren't blank.

        Raises:
            DataError: A file isn't there or can't be read, or there's no text in any.
        """
        count = 0
        for path in self._paths:
            for line in open_lines(path, encoding=self._encoding):
                if not line.strip():
                    continue
                yield line
                count += 1
                if count == self._most:
                    return
        if not count:
            raise DataError(f"{printable(', '.join(self._paths))}: there's no text in it")

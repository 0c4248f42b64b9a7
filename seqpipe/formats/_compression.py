"""Opens compressed files: gzip, bzip2, xz and zstd, told by their suffix or by their first bytes."""

import bz2
import gzip
import lzma
import sys
import zlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, TypeAlias

#: Opens the file at a path, or one that's open, for reading bytes.
Opener: TypeAlias = Callable[..., Any]

try:
    _zstd: Any = import_module(
        "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    )
except ImportError:
    _zstd = None


def _open_zstd(file: Path | IO[bytes]) -> Any:
    if _zstd is None:
        raise ImportError(
            'zstd needs the package backports.zstd, or Python 3.14; try: pip install "seqpipe[zstd]"'
        )
    return _zstd.open(file)


class _Compression(NamedTuple):
    suffix: str
    magic: bytes
    open: Opener


_COMPRESSIONS: Final = (
    _Compression(".gz", b"\x1f\x8b", gzip.open),
    _Compression(".bz2", b"BZh", bz2.open),
    _Compression(".xz", b"\xfd7zXZ\0", lzma.open),
    _Compression(".zst", b"\x28\xb5\x2f\xfd", _open_zstd),
)

#: What the names of compressed files end in.
COMPRESSED_SUFFIXES: Final = tuple(each.suffix for each in _COMPRESSIONS)

#: What's raised in reading a file that's damaged, compressed or not.
READ_FAILURES: Final[tuple[type[Exception], ...]] = (
    OSError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    *([] if _zstd is None else [_zstd.ZstdError]),
)


def open_decompressed(path: Path) -> IO[bytes]:
    """Open a file for reading, decompressed as its suffix says.

    Raises:
        OSError: The file can't be opened.
        ImportError: The package that its compression needs isn't installed.
    """
    suffix = path.suffix.lower()
    found = next((each.open for each in _COMPRESSIONS if each.suffix == suffix), None)
    opened: IO[bytes] = found(path) if found else path.open("rb")
    return opened


def opener_of(beginning: bytes) -> Opener | None:
    """Return what opens a file that begins so, by its first six bytes; None if it isn't compressed."""
    return next((each.open for each in _COMPRESSIONS if beginning.startswith(each.magic)), None)

"""Reads files from beginning to end, compressed or not, and binary fields."""

import codecs
import contextlib
import mmap
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError
from seqpipe.formats._compression import READ_FAILURES, opener_of

_FAILURES: Final[tuple[type[Exception], ...]] = (*READ_FAILURES, ImportError)

#: The marks that texts in wide characters begin with, and what those are.
_WIDE_MARKS: Final = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def wide_encoding(beginning: bytes) -> str | None:
    """Return the encoding of a text whose characters have two bytes or four, by its first four bytes."""
    for mark, encoding in _WIDE_MARKS.items():
        if beginning.startswith(mark):
            return encoding
    first, second = beginning[:2], beginning[2:4]
    # Without a mark: two ASCII characters.
    is_wide = all(pair.count(0) == 1 and pair.strip(b"\0").isascii() for pair in (first, second))
    return "UTF-16" if is_wide and first.find(0) == second.find(0) else None


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn errors in reading a file into a `SavedModelError`."""
    try:
        yield
    except _FAILURES as error:
        raise SavedModelError(f"{path} can't be read: {error}") from error


class Source:
    """A file that's read from its beginning to its end, decompressed.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._raw = path.open("rb")
        self._size = path.stat().st_size
        opener = opener_of(self._raw.read(6))
        self._raw.seek(0)
        try:
            self.file: IO[bytes] = opener(self._raw) if opener else self._raw
        except ImportError:
            self._raw.close()
            raise
        self.is_compressed = opener is not None

    def __enter__(self) -> "Source":
        return self

    def __exit__(self, *exception: object) -> None:
        self.file.close()
        self._raw.close()

    @property
    def size(self) -> int | None:
        """How many bytes the content has; None if that isn't known before it's read."""
        return None if self.is_compressed else self._size

    @property
    def fraction(self) -> float:
        """How much of it is read, 0 to 1."""
        return min(1.0, self._raw.tell() / self._size) if self._size else 1.0


@contextlib.contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Give a file's content as a file: itself, or a temporary one.

    Raises:
        SavedModelError: It can't be decompressed.
    """
    with contextlib.ExitStack() as stack:
        with reading(path):
            source = stack.enter_context(Source(path))
        if not source.is_compressed:
            yield path
            return
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="seqpipe-", ignore_cleanup_errors=True)
        )
        copy = Path(folder) / path.name
        with reading(path), copy.open("wb") as target:
            shutil.copyfileobj(source.file, target, 1 << 20)
        yield copy


# Reading binary fields.

#: What a file is read from: mapped, or all in memory.
Data: TypeAlias = "mmap.mmap | bytes"


def load(path: Path, *, mapped: bool) -> Data:
    """Return a file's bytes.

    Args:
        path: The file.
        mapped: Whether the system brings them into memory as they're used. The file mustn't be written to
            while they are.

    Raises:
        SavedModelError: The file can't be read.
    """
    try:
        with path.open("rb") as file:
            if mapped and path.stat().st_size:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return file.read()
    except (OSError, ValueError) as error:
        raise SavedModelError(f"{path} can't be read: {error}") from error


class Bytes:
    """Takes values from a file's bytes and knows where it is.

    Args:
        data: The bytes.
        name: What errors call the file.
    """

    def __init__(self, data: Data, name: str) -> None:
        self.data = data
        self.name = name
        self.size = len(data)
        self.offset = 0

    @property
    def left(self) -> int:
        """How many bytes haven't been taken."""
        return self.size - self.offset

    def refusal(self, field: str, problem: str, *, offset: int | None = None) -> SavedModelError:
        """Return the error that says what's wrong with a field, and where it stands."""
        place = self.offset if offset is None else offset
        return SavedModelError(f"{self.name} is damaged: {field}, at byte {place}, {problem}")

    def reserve(self, count: int, field: str) -> int:
        """Skip `count` bytes, and return where they begin.

        Raises:
            SavedModelError: There are fewer.
        """
        if not 0 <= count <= self.left:
            raise self.refusal(field, f"needs {count} bytes, and the file has {self.left} more")
        start = self.offset
        self.offset += count
        return start

    def scalar(self, kind: str, field: str) -> Any:
        """Take a number of a dtype such as "<i4"."""
        size = np.dtype(kind).itemsize
        start = self.reserve(size, field)
        return np.frombuffer(self.data, kind, 1, start)[0].item()

    def flag(self, field: str) -> bool:
        """Take a byte that's 0 or 1."""
        value = self.scalar("u1", field)
        if value > 1:
            raise self.refusal(field, f"is {value}, and must be 0 or 1", offset=self.offset - 1)
        return bool(value)

    def array(self, kind: str, count: int, field: str) -> NDArray[Any]:
        """Take `count` numbers of a dtype, without copying them."""
        start = self.reserve(count * np.dtype(kind).itemsize, field)
        return np.frombuffer(self.data, kind, count, start)

    def end(self) -> None:
        """Raise a `SavedModelError` if there are bytes that haven't been taken."""
        if self.left:
            raise self.refusal(
                "the end", f"is followed by {self.left} bytes that don't belong to it"
            )

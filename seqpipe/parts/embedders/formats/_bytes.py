"""A file's bytes, taken one after another and never more than there are."""

import mmap
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError

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
        """Pass over `count` bytes, and return where they begin.

        Raises:
            SavedModelError: There are fewer.
        """
        if not 0 <= count <= self.left:
            raise self.refusal(field, f"needs {count} bytes, and the file has {self.left} more")
        start = self.offset
        self.offset += count
        return start

    def scalar(self, kind: str, field: str) -> Any:
        """Take a number of a numpy type such as "<i4"."""
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
        """Take `count` numbers of a numpy type, without copying them."""
        start = self.reserve(count * np.dtype(kind).itemsize, field)
        return np.frombuffer(self.data, kind, count, start)

    def end(self) -> None:
        """Raise a `SavedModelError` if there are bytes that haven't been taken."""
        if self.left:
            raise self.refusal("the end", f"is followed by {self.left} bytes that nothing tells of")

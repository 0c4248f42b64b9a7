"""The files of a part in one piece."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import srsly

from seqpipe.errors import SavedModelError


def pack(to_disk: Callable[[Path], Any]) -> bytes:
    """Return the files that a part writes, in one piece."""
    with tempfile.TemporaryDirectory() as folder:
        to_disk(Path(folder))
        files = (path for path in sorted(Path(folder).rglob("*")) if path.is_file())
        contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    packed: bytes = srsly.msgpack_dumps(contents)
    return packed


@contextlib.contextmanager
def unpacked(data: bytes, what: str) -> Iterator[Path]:
    """Yield a folder with the files that `pack` made one piece of.

    Args:
        data: The piece.
        what: Which part it's of: "embedder".

    Raises:
        SavedModelError: It's something else.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name, content in _contents(data, what).items():
            path = _inside(Path(folder), name, what)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        yield Path(folder)


def _contents(data: bytes, what: str) -> dict[str, bytes]:
    try:
        contents = srsly.msgpack_loads(data)
    except Exception as error:
        raise SavedModelError(f"the saved {what} is damaged: {error}") from error
    files = contents.items() if isinstance(contents, dict) else [(None, None)]
    if not all(isinstance(name, str) and isinstance(content, bytes) for name, content in files):
        raise SavedModelError(f"the saved {what} is damaged: it isn't made of files")
    return dict(files)


def _inside(folder: Path, name: str, what: str) -> Path:
    path = (folder / name).resolve()
    if folder.resolve() not in path.parents:
        raise SavedModelError(
            f"the saved {what} holds a file {name!r}, which would be written outside of its folder"
        )
    return path

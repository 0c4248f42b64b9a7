"""Write a single file whole or not at all."""

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import IO

from seqpipe.errors import SavedModelError
from seqpipe.storage._files import sync_folder
from seqpipe.storage._target import resolve


def write_text(path: Path, text: str) -> None:
    r"""Write a text file, as UTF-8 with "\n" between lines; see `write_file`."""
    write_file(path, lambda file: file.write(text.encode("utf-8")))


def write_file(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file such that no reader ever sees half of it.

    Folders on the way are made. A symbolic link stays, and what it points to is replaced.

    Args:
        path: The file.
        write: Called with a file that's open for writing.

    Raises:
        SavedModelError: It can't be written; what stood there before still stands.
    """
    path = resolve(path)
    part = path.with_name(f".{path.name}.seqpipe-part-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise SavedModelError(f"{path} can't be written: {error.strerror}.") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()

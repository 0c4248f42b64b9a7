"""States of language models that are kept on disk, so that the next training needn't compute them again."""

import contextlib
import hashlib
import os
import secrets
import shutil
import time
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.storage import cache_folder, is_trusted, make_private

_DIGEST: Final = 16
#: In seconds: states of a model that no training asked for in 30 days are removed.
_MAX_UNUSED: Final = 30 * 24 * 60 * 60


def digest(*parts: bytes) -> bytes:
    """Return what identifies some bytes, and how they're divided into parts."""
    found = hashlib.blake2b(digest_size=_DIGEST)
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.digest()


class StateFolder:
    """The states of one model on disk, in `states` of `cache_folder`: a file for each text, which begins with its checksum.

    What can't be read is as if it weren't there, and what can't be written isn't kept.

    Args:
        model: Identifies the model.
    """

    def __init__(self, model: bytes) -> None:
        self._path = _usable_folder(model.hex())

    def read(self, key: bytes, shape: tuple[int, int]) -> NDArray[np.float32] | None:
        """Return the states that are kept under a key; None if there are none of this shape."""
        if self._path is None:
            return None
        try:
            content = self._file(self._path, key).read_bytes()
        except OSError:
            return None
        checksum, data = content[:_DIGEST], content[_DIGEST:]
        if len(data) != 4 * shape[0] * shape[1] or checksum != digest(key, data):
            return None
        return np.frombuffer(data, dtype="<f4").reshape(shape).astype(np.float32)

    def write(self, key: bytes, states: NDArray[np.float32]) -> None:
        """Keep states `[M, width]` under a key."""
        if self._path is None:
            return
        data = states.astype("<f4").tobytes()
        path = self._file(self._path, key)
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        with contextlib.suppress(OSError):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            try:
                part.write_bytes(digest(key, data) + data)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)

    def _file(self, folder: Path, key: bytes) -> Path:
        name = key.hex()
        return folder / name[:2] / name[2:]


def _usable_folder(name: str) -> Path | None:
    """Return the folder of a model, made if need be; None if there can't be one that's the user's own."""
    try:
        states = cache_folder() / "states"
        folder = states / name
        make_private(folder)
        if not all(is_trusted(each.lstat()) for each in (states, folder)):
            return None
        os.utime(folder)
        _remove_unused(states)
    except (OSError, RuntimeError):
        # Python raises a RuntimeError for a user without a home.
        return None
    return folder


def _remove_unused(states: Path) -> None:
    oldest = time.time() - _MAX_UNUSED
    for folder in states.iterdir():
        if folder.is_dir() and not folder.is_symlink() and folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)

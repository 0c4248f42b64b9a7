"""The table of a saved embedder, and its words."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError
from seqpipe.parts import _saved

_WORDS: Final = "words.json"
_TABLE: Final = "vectors.safetensors"
_VECTORS: Final = "vectors"


def write_table(folder: Path, words: tuple[str, ...], table: NDArray[np.float32]) -> None:
    """Write words and a table of vectors.

    Raises:
        SavedModelError: A file can't be written.
    """
    _saved.write_words(folder / _WORDS, words)
    _saved.write_arrays(folder / _TABLE, {_VECTORS: table})


def read_table(folder: Path) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Read distinct words, of which there's at least one, and a table of vectors, `[N, width]`, finite.

    Raises:
        SavedModelError: A file can't be read, or holds something else.
    """
    words = _saved.read_words(folder / _WORDS)
    if not words:
        raise SavedModelError(f"{folder / _WORDS} is damaged: it has no words")
    path = folder / _TABLE
    arrays = _saved.read_arrays(path)
    table = arrays.get(_VECTORS)
    if len(arrays) != 1 or table is None or table.ndim != 2 or table.dtype != np.float32:
        raise SavedModelError(f"{path} has other tables than an embedder's")
    if not np.isfinite(table).all():
        raise SavedModelError(f"{path} is damaged: not every number is finite")
    return words, table

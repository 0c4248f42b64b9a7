"""Which form each array of a pipeline is stored in."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language

from seqpipe.adapters import torch_shims
from seqpipe.shrinking._product import quantize
from seqpipe.shrinking._settings import Settings
from seqpipe.storage.packed_arrays import Bytes, Half, Packed
from seqpipe.storage.part_files import read_arrays, read_metadata, write_arrays

#: Smaller arrays (biases, transitions) stay as they are: they'd save next to nothing.
_LEAST: Final = 1024
#: The scale of a shorter row would take as much as a byte for each number saves.
_LEAST_WIDTH: Final = 8
#: Fewer rows than that take less than the centroids of their pieces.
_LEAST_ROWS: Final = 4 * 256


def pack_weights(array: NDArray[Any], dtype: str) -> Packed | None:
    """Pack an array of numbers; None where it should stay as it is."""
    if array.dtype != np.float32 or array.size < _LEAST or dtype == "float32":
        return None
    is_wide = array.ndim > 1 and array.size // len(array) >= _LEAST_WIDTH
    return Bytes.of(array) if dtype == "int8" and is_wide else Half.of(array)


def pack_table(array: NDArray[Any], settings: Settings) -> Packed | None:
    """Pack an array of an embedder: a table of vectors, or something else."""
    if settings.quantize and _is_large_table(array) and np.isfinite(array).all():
        return quantize(array)
    return pack_weights(array, settings.dtype)


def _is_large_table(array: NDArray[Any]) -> bool:
    is_table = array.dtype == np.float32 and array.ndim == 2
    return is_table and len(array) >= _LEAST_ROWS and array.shape[1] > 1


def pack_files(folder: Path, pack: Callable[[NDArray[Any]], Packed | None]) -> None:
    """Write the arrays of a folder's files of safetensors anew, in fewer bytes.

    Files with metadata stay as they are: `write_arrays` writes none, so they're of another's format.

    Raises:
        SavedModelError: A file can't be read or written.
    """
    for file in sorted(folder.rglob("*.safetensors")):
        if read_metadata(file):
            continue
        arrays = read_arrays(file)
        packed = {name: p for name, array in arrays.items() if (p := pack(array)) is not None}
        if packed:
            write_arrays(file, arrays, packed)


@contextlib.contextmanager
def packing_components(nlp: Language, dtype: str) -> Iterator[None]:
    """Have the torch modules of components written in fewer bytes meanwhile."""
    with contextlib.ExitStack() as stack:
        for _, component in nlp._components:
            for shim in torch_shims(component):
                stack.enter_context(shim.packing(lambda array: pack_weights(array, dtype)))
        yield

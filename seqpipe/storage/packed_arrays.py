"""Arrays of floats in fewer bytes, which become float32 again when they're read.

Three forms: half precision; 8-bit integers with a scale for each row; and product quantisation (Jégou, Douze &
Schmid 2011), with the norms of rows apart, as FastText.zip has it (Joulin et al. 2016). An array stands in a file as the
arrays of its form, called ``NAME//FIELD``, and the file's metadata name the form.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Final, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError

#: What the forms of a file's arrays are called in its metadata.
_KEY: Final = "seqpipe-packed"
_LARGEST_HALF: Final = float(np.finfo(np.float16).max)
_LARGEST_BYTE: Final = 127
#: Of product quantisation: how many centroids there are for each piece of a row, and how many numbers a piece has.
CENTROIDS: Final = 256
DIMENSIONS: Final = 2

P = TypeVar("P", bound="Packed")


class Packed(ABC):
    """An array of floats in fewer bytes. The fields of a form are arrays."""

    #: What the form is called in files.
    form: ClassVar[str]

    @abstractmethod
    def unpack(self) -> NDArray[np.float32]:
        """Return the array, or what's near to it.

        Raises:
            ValueError: The fields don't fit each other.
        """

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the fields by name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}  # type: ignore[arg-type]

    @property
    def size(self) -> int:
        """The number of bytes."""
        return sum(array.nbytes for array in self.arrays().values())


@final
@dataclass(frozen=True, eq=False)
class Half(Packed):
    """Half precision: 11 significant bits.

    Attributes:
        values: The array, float16.
    """

    form = "float16"
    values: NDArray[np.float16]

    @classmethod
    def of(cls, array: NDArray[np.float32]) -> "Half | None":
        """Pack an array; None if it has numbers that the form has no room for."""
        if array.size and not float(np.abs(array).max()) <= _LARGEST_HALF:
            return None
        return cls(array.astype(np.float16))

    def unpack(self) -> NDArray[np.float32]:
        """Return the array."""
        _expect(self.values, np.float16)
        return self.values.astype(np.float32)


@final
@dataclass(frozen=True, eq=False)
class Bytes(Packed):
    """Whole numbers of 8 bits, with a scale for each row: an error is at most half a 127th of the row's largest number.

    Attributes:
        values: Numbers from -127 to 127, `[N, …]`, int8.
        scales: What those of a row are multiplied by, `[N]`, float32.
    """

    form = "int8"
    values: NDArray[np.int8]
    scales: NDArray[np.float32]

    @classmethod
    def of(cls, array: NDArray[np.float32]) -> "Bytes | None":
        """Pack an array of at least two dimensions; None if a number isn't finite."""
        largest = np.abs(array).reshape(len(array), -1).max(axis=1, initial=0)
        if not np.isfinite(largest).all():
            return None
        # Of a row whose scale would be 0, nothing else is lost.
        scales = np.maximum(largest / _LARGEST_BYTE, np.finfo(np.float32).tiny).astype(np.float32)
        values = np.rint(array / _along_rows(scales, array.ndim))
        return cls(values.clip(-_LARGEST_BYTE, _LARGEST_BYTE).astype(np.int8), scales)

    def unpack(self) -> NDArray[np.float32]:
        """Return the array."""
        _expect(self.values, np.int8)
        _expect_finite(self.scales, np.float32, dimensions=1)
        if self.values.ndim < 2 or len(self.values) != len(self.scales):
            raise ValueError(f"{len(self.scales)} scales for {list(self.values.shape)} numbers")
        return self.values * _along_rows(self.scales, self.values.ndim)


@final
@dataclass(frozen=True, eq=False)
class Product(Packed):
    """Product quantisation: each piece of a row, of length 1, is the nearest of 256 centroids, and so is the row's norm.

    Attributes:
        codes: The number of the centroid of each piece, `[N, pieces]`, uint8.
        centroids: `[pieces, 256, 2]`, float16.
        norm_codes: The number of the norm of each row, `[N]`, uint8.
        norms: `[256]`, float32.
        width: The width of a row, which the last piece may reach beyond, `[1]`, int64.
    """

    form = "product"
    codes: NDArray[np.uint8]
    centroids: NDArray[np.float16]
    norm_codes: NDArray[np.uint8]
    norms: NDArray[np.float32]
    width: NDArray[np.int64]

    def unpack(self) -> NDArray[np.float32]:
        """Return the array."""
        width = self._check()
        rows, pieces = self.codes.shape
        found = np.empty((rows, pieces, self.centroids.shape[2]), dtype=np.float32)
        for piece in range(pieces):
            found[:, piece] = self.centroids[piece].astype(np.float32)[self.codes[:, piece]]
        found *= self.norms[self.norm_codes][:, None, None]
        return np.ascontiguousarray(found.reshape(rows, -1)[:, :width])

    def _check(self) -> int:
        """Return the width.

        Raises:
            ValueError: The fields don't fit each other.
        """
        _expect(self.codes, np.uint8, dimensions=2)
        _expect_finite(self.centroids, np.float16, dimensions=3)
        _expect(self.norm_codes, np.uint8, dimensions=1)
        _expect_finite(self.norms, np.float32, dimensions=1)
        _expect(self.width, np.int64, dimensions=1)
        pieces, count, dimensions = self.centroids.shape
        fits = (
            len(self.codes) == len(self.norm_codes)
            and self.codes.shape[1] == pieces
            and count == len(self.norms) == CENTROIDS
            # Or a small file could ask for any amount of memory.
            and dimensions == DIMENSIONS
            and len(self.width) == 1
            and (pieces - 1) * dimensions < self.width[0] <= pieces * dimensions
        )
        if not fits:
            raise ValueError("the codes don't fit the centroids")
        return int(self.width[0])


_FORMS: Final[Mapping[str, type[Packed]]] = {each.form: each for each in (Half, Bytes, Product)}


def to_stored(
    arrays: Mapping[str, NDArray[Any]], packed: Mapping[str, Packed]
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return what a file of arrays holds, some of which are packed: arrays, and metadata.

    Args:
        arrays: All arrays by name.
        packed: Those to be stored in another form.
    """
    if not packed:
        return dict(arrays), {}
    stored = {name: array for name, array in arrays.items() if name not in packed}
    for name, each in packed.items():
        stored.update({f"{name}//{field}": array for field, array in each.arrays().items()})
    return stored, {_KEY: json.dumps({name: each.form for name, each in packed.items()})}


def from_stored(
    stored: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None, where: str
) -> dict[str, NDArray[Any]]:
    """Return the arrays that `to_stored` was given, those that were packed as float32.

    Args:
        stored: The arrays of a file.
        metadata: Its metadata, if it has any.
        where: What messages call the file.

    Raises:
        SavedModelError: They aren't what `to_stored` returned.
    """
    arrays = dict(stored)
    try:
        for name, form in json.loads((metadata or {}).get(_KEY, "{}")).items():
            kind = _FORMS[form]
            found = {each.name: arrays.pop(f"{name}//{each.name}") for each in fields(kind)}  # type: ignore[arg-type]
            arrays[name] = kind(**found).unpack()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SavedModelError(
            f"{where} is damaged, or was shrunk by a newer release of seqpipe: {error}"
        ) from error
    except MemoryError as error:
        raise SavedModelError(
            f"{where} takes more memory than there is, or is damaged: {error}"
        ) from error
    return arrays


def is_packed(metadata: Mapping[str, str] | None) -> bool:
    """Say whether a file holds packed arrays, by its metadata."""
    return _KEY in (metadata or {})


def _along_rows(scales: NDArray[np.float32], dimensions: int) -> NDArray[np.float32]:
    return scales.reshape(-1, *[1] * (dimensions - 1))


def _expect(array: NDArray[Any], dtype: type, *, dimensions: int | None = None) -> None:
    if array.dtype != dtype or dimensions not in (None, array.ndim):
        raise ValueError(f"an array is {array.dtype} {list(array.shape)}")


def _expect_finite(array: NDArray[Any], dtype: type, *, dimensions: int) -> None:
    _expect(array, dtype, dimensions=dimensions)
    if not np.isfinite(array).all():
        raise ValueError("a scale, norm or centroid isn't finite")

"""The two forms in which the library keeps a matrix: as it is, and quantised."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

CENTROIDS: Final = 256


class Matrix(ABC):
    """A matrix, in either form."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """The number of rows, and their width."""

    @abstractmethod
    def rows(self, ids: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return some rows, `[len(ids), width]`, as the caller's own."""

    @abstractmethod
    def take(self, ids: NDArray[np.intp]) -> "Matrix":
        """Return a matrix of some rows, in the same form."""

    def dense(self) -> NDArray[np.float32]:
        """Return all rows."""
        return self.rows(np.arange(self.shape[0]))


@dataclass(frozen=True, eq=False)
class Dense(Matrix):
    """A matrix as it is.

    Attributes:
        values: `[N, width]`, float32; it may lie in a file.
    """

    values: NDArray[np.float32]

    @property
    def shape(self) -> tuple[int, int]:
        """The number of rows, and their width."""
        return self.values.shape[0], self.values.shape[1]

    def rows(self, ids: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return some rows, `[len(ids), width]`, as the caller's own."""
        return self.values[ids]

    def take(self, ids: NDArray[np.intp]) -> "Dense":
        """Return a matrix of some rows."""
        return Dense(self.values[ids])


@dataclass(frozen=True, eq=False)
class Quantized(Matrix):
    """A matrix by product quantisation (Jégou et al. 2011): each part of a row is one of 256.

    Attributes:
        codes: For each row and part, which centroid it is: `[N, parts]`, uint8.
        centroids: The centroids of each part, one part behind the other, as in the file:
            `[256 * width]`, float32.
        part_width: The width of a part. The last one may be narrower.
        width: The width of a row.
        norm_codes: For each row, which of `norms` it's to be multiplied by: `[N]`, uint8; None for none.
        norms: `[256]`, float32; None for none.
    """

    codes: NDArray[np.uint8]
    centroids: NDArray[np.float32]
    part_width: int
    width: int
    norm_codes: NDArray[np.uint8] | None = None
    norms: NDArray[np.float32] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """The number of rows, and their width."""
        return len(self.codes), self.width

    def rows(self, ids: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return some rows, `[len(ids), width]`, put together from the centroids."""
        codes = self.codes[ids]
        found = np.empty((len(ids), self.width), dtype=np.float32)
        for part, start in enumerate(range(0, self.width, self.part_width)):
            end = min(start + self.part_width, self.width)
            table = self.centroids[start * CENTROIDS : end * CENTROIDS]
            found[:, start:end] = table.reshape(CENTROIDS, end - start)[codes[:, part]]
        if self.norms is not None and self.norm_codes is not None:
            found *= self.norms[self.norm_codes[ids]][:, None]
        return found

    def take(self, ids: NDArray[np.intp]) -> "Quantized":
        """Return a matrix of some rows, with the same centroids."""
        norm_codes = None if self.norm_codes is None else self.norm_codes[ids]
        return Quantized(
            self.codes[ids], self.centroids, self.part_width, self.width, norm_codes, self.norms
        )

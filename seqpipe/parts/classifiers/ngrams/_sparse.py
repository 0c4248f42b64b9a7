"""Sparse matrices as the linear model needs them: counts of few columns per row, and products."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, eq=False)
class Sparse:
    """A sparse matrix in order of its rows.

    Attributes:
        rows: The row of each value, ascending, int32.
        columns: The column of each value, int32. No place occurs twice.
        values: The values, float32.
        shape: The numbers of rows and columns.
    """

    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    values: NDArray[np.float32]
    shape: tuple[int, int]

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """Where each row begins, and the end: `[rows + 1]`."""
        counts = np.bincount(self.rows, minlength=self.shape[0])
        return np.concatenate([[0], np.cumsum(counts)])

    def with_values(self, values: NDArray[np.floating]) -> "Sparse":
        """Return one with other values in the same places."""
        return Sparse(self.rows, self.columns, values.astype(np.float32), self.shape)

    def column_counts(self) -> NDArray[np.int64]:
        """Return in how many rows each column has a value."""
        return np.bincount(self.columns, minlength=self.shape[1])

    def keep_columns(self, kept: NDArray[np.bool_]) -> "Sparse":
        """Return one of some of the columns."""
        places = np.cumsum(kept, dtype=np.int32) - np.int32(1)
        there = kept[self.columns]
        shape = (self.shape[0], int(kept.sum()))
        columns = places[self.columns[there]]
        return Sparse(self.rows[there], columns, self.values[there], shape)

    def normalised(self) -> "Sparse":
        """Return it with rows of length 1; those of zeros stay."""
        squares = self.values.astype(np.float64) ** 2
        lengths = np.sqrt(np.bincount(self.rows, squares, minlength=self.shape[0]))
        lengths[lengths == 0] = 1.0
        return self.with_values(self.values / lengths[self.rows])

    def transposed(self) -> "Sparse":
        """Return its transpose."""
        order = np.argsort(self.columns, kind="stable")
        rows, columns = self.columns[order], self.rows[order]
        return Sparse(rows, columns, self.values[order], (self.shape[1], self.shape[0]))

    def product(self) -> "Product":
        """Return what multiplies dense matrices by it."""
        return Product(self.columns, self.offsets, self.values)


class Product:
    """Multiplies dense matrices by a sparse one from the left.

    Args:
        columns: The column of each value, row by row.
        offsets: Where each row begins, and the end.
        values: The values.
    """

    def __init__(
        self,
        columns: NDArray[np.int32],
        offsets: NDArray[np.int64],
        values: NDArray[np.float32],
    ) -> None:
        self._places = torch.from_numpy(columns)
        self._offsets = torch.from_numpy(offsets.astype(np.int32))
        self._values = torch.from_numpy(values)

    def __call__(self, dense: Tensor) -> Tensor:
        """Return `[rows, L]` for `[columns, L]`. A row's result doesn't depend on the other rows."""
        # Unlike torch's sparse matrices it's there on every platform, and as fast.
        return functional.embedding_bag(
            self._places,
            dense,
            self._offsets,
            mode="sum",
            per_sample_weights=self._values,
            include_last_offset=True,
        )


def count_pairs(
    rows: NDArray[np.integer], columns: NDArray[np.integer], shape: tuple[int, int]
) -> Sparse:
    """Return how often each pair of a row and a column occurs."""
    keys, counts = np.unique(rows.astype(np.int64) * shape[1] + columns, return_counts=True)
    return Sparse(
        (keys // shape[1]).astype(np.int32),
        (keys % shape[1]).astype(np.int32),
        counts.astype(np.float32),
        shape,
    )


def beside(parts: Sequence[Sparse]) -> Sparse:
    """Put matrices of the same rows beside each other."""
    widths = [part.shape[1] for part in parts]
    starts = np.concatenate([[0], np.cumsum(widths)]).astype(np.int32)
    rows = np.concatenate([part.rows for part in parts])
    columns = np.concatenate([p.columns + s for p, s in zip(parts, starts, strict=False)])
    order = np.argsort(rows, kind="stable")
    values = np.concatenate([part.values for part in parts])
    return Sparse(rows[order], columns[order], values[order], (parts[0].shape[0], int(starts[-1])))


def below(parts: Sequence[Sparse]) -> Sparse:
    """Put matrices of the same columns below each other."""
    heights = [part.shape[0] for part in parts]
    starts = np.concatenate([[0], np.cumsum(heights)]).astype(np.int32)
    return Sparse(
        np.concatenate([p.rows + s for p, s in zip(parts, starts, strict=False)]),
        np.concatenate([part.columns for part in parts]),
        np.concatenate([part.values for part in parts]),
        (int(starts[-1]), parts[0].shape[1]),
    )

"""The rows that the slices of a round have copied, all of them in one tensor, and what becomes of the tables at its end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

#: From the numbers of rows, `[N]`, to the rows, `[N, width]`.
Gather: TypeAlias = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Copies:
    """Copies of rows, in the order of the slices, and of their numbers within a slice.

    Attributes:
        owner: Whose each is, `[N]`, int64.
        row: Of what, `[N]`, int64.
        before: As it was, `[N, width]`.
        now: As the slice has it, likewise.
        updates: How often the slice has changed it, `[N]`, float32.
    """

    owner: Tensor
    row: Tensor
    before: Tensor
    now: Tensor
    updates: Tensor

    @classmethod
    def of(cls, numbers: Tensor, count: int, gather: Gather) -> tuple["Copies", Tensor]:
        """Copy rows, those that a slice names twice once; return them, and where in them each is.

        Args:
            numbers: What each slice needs, `[slices, n]`, int64.
            count: Numbers are below that.
            gather: Makes rows of numbers.
        """
        slices = torch.arange(len(numbers), device=numbers.device)[:, None]
        keys, places = torch.unique(slices * count + numbers, return_inverse=True)
        row = keys % count
        before = gather(row)
        updates = torch.zeros(len(keys), device=keys.device)
        owner = torch.div(keys, count, rounding_mode="floor")
        return cls(owner, row, before, before.clone(), updates), places

    def count(self, places: Tensor, updates: Tensor) -> None:
        """Count what will be changed."""
        self.updates.index_add_(0, places.flatten(), updates.flatten())

    def reset(self, is_wanted: Tensor) -> None:
        """Forget what some slices did, `[slices]`."""
        self.now[:] = torch.where(is_wanted[self.owner][:, None], self.before, self.now)

    def drop(self, is_wanted: Tensor) -> None:
        """Forget that some slices copied anything."""
        self.reset(is_wanted)
        self.updates[is_wanted[self.owner]] = 0

    def unbounded(self, slices: int, longest: float) -> Tensor:
        """Return which slices have a row that became too long, or isn't a number, `[slices]`."""
        length, earlier = self.now.square().sum(dim=1), self.before.square().sum(dim=1)
        # Both are false for NaN. One that has come out of a round too long may become shorter.
        is_bounded = (length <= longest**2) | (length <= earlier)
        found = torch.zeros(slices, device=self.now.device)
        return found.index_add_(0, self.owner, (~is_bounded).float()) > 0

    def some(self, is_wanted: Tensor) -> "Copies":
        """Return some of them, `[N]`."""
        every = (self.owner, self.row, self.before, self.now, self.updates)
        return Copies(*(each[is_wanted] for each in every))


def merge(
    table: Tensor, rows: Tensor, changes: Tensor, updates: Tensor, settled: float, moves: Tensor
) -> None:
    """Add up what the slices of a round did to the rows of a table.

    Those of a row that's updated seldom are added. Those of one that's updated often are scaled down, but not below their mean.

    Args:
        table: It, `[R, width]`.
        rows: Which rows are changed, a row once for each slice, `[N]`.
        changes: By what, `[N, width]`.
        updates: How often, `[N]`.
        settled: From how many updates on changes are scaled.
        moves: 1 for rows that may change, 0 for others, `[R]`.
    """
    sums = torch.zeros(len(table), device=table.device).index_add_(0, rows, updates)
    copies = torch.zeros_like(sums).index_add_(0, rows, torch.ones_like(updates))
    scaled = torch.maximum(settled / sums[rows], 1 / copies[rows])
    share = torch.where(sums[rows] > settled, scaled, 1.0) * moves[rows]
    table.index_add_(0, rows, share[:, None] * changes)


def pieces(count: int, size: int) -> Iterator[slice]:
    """Yield parts of so many things."""
    for first in range(0, count, size):
        yield slice(first, min(count, first + size))

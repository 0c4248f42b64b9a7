"""Orders in which a recurrent network can walk through a batch of ragged sequences."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Packing:
    """A batch rearranged by time: all first steps, then all second steps, and so on.

    Within a step the longest sequence comes first, so that the sequences still running at any step
    are the first rows of the step before. No row is padding.

    Attributes:
        order: `[N]`, the row of the flat batch that stands at each place.
        inverse: `[N]`, the place at which each row of the flat batch stands.
        sizes: How many sequences have a step t, for each t.
    """

    order: Tensor
    inverse: Tensor
    sizes: list[int]


def pack(lengths: Tensor, *, reverse: bool = False) -> Packing:
    """Arrange a flat batch by time; in reverse, each sequence begins with its own last row.

    Args:
        lengths: `[B]`, int64, on the CPU; 0 is allowed.
        reverse: Whether to walk from the end of each sequence to its beginning.
    """
    count = len(lengths)
    rank = torch.empty_like(lengths)
    rank[torch.argsort(lengths, descending=True, stable=True)] = torch.arange(count)
    sequence, time = _steps(lengths, reverse=reverse)
    order = torch.argsort(time * count + rank[sequence])
    inverse = torch.empty_like(order)
    inverse[order] = torch.arange(len(order))
    return Packing(order, inverse, torch.bincount(time).tolist())


def _steps(lengths: Tensor, *, reverse: bool) -> tuple[Tensor, Tensor]:
    """Return, for each row of the flat batch, its sequence and its step."""
    sequence = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
    time = torch.arange(len(sequence)) - (lengths.cumsum(0) - lengths)[sequence]
    return sequence, lengths[sequence] - 1 - time if reverse else time

"""Cuts ragged sequences into windows of equally many steps."""

import torch
from torch import Tensor


class Windows:
    """The windows of a batch: all sequences' first steps, then all sequences' next ones, and so on.

    Args:
        lengths: `[B]`, int64, on the CPU.
        steps: The steps in a window.
        reverse: Whether a sequence's first steps are its last rows.

    Attributes:
        lengths: For each window, how many rows of it each sequence has: `[B]`.
        sizes: How many rows each window has.
        rows: `[N]`, the rows of the batch, window by window, and sequence by sequence in each.
    """

    def __init__(self, lengths: Tensor, steps: int, *, reverse: bool) -> None:
        starts = lengths.cumsum(0) - lengths
        before = range(0, int(lengths.max()), steps)
        self.lengths = [(lengths - done).clamp(0, steps) for done in before]
        self.sizes = [int(each.sum()) for each in self.lengths]
        firsts = (
            starts + (lengths - done - count if reverse else done)
            for done, count in zip(before, self.lengths, strict=True)
        )
        self.rows = torch.cat(list(map(_ranges, firsts, self.lengths)))


def _ranges(firsts: Tensor, counts: Tensor) -> Tensor:
    """Return runs of numbers, one behind the other: `counts[i]` from `firsts[i]` on."""
    starts = counts.cumsum(0) - counts
    return (firsts - starts).repeat_interleave(counts) + torch.arange(
        int(counts.sum()), device="cpu"
    )

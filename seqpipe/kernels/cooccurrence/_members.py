"""Words that consist of rows of a table: their means, and which rows their changes go to."""

import numpy as np
import torch
from torch import Tensor

from seqpipe.native import Members


class MembersOnDevice:
    """What words consist of, on a device; and behind the last word one that has a row of zeros.

    Args:
        members: What words consist of.
        zeros: The number of that row.
        device: Where.
    """

    def __init__(self, members: Members, zeros: int, device: torch.device) -> None:
        rows = np.append(members.rows, np.int32(zeros)).astype(np.int64)
        self._rows = torch.from_numpy(rows).to(device)
        starts = torch.from_numpy(np.append(members.starts, len(rows))).to(device)
        self._starts, self.counts = starts[:-1], starts.diff()

    def of(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rows of some words, one word's behind another's, and to which of the words each belongs."""
        counts = self.counts[words]
        owners = torch.repeat_interleave(torch.arange(len(words), device=words.device), counts)
        ranks = torch.arange(len(owners), device=words.device) - (counts.cumsum(0) - counts)[owners]
        return self._rows[self._starts[words][owners] + ranks], owners

    def means(self, table: Tensor, words: Tensor) -> Tensor:
        """Return the mean of the rows of each of some words."""
        rows, owners = self.of(words)
        sums = torch.zeros(len(words), table.shape[1], device=table.device)
        sums.index_add_(0, owners, table[rows])
        return sums * (1 / self.counts[words])[:, None]

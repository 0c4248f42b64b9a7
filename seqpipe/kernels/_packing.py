"""Orders in which a recurrent network can walk through a batch of ragged sequences."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
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
    counts = _counts(lengths)
    sequence = np.repeat(np.arange(len(counts)), counts)
    time = np.arange(len(sequence)) - (counts.cumsum() - counts)[sequence]
    time = counts[sequence] - 1 - time if reverse else time
    ranks = np.argsort(np.argsort(-counts, kind="stable"))
    order = np.lexsort((ranks[sequence], time))
    sizes: list[int] = np.bincount(time).tolist()
    return Packing(torch.from_numpy(order), torch.from_numpy(np.argsort(order)), sizes)


def rank(lengths: Tensor) -> Tensor:
    """Return the sequences, the longest first: `[B]`."""
    return torch.from_numpy(np.argsort(-_counts(lengths), kind="stable"))


def _counts(lengths: Tensor) -> npt.NDArray[np.int64]:
    """Return lengths for NumPy, for which neither torch's default device nor what records its operations matters.

    `Tensor.numpy` refuses within transforms of `torch.func`.
    """
    return np.array(lengths.tolist(), dtype=np.int64)

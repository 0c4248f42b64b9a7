"""Memory for what doesn't outlive a call, kept for the next one."""

import math
import threading
from typing import Final

import torch
from torch import Tensor

# What's kept at most, for each thread.
_BYTES: Final = 64 * 2**20


class Scratch(threading.local):
    """Makes tensors whose memory is used again: a system takes long to give and to clear new memory.

    At the largest shape of the benchmark that's a tenth of a training step. Each thread has its own.
    """

    def __init__(self) -> None:
        self._kept = torch.empty(0, dtype=torch.uint8, device="cpu")

    def take(self, like: Tensor, *shapes: tuple[int, ...]) -> list[Tensor]:
        """Return tensors of the dtype of `like`, on the CPU, not set, good until the next call.

        What's more than 64 MB in all isn't kept, and is good for ever.
        """
        sizes = [math.prod(shape) for shape in shapes]
        size = like.element_size() * sum(sizes)
        if size > _BYTES:
            return [like.new_empty(shape) for shape in shapes]
        if self._kept.numel() < size:
            self._kept = torch.empty(size, dtype=torch.uint8, device="cpu")
        whole = self._kept[:size].view(like.dtype)
        return [
            part.view(shape) for part, shape in zip(torch.split(whole, sizes), shapes, strict=True)
        ]

"""How a walk is divided among the blocks of a GPU."""

from dataclasses import dataclass, replace
from typing import Final, Literal

import torch

from seqpipe.kernels._recurrence import Recurrence

#: Whether blocks that share a batch wait for each other within one launch, rather than between launches.
#: It compiles but has never run on a GPU, and blocks that aren't all at work at once would wait forever.
_BARRIER: Final = False

# Shared memory that products need beside the weights.
_SCRATCH: Final = 16 * 1024
# What all GPUs have that are taken; the interpreter has no limit of its own.
_LEAST_SHARED: Final = 96 * 1024


@dataclass(frozen=True)
class Limits:
    """What one block takes on.

    Attributes:
        resident: How many bytes of weights stay on the chip during a walk; None for as many as the GPU has room for.
        widest: The greatest width that one block takes alone where its weights aren't resident.
        units: The width of a block where several share a batch, a power of two and at least 16.
        sequences: How many sequences a block takes, a power of two and at least 16.
        barrier: Whether blocks that share a batch wait for each other within one launch.
    """

    resident: int | None = None
    widest: int = 128
    units: int = 64
    sequences: int = 16
    barrier: bool = _BARRIER


@dataclass(frozen=True)
class Form:
    """How a walk is divided among blocks.

    Attributes:
        resident: Whether one block has all units, with the weights and the hidden state on the chip.
        units: The width of a block.
        blocks: How many blocks share the width.
        sync: What waits between two steps: a block's threads, the blocks of a batch, or nothing.
        alone: Whether one launch does all steps.
        exact: Whether products are of exact float32.
    """

    resident: bool
    units: int
    blocks: int
    sync: Literal["none", "block", "grid"]
    alone: bool
    exact: bool

    @property
    def depth(self) -> int:
        """How many columns of a weight are read at a time where it isn't resident."""
        return 16 if self.exact else 32

    @property
    def warps(self) -> int:
        """How many warps a block has, so that its registers hold what it works on."""
        return min(16, max(4, self.units // (8 if self.exact else 16)))

    @property
    def stages(self) -> int:
        """How many steps ahead loads run.

        Ahead of the time's steps they mustn't, as those read what the step before has written.
        """
        return 1 if self.alone else 3


def choose_form(
    recurrence: Recurrence,
    width: int,
    groups: int,
    dtype: torch.dtype,
    device: torch.device,
    limits: Limits,
) -> Form:
    """Choose how to divide a walk.

    Args:
        recurrence: The traced step.
        width: The cell's width.
        groups: How many blocks share the batch.
        dtype: The type of numbers.
        device: Where it runs.
        limits: What one block takes on.
    """
    exact = dtype == torch.float32 and not _allows_tf32()
    padded = max(16, 1 << (width - 1).bit_length())
    units = min(padded, limits.units)
    blocks = -(-width // units)
    products = len(recurrence.sizes.recurrent)
    room = _room(device) if limits.resident is None else limits.resident
    if products == 0:
        # Units that don't see each other needn't wait for each other.
        return Form(True, units, blocks, "none", True, exact)
    if products * padded * padded * dtype.itemsize <= room:
        return Form(True, padded, 1, "none", True, exact)
    if padded <= limits.widest:
        return Form(False, padded, 1, "block", True, exact)
    apart = Form(False, units, blocks, "none", False, exact)
    if limits.barrier and groups * blocks <= _processors(device):
        return replace(apart, sync="grid", alone=True)
    return apart


def _room(device: torch.device) -> int:
    """Return how many bytes of weights a block can keep."""
    if device.type != "cuda":
        return _LEAST_SHARED - _SCRATCH
    properties = torch.cuda.get_device_properties(device)
    return int(getattr(properties, "shared_memory_per_block_optin", _LEAST_SHARED)) - _SCRATCH


def _processors(device: torch.device) -> int:
    """Return how many blocks are at work at once for certain; the interpreter runs one by one."""
    if device.type != "cuda":
        return 1
    return int(torch.cuda.get_device_properties(device).multi_processor_count)


def _allows_tf32() -> bool:
    # To read `allow_tf32` is an error once somebody has set this one.
    return bool(torch.backends.cuda.matmul.fp32_precision == "tf32")

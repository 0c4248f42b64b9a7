"""How a walk is divided among the blocks of a GPU."""

import functools
from dataclasses import dataclass
from typing import Final, Literal

import torch

# Shared memory that a block needs beside weights, states and gradients.
_SCRATCH: Final = 8 * 1024
# What all GPUs have that are taken; the interpreter has no limit of its own.
_LEAST_SHARED: Final = 96 * 1024
# So many bytes of weights one block multiplies as fast as several do that have to wait for each other.
_SMALL: Final = 32 * 1024


@dataclass(frozen=True)
class Limits:
    """What one block takes on.

    Attributes:
        whole: How many bytes of shared memory a block fills that has all units; None for as many as there are.
        shared: How many a block fills that shares the width with others; None for as many as there are.
        units: The widths of such blocks, powers of two and at least 8, the quickest first.
        sequences: How many sequences a block takes, a power of two and at least 16.
    """

    whole: int | None = None
    shared: int | None = None
    units: tuple[int, ...] = (16, 32, 64, 8)
    sequences: int = 16


@dataclass(frozen=True)
class Form:
    """How a walk is divided among blocks.

    Attributes:
        name: "whole" if one block has all units, with the weights and the hidden state on the chip, or if units don't
            see each other; "shared" if blocks keep the weights of their units and wait for the states of others;
            "stepwise" if a launch does one step and reads the weights.
        units: The width of a block.
        blocks: How many blocks share the width.
        depth: How much of the inner dimension of a product one part has in the form "shared", and how much is read at a
            time in "stepwise".
        parts: Into how many parts the inner dimension is cut, each for a warp; 1 unless it's "shared".
        warps: How many warps a block has.
        groups: How many groups of sequences a launch takes at most; None for all.
    """

    name: Literal["whole", "shared", "stepwise"]
    units: int
    blocks: int
    depth: int
    parts: int
    warps: int
    groups: int | None = None

    @property
    def alone(self) -> bool:
        """Whether one launch does all steps."""
        return self.name != "stepwise"

    @property
    def stages(self) -> int:
        """How many steps ahead loads run.

        Ahead of the time's steps they mustn't, as those read what the step before has written.
        """
        return 1 if self.alone else 3


@functools.lru_cache(maxsize=256)
def choose_form(
    products: int,
    width: int,
    groups: int,
    dtype: torch.dtype,
    device: torch.device,
    limits: Limits,
) -> Form:
    """Choose how to divide a walk, by what was measured on one kind of GPU; see docs/decisions/0021.

    Args:
        products: How many products of the hidden state a step takes.
        width: The cell's width.
        groups: Into how many groups of `limits.sequences` the batch is cut.
        dtype: The type of numbers.
        device: Where it runs.
        limits: What one block takes on.
    """
    padded = max(16, 1 << (width - 1).bit_length())
    if products == 0:
        # Units that don't see each other needn't wait for each other.
        units = min(padded, 64)
        return Form("whole", units, -(-width // units), 16, 1, 4)
    whole = _whole(products, padded, dtype, device, limits)
    if whole and products * padded * padded * dtype.itemsize <= _SMALL:
        return whole
    shared = _shared(products, width, padded, dtype, device, limits)
    at_once = [form for form in shared if groups * form.blocks <= _processors(device)]
    if at_once:
        return at_once[0]
    if whole:
        return whole
    if shared:
        return min(shared, key=lambda form: form.blocks)
    units = min(padded, 64)
    return Form("stepwise", units, -(-width // units), 32, 1, 4)


def _whole(
    products: int, padded: int, dtype: torch.dtype, device: torch.device, limits: Limits
) -> Form | None:
    weights = products * padded * padded * dtype.itemsize
    # In float32 what's multiplied is laid out twice.
    taken = weights * (dtype.itemsize // 2)
    if taken > (_room(device) if limits.whole is None else limits.whole):
        return None
    return Form("whole", padded, 1, 16, 1, 16 if weights > 64 * 1024 else 8)


def _shared(
    products: int,
    width: int,
    padded: int,
    dtype: torch.dtype,
    device: torch.device,
    limits: Limits,
) -> list[Form]:
    """List the forms in which blocks share the width, the quickest first."""
    room = _room(device) if limits.shared is None else limits.shared
    forms = []
    for units in limits.units:
        blocks = -(-width // units)
        weights = products * padded * units * dtype.itemsize
        if dtype.itemsize == 2:
            # On the way back the gradients of all products lie beside the weights.
            taken = weights + products * padded * limits.sequences * dtype.itemsize
        else:
            # On the way forth weights and states do, each laid out twice; what's multiplied on the way back is in registers.
            taken = 2 * (weights + padded * limits.sequences * dtype.itemsize)
        if units <= padded and taken <= room and blocks <= _processors(device):
            many = dtype.itemsize > 2 or weights > 64 * 1024
            parts = min(8 if many else 4, padded // 16)
            groups = _processors(device) // blocks
            forms.append(Form("shared", units, blocks, padded // parts, parts, parts, groups))
    return forms


def _room(device: torch.device) -> int:
    """Return how many bytes of shared memory a block can fill."""
    if device.type != "cuda":
        return _LEAST_SHARED - _SCRATCH
    properties = torch.cuda.get_device_properties(device)
    return int(getattr(properties, "shared_memory_per_block_optin", _LEAST_SHARED)) - _SCRATCH


def _processors(device: torch.device) -> int:
    """Return how many blocks are at work at once for certain; the interpreter runs one by one."""
    if device.type != "cuda":
        return 1
    return int(torch.cuda.get_device_properties(device).multi_processor_count)

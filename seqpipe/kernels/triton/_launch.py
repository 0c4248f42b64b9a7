"""Launch configurations: how a pass is divided among the blocks of a GPU."""

import functools
from dataclasses import dataclass
from typing import Final, Literal

import torch

# Bytes of shared memory that a block needs beside weights, states and gradients.
_RESERVED_BYTES: Final = 8 * 1024
# The shared memory of any supported GPU; the interpreter has no limit of its own.
_MIN_SHARED_MEMORY: Final = 96 * 1024
# Up to so many bytes of weights, one block is as fast as several that have to wait for each other.
_MAX_SINGLE_BLOCK_BYTES: Final = 32 * 1024


@dataclass(frozen=True)
class Limits:
    """How much one block may compute.

    Attributes:
        whole: The most bytes of shared memory for a block that has all units; None for as many as there are.
        shared: The most bytes for a block that shares the width with others; None for as many as there are.
        units: The widths of such blocks, powers of two and at least 8, the fastest first.
        sequences: How many sequences a block computes, a power of two and at least 16.
    """

    whole: int | None = None
    shared: int | None = None
    units: tuple[int, ...] = (16, 32, 64, 8)
    sequences: int = 16


@dataclass(frozen=True)
class LaunchConfig:
    """How a pass is divided among blocks.

    Attributes:
        mode: "whole" if one block has all units, with the weights and the hidden state on the chip, or if units are
            independent; "shared" if blocks keep the weights of their units and wait for the states of others;
            "stepwise" if a launch computes one time step and reads the weights.
        units: The width of a block.
        blocks: How many blocks share the width.
        depth: In the mode "shared", how much of the inner dimension of a product one part has; in "stepwise", how much
            is read at a time.
        parts: Into how many parts the inner dimension is split, each for a warp; 1 unless the mode is "shared".
        warps: How many warps a block has.
        groups: The most groups of sequences in a launch; None for all.
    """

    mode: Literal["whole", "shared", "stepwise"]
    units: int
    blocks: int
    depth: int
    parts: int
    warps: int
    groups: int | None = None

    @property
    def is_single_launch(self) -> bool:
        """Whether one launch computes all time steps."""
        return self.mode != "stepwise"

    @property
    def stages(self) -> int:
        """The depth of Triton's software pipelining.

        Across time steps there must be none, as each reads what the step before has written.
        """
        return 1 if self.is_single_launch else 3


@functools.lru_cache(maxsize=256)
def choose_config(
    products: int,
    width: int,
    groups: int,
    dtype: torch.dtype,
    device: torch.device,
    limits: Limits,
) -> LaunchConfig:
    """Choose a launch configuration, by measurements on one kind of GPU; see docs/decisions/0021.

    Args:
        products: How many products of the hidden state a step takes.
        width: The cell's width.
        groups: Into how many groups of `limits.sequences` the batch is split.
        dtype: The tensors' dtype.
        device: The tensors' device.
        limits: How much one block may compute.
    """
    padded = max(16, 1 << (width - 1).bit_length())
    if products == 0:
        # Independent units needn't wait for each other.
        units = min(padded, 64)
        return LaunchConfig("whole", units, -(-width // units), 16, 1, 4)
    whole = _whole(products, padded, dtype, device, limits)
    if whole and products * padded * padded * dtype.itemsize <= _MAX_SINGLE_BLOCK_BYTES:
        return whole
    shared = _shared(products, width, padded, dtype, device, limits)
    at_once = [config for config in shared if groups * config.blocks <= _processors(device)]
    if at_once:
        return at_once[0]
    if whole:
        return whole
    if shared:
        return min(shared, key=lambda config: config.blocks)
    units = min(padded, 64)
    return LaunchConfig("stepwise", units, -(-width // units), 32, 1, 4)


def _whole(
    products: int, padded: int, dtype: torch.dtype, device: torch.device, limits: Limits
) -> LaunchConfig | None:
    weights = products * padded * padded * dtype.itemsize
    # In float32 the operands of products are stored twice.
    taken = weights * (dtype.itemsize // 2)
    if taken > (_available_memory(device) if limits.whole is None else limits.whole):
        return None
    return LaunchConfig("whole", padded, 1, 16, 1, 16 if weights > 64 * 1024 else 8)


def _shared(
    products: int,
    width: int,
    padded: int,
    dtype: torch.dtype,
    device: torch.device,
    limits: Limits,
) -> list[LaunchConfig]:
    """List the configurations in which blocks share the width, the fastest first."""
    available = _available_memory(device) if limits.shared is None else limits.shared
    configs = []
    for units in limits.units:
        blocks = -(-width // units)
        weights = products * padded * units * dtype.itemsize
        if dtype.itemsize == 2:
            # In the backward pass the gradients of all products are stored beside the weights.
            taken = weights + products * padded * limits.sequences * dtype.itemsize
        else:
            # In the forward pass weights and states are, each twice; the backward pass has its operands in registers.
            taken = 2 * (weights + padded * limits.sequences * dtype.itemsize)
        if units <= padded and taken <= available and blocks <= _processors(device):
            many = dtype.itemsize > 2 or weights > 64 * 1024
            parts = min(8 if many else 4, padded // 16)
            groups = _processors(device) // blocks
            configs.append(
                LaunchConfig("shared", units, blocks, padded // parts, parts, parts, groups)
            )
    return configs


def _available_memory(device: torch.device) -> int:
    """Return how many bytes of shared memory a block can use."""
    if device.type != "cuda":
        return _MIN_SHARED_MEMORY - _RESERVED_BYTES
    properties = torch.cuda.get_device_properties(device)
    return (
        int(getattr(properties, "shared_memory_per_block_optin", _MIN_SHARED_MEMORY))
        - _RESERVED_BYTES
    )


def _processors(device: torch.device) -> int:
    """Return how many blocks are certain to be resident at once; the interpreter runs one by one."""
    if device.type != "cuda":
        return 1
    return int(torch.cuda.get_device_properties(device).multi_processor_count)

"""The engine for GPUs: kernels in Triton's language, generated for each cell."""

import contextlib
import functools
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final, Literal

import torch
from torch import Tensor

from seqpipe.kernels._engine import Engine, ForwardResult, Gradients, Job, Saved
from seqpipe.kernels.ir._recurrence import Recurrence
from seqpipe.kernels.triton._render import load_module, render_triton

_DTYPES: Final = (torch.float32, torch.bfloat16, torch.float16)
# The first generation with bfloat16 matrix products.
_MIN_CAPABILITY: Final = (8, 0)
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


_LIMITS: Final = Limits()


class Triton(Engine):
    """Runs a recurrence on a GPU, in float32, bfloat16 or float16; sums and elementwise maths in float32.

    Use it only where `supports` returns None.

    Args:
        limits: How much one block may compute.
    """

    name = "triton"

    def __init__(self, limits: Limits = _LIMITS) -> None:
        self.limits = limits

    def forward(self, job: Job, gates: Tensor, *, save: bool = True) -> ForwardResult:
        """See `Engine.forward`."""
        launch = _Launch(job, gates, self.limits)
        gates = gates.contiguous()
        separate = gates.new_empty(len(gates), len(job.recurrence.separate) * job.width)
        states = gates.new_empty(job.recurrence.sizes.states, len(gates), job.width)
        if launch.config.mode == "shared":
            _blank(states[0])
        # Empty sequences keep their initial states.
        last_states = job.initial.clone(memory_format=torch.contiguous_format)
        tensors = {
            **{"gates": gates, "separate": separate, "states": states, "last_states": last_states},
            **_contiguous(input_bias=job.input_bias, bias=job.bias),
        }
        for first, last in launch.ranges():
            launch.run("forward", tensors, first, last, HAS_BIAS=job.bias is not None)
        # A copy, so that outputs may be changed in place, and holding them doesn't keep all states alive.
        outputs = states[0].clone()
        return ForwardResult(outputs, last_states, Saved(gates, separate, states) if save else None)

    def backward(self, job: Job, saved: Saved, outputs: Tensor, final: Tensor) -> Gradients:
        """See `Engine.backward`."""
        launch = _Launch(job, saved.gates, self.limits)
        sizes = job.recurrence.sizes
        gates = torch.empty_like(saved.gates, memory_format=torch.contiguous_format)
        same = job.recurrence.shares_gradients
        recurrent = gates if same else gates.new_empty(len(gates), len(job.weight))
        if launch.config.mode == "shared":
            _blank(recurrent)
        sums = None
        if sizes.parameters:
            shape = launch.groups, sizes.parameters, job.width
            sums = gates.new_zeros(shape, dtype=torch.float32)
        hidden = torch.empty_like(saved.states[0]) if sizes.recurrent else None
        carried = final.to(torch.float32, memory_format=torch.contiguous_format, copy=True)
        tensors = {
            **_contiguous(**saved._asdict(), d_outputs=outputs, d_gates=gates),
            **{"d_recurrent": recurrent, "d_parameters": sums, "hidden": hidden},
            **{"carried": carried},
        }
        _run_backward(launch, tensors, job.clip)
        parameters = None if sums is None else sums.sum(0).to(gates.dtype)
        return Gradients(gates, recurrent, parameters, carried.to(gates.dtype), hidden=hidden)


def _run_backward(
    launch: "_Launch", tensors: Mapping[str, Tensor | None], clip: float | None
) -> None:
    is_single_launch, bound = (
        launch.config.is_single_launch,
        {"clip": float(clip or 0), "HAS_CLIP": clip is not None},
    )
    for first, last in reversed(launch.ranges()):
        launch.run("backward", tensors, first, last, FINISH=is_single_launch, **bound)
    if not is_single_launch:
        # The gradient through the products of the first step, once all blocks have computed that.
        launch.run("backward", tensors, 0, 0, FINISH=True, **bound)


def supports(dtype: torch.dtype, device: torch.device) -> str | None:
    """Say why the engine can't run a recurrence, or return None if it can; any step and width is supported.

    Args:
        dtype: The dtype of all tensors.
        device: Where the tensors are.
    """
    if not _is_installed():
        return "Triton isn't installed"
    if dtype not in _DTYPES:
        return f"there's no Triton kernel for {str(dtype).removeprefix('torch.')}"
    if _is_interpreted():
        return None
    if device.type != "cuda" or torch.version.hip is not None:
        return "the Triton kernels are for NVIDIA's GPUs"
    if torch.cuda.get_device_capability(device) < _MIN_CAPABILITY:
        return "the GPU is older than compute capability 8.0, which the Triton kernels need"
    return None


@functools.cache
def _is_installed() -> bool:
    return importlib.util.find_spec("triton") is not None


def _is_interpreted() -> bool:
    """Say whether Triton's interpreter is enabled in the environment, and stands in for a GPU."""
    from triton import knobs

    return bool(knobs.runtime.interpret)


def _module(recurrence: Recurrence) -> ModuleType:
    module: ModuleType | None = recurrence.cache.get(Triton.name)
    if module is None:
        module = recurrence.cache[Triton.name] = load_module(render_triton(recurrence))
    return module


class _Launch:
    """Launches the kernels of one pass."""

    def __init__(self, job: Job, gates: Tensor, limits: Limits) -> None:
        dtype, self.device = gates.dtype, gates.device
        self.module = _module(job.recurrence)
        # NumPy is faster than torch for arrays as small as this.
        self.counts = job.layout.table.numpy()[1]
        self.sequences = limits.sequences
        self.groups = -(-len(self.counts) // limits.sequences)
        products = len(job.recurrence.sizes.recurrent)
        self.config = choose_config(products, job.width, self.groups, dtype, self.device, limits)
        start, length, place = job.layout.table_on(self.device)
        self.given: dict[str, Any] = {
            **{"start": start, "length": length, "place": place},
            **_contiguous(weight=job.weight, parameters=job.parameters, mask=job.mask),
            **_contiguous(noises=job.noises, initial=job.initial),
            **{"sequences": len(self.counts), "rows": job.layout.rows},
            **self._constants(job, dtype),
        }

    def _constants(self, job: Job, dtype: torch.dtype) -> dict[str, Any]:
        """Return the compile-time constants of a kernel."""
        config = self.config
        return {
            **{"WIDTH": job.width, "BLOCK_B": self.sequences, "BLOCK_W": config.units},
            **{"BLOCK_K": config.depth, "PARTS": config.parts, "MODE": config.mode},
            **{"REVERSE": job.layout.reverse, "HAS_MASK": job.mask is not None},
            **{
                "PRODUCT": _product_type(dtype),
                "PRECISION": "tf32" if _allows_tf32() else "tf32x3",
            },
            # Triton warns unless it's said whether a product and a sum may be fused.
            **{"num_warps": config.warps, "num_stages": config.stages, "enable_fp_fusion": True},
            # All blocks that wait for each other must be resident at once.
            **{"launch_cooperative_grid": config.mode == "shared"},
        }

    def ranges(self) -> list[tuple[int, int]]:
        """Return the first and the last step, exclusive, of each launch."""
        longest = int(self.counts[0]) if self.groups else 0
        if self.config.is_single_launch:
            return [(0, longest)] if longest else []
        return [(step, step + 1) for step in range(longest)]

    def run(
        self, name: str, tensors: Mapping[str, Tensor | None], first: int, last: int, **others: Any
    ) -> None:
        """Launch a kernel for some time steps of the sequences that have them."""
        # The longest sequences come first, so the groups that still run do too.
        groups = -(-int((self.counts > first).sum()) // self.sequences)
        at_once = self.config.groups or max(groups, 1)
        kernel = getattr(self.module, name)
        with _on(self.device):
            for group in range(0, groups, at_once):
                kernel[min(at_once, groups - group), self.config.blocks](
                    **{**self.given, **tensors, **others},
                    **{"first_step": first, "last_step": last, "first_group": group},
                )


def _on(device: torch.device) -> Any:
    """Make a device the current one, if it isn't."""
    if device.type != "cuda" or device.index in (None, torch.cuda.current_device()):
        return contextlib.nullcontext()
    return torch.cuda.device(device)


def _blank(tensor: Tensor) -> None:
    """Set all bits, by which blocks recognise what hasn't been written yet."""
    tensor.view(torch.int32 if tensor.element_size() == 4 else torch.int16).fill_(-1)


def _contiguous(**tensors: Tensor | None) -> dict[str, Tensor | None]:
    """Return tensors in the contiguous layout that kernels expect."""
    return {name: None if t is None else t.contiguous() for name, t in tensors.items()}


def _allows_tf32() -> bool:
    # Reading `allow_tf32` is an error once this has been set.
    return bool(torch.backends.cuda.matmul.fp32_precision == "tf32")


def _product_type(dtype: torch.dtype) -> Any:
    """Return Triton's dtype of the operands of products."""
    from triton import language

    # The interpreter would multiply the bits of a bfloat16.
    as_float = dtype == torch.bfloat16 and _is_interpreted()
    return getattr(language, "float32" if as_float else str(dtype).removeprefix("torch."))


# Launch configurations: how a pass is divided among the blocks of a GPU.


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

"""The engine for GPUs: kernels in Triton's language, generated for each cell."""

import contextlib
import functools
import importlib.util
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final

import torch
from torch import Tensor

from seqpipe.kernels._engine import Engine, ForwardResult, Gradients, Job, Saved
from seqpipe.kernels.ir._recurrence import Recurrence
from seqpipe.kernels.triton._launch import Limits, choose_config
from seqpipe.kernels.triton._render import load_module, render_triton

_DTYPES: Final = (torch.float32, torch.bfloat16, torch.float16)
# The first generation with bfloat16 matrix products.
_MIN_CAPABILITY: Final = (8, 0)
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

"""The engine for GPUs: kernels in Triton's language, generated for each cell."""

import contextlib
import functools
import importlib.util
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final

import torch
from torch import Tensor

from seqpipe.kernels._engine import Engine, Gradients, Pass, Saved, Walked
from seqpipe.kernels.ir._recurrence import Recurrence
from seqpipe.kernels.triton._launch import Limits, choose_form
from seqpipe.kernels.triton._render import load_module, render_triton

_TYPES: Final = (torch.float32, torch.bfloat16, torch.float16)
# The first generation that multiplies bfloat16.
_CAPABILITY: Final = (8, 0)
_LIMITS: Final = Limits()


class Triton(Engine):
    """Runs a recurrence on a GPU, in float32, bfloat16 or float16; sums and elementwise maths in float32.

    Only where `supports` has nothing against it.

    Args:
        limits: What one block takes on.
    """

    name = "triton"

    def __init__(self, limits: Limits = _LIMITS) -> None:
        self.limits = limits

    def forward(self, walk: Pass, gates: Tensor, *, save: bool = True) -> Walked:
        """See `Engine.forward`."""
        launch = _Launch(walk, gates, self.limits)
        gates = gates.contiguous()
        separate = gates.new_empty(len(gates), len(walk.recurrence.separate) * walk.width)
        states = gates.new_empty(walk.recurrence.sizes.states, len(gates), walk.width)
        if launch.form.name == "shared":
            _blank(states[0])
        # Those of empty sequences stay.
        last_states = walk.initial.clone(memory_format=torch.contiguous_format)
        tensors = {
            **{"gates": gates, "separate": separate, "states": states, "last_states": last_states},
            **_contiguous(input_bias=walk.input_bias, bias=walk.bias),
        }
        for first, last in launch.ranges():
            launch.run("forward", tensors, first, last, HAS_BIAS=walk.bias is not None)
        # A copy, so that outputs may be changed in place, and nobody holds all states for the sake of one.
        outputs = states[0].clone()
        return Walked(outputs, last_states, Saved(gates, separate, states) if save else None)

    def backward(self, walk: Pass, saved: Saved, outputs: Tensor, final: Tensor) -> Gradients:
        """See `Engine.backward`."""
        launch = _Launch(walk, saved.gates, self.limits)
        sizes = walk.recurrence.sizes
        gates = torch.empty_like(saved.gates, memory_format=torch.contiguous_format)
        same = walk.recurrence.shares_gradients
        recurrent = gates if same else gates.new_empty(len(gates), len(walk.weight))
        if launch.form.name == "shared":
            _blank(recurrent)
        sums = None
        if sizes.parameters:
            shape = launch.groups, sizes.parameters, walk.width
            sums = gates.new_zeros(shape, dtype=torch.float32)
        hidden = torch.empty_like(saved.states[0]) if sizes.recurrent else None
        carried = final.to(torch.float32, memory_format=torch.contiguous_format, copy=True)
        tensors = {
            **_contiguous(**saved._asdict(), d_outputs=outputs, d_gates=gates),
            **{"d_recurrent": recurrent, "d_parameters": sums, "hidden": hidden},
            **{"carried": carried},
        }
        _walk_back(launch, tensors, walk.clip)
        parameters = None if sums is None else sums.sum(0).to(gates.dtype)
        return Gradients(gates, recurrent, parameters, carried.to(gates.dtype), hidden=hidden)


def _walk_back(launch: "_Launch", tensors: Mapping[str, Tensor | None], clip: float | None) -> None:
    alone, bound = launch.form.alone, {"clip": float(clip or 0), "HAS_CLIP": clip is not None}
    for first, last in reversed(launch.ranges()):
        launch.run("backward", tensors, first, last, FINISH=alone, **bound)
    if not alone:
        # What comes back through the products of the first step, once all blocks have done it.
        launch.run("backward", tensors, 0, 0, FINISH=True, **bound)


def supports(dtype: torch.dtype, device: torch.device) -> str | None:
    """Say why the engine can't run a recurrence, or return None if it can; any step and width will do.

    Args:
        dtype: The type of all tensors.
        device: Where the tensors are.
    """
    if not _is_installed():
        return "Triton isn't installed"
    if dtype not in _TYPES:
        return f"there's no Triton kernel for {str(dtype).removeprefix('torch.')}"
    if _is_interpreted():
        return None
    if device.type != "cuda" or torch.version.hip is not None:
        return "the Triton kernels are for NVIDIA's GPUs"
    if torch.cuda.get_device_capability(device) < _CAPABILITY:
        return "the GPU is older than compute capability 8.0, which the Triton kernels need"
    return None


@functools.cache
def _is_installed() -> bool:
    return importlib.util.find_spec("triton") is not None


def _is_interpreted() -> bool:
    """Say whether Triton's interpreter stands in for a GPU, as the environment asks it to."""
    from triton import knobs

    return bool(knobs.runtime.interpret)


def _module(recurrence: Recurrence) -> ModuleType:
    module: ModuleType | None = recurrence.made.get(Triton.name)
    if module is None:
        module = recurrence.made[Triton.name] = load_module(render_triton(recurrence))
    return module


class _Launch:
    """Starts the kernels of one walk."""

    def __init__(self, walk: Pass, gates: Tensor, limits: Limits) -> None:
        dtype, self.device = gates.dtype, gates.device
        self.module = _module(walk.recurrence)
        # NumPy is quicker than torch for what's as small as this.
        self.counts = walk.layout.table.numpy()[1]
        self.sequences = limits.sequences
        self.groups = -(-len(self.counts) // limits.sequences)
        products = len(walk.recurrence.sizes.recurrent)
        self.form = choose_form(products, walk.width, self.groups, dtype, self.device, limits)
        start, length, place = walk.layout.table_on(self.device)
        self.given: dict[str, Any] = {
            **{"start": start, "length": length, "place": place},
            **_contiguous(weight=walk.weight, parameters=walk.parameters, mask=walk.mask),
            **_contiguous(noises=walk.noises, initial=walk.initial),
            **{"sequences": len(self.counts), "rows": walk.layout.rows},
            **self._constants(walk, dtype),
        }

    def _constants(self, walk: Pass, dtype: torch.dtype) -> dict[str, Any]:
        """Return what a kernel is compiled for."""
        form = self.form
        return {
            **{"WIDTH": walk.width, "BLOCK_B": self.sequences, "BLOCK_W": form.units},
            **{"BLOCK_K": form.depth, "PARTS": form.parts, "FORM": form.name},
            **{"REVERSE": walk.layout.reverse, "HAS_MASK": walk.mask is not None},
            **{
                "PRODUCT": _product_type(dtype),
                "PRECISION": "tf32" if _allows_tf32() else "tf32x3",
            },
            # Triton warns where it isn't told whether a product and a sum may become one instruction.
            **{"num_warps": form.warps, "num_stages": form.stages, "enable_fp_fusion": True},
            # All blocks that wait for each other are there at once.
            **{"launch_cooperative_grid": form.name == "shared"},
        }

    def ranges(self) -> list[tuple[int, int]]:
        """Return the first and the last step, exclusive, of each launch."""
        longest = int(self.counts[0]) if self.groups else 0
        if self.form.alone:
            return [(0, longest)] if longest else []
        return [(step, step + 1) for step in range(longest)]

    def run(
        self, name: str, tensors: Mapping[str, Tensor | None], first: int, last: int, **others: Any
    ) -> None:
        """Start a kernel for some steps of the sequences that have them."""
        # The longest sequences come first, so the groups that still run do too.
        groups = -(-int((self.counts > first).sum()) // self.sequences)
        at_once = self.form.groups or max(groups, 1)
        kernel = getattr(self.module, name)
        with _on(self.device):
            for group in range(0, groups, at_once):
                kernel[min(at_once, groups - group), self.form.blocks](
                    **{**self.given, **tensors, **others},
                    **{"first_step": first, "last_step": last, "first_group": group},
                )


def _on(device: torch.device) -> Any:
    """Make a device the current one, if it isn't."""
    if device.type != "cuda" or device.index in (None, torch.cuda.current_device()):
        return contextlib.nullcontext()
    return torch.cuda.device(device)


def _blank(tensor: Tensor) -> None:
    """Set all bits, which is how blocks know what isn't written yet."""
    tensor.view(torch.int32 if tensor.element_size() == 4 else torch.int16).fill_(-1)


def _contiguous(**tensors: Tensor | None) -> dict[str, Tensor | None]:
    """Return tensors as kernels take them."""
    return {name: None if t is None else t.contiguous() for name, t in tensors.items()}


def _allows_tf32() -> bool:
    # To read `allow_tf32` is an error once somebody has set this one.
    return bool(torch.backends.cuda.matmul.fp32_precision == "tf32")


def _product_type(dtype: torch.dtype) -> Any:
    """Return Triton's type of the numbers that are multiplied."""
    from triton import language

    # The interpreter would multiply the bits of a bfloat16.
    as_float = dtype == torch.bfloat16 and _is_interpreted()
    return getattr(language, "float32" if as_float else str(dtype).removeprefix("torch."))

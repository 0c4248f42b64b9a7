"""A gated cell as the kernels see it: a traced step, and tensors."""

import threading
import weakref
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from seqpipe.kernels import Engine, Layout, Plan, Recurrence, Sizes, Weights, recur, trace
from seqpipe.parts.cells import GatedCell, State
from seqpipe.parts.encoders._noise import Noise, Zoneout, keep

#: What the products of a gated cell take; its other parameters and buffers belong to its step.
_PRODUCTS: Final = frozenset({"input_weight", "recurrent_weight", "bias", "recurrent_bias"})


def unroll_gated(
    engine: Engine,
    recurrence: Recurrence,
    cell: GatedCell,
    inputs: Tensor,
    lengths: Tensor,
    *,
    reverse: bool,
    state: State,
    noise: Noise,
    clip: float | None,
) -> tuple[Tensor, State]:
    """Run a gated cell by one of the kernels' engines; see `unroll`."""
    masks = [each for each in noise.zoneout if isinstance(each, Tensor)]
    plan = Plan(
        engine,
        recurrence,
        Layout(lengths, reverse),
        None if noise.hidden is None else noise.hidden.to(inputs.dtype),
        torch.cat(masks, dim=1).to(inputs.dtype) if masks else None,
        clip,
    )
    columns = _columns(cell, inputs) if recurrence.sizes.parameters else None
    weight = cell.recurrent_weight
    weights = Weights(
        cell.input_weight,
        cell.bias,
        weight if noise.recurrent is None else weight * noise.recurrent,
        cell.recurrent_bias,
        columns,
    )
    # A recurrence sums over many steps, which half precision of autocast's isn't for.
    with torch.autocast(inputs.device.type, enabled=False):
        outputs, last = recur(plan, inputs, weights, torch.stack(state))
    return outputs, tuple(last)


def _columns(cell: GatedCell, like: Tensor) -> Tensor:
    """Return what a step uses beside its arguments: `[parameters, width]`."""
    units = step_tensors(cell).values()
    return torch.stack([each.to(like.dtype).reshape(-1).expand(cell.width) for each in units])


def step_tensors(cell: GatedCell) -> dict[str, Tensor]:
    """Return the parameters and buffers that a step may use, one number for each unit or one for all."""
    named = {**dict(cell.named_parameters()), **dict(cell.named_buffers())}
    return {
        name: tensor
        for name, tensor in named.items()
        if name not in _PRODUCTS and (tensor.numel() == 1 or tensor.shape == (cell.width,))
    }


def trace_cell(cell: GatedCell, zoneout: tuple[Zoneout, ...] = ()) -> Recurrence:
    """Trace a cell's step, or take what was traced before from a cell like it.

    Raises:
        ConfigError: The step does something else than elementwise maths.
    """
    kept = tuple("mask" if isinstance(each, Tensor) else each for each in zoneout)
    like = (_settings(cell), tuple(step_tensors(cell)), kept)
    # Tracing changes what the whole process shares, so one at a time.
    with _TRACING:
        known = _TRACED.setdefault(type(cell), [])
        found = next((recurrence for other, recurrence in known if other == like), None)
        if found is None:
            found = _trace(cell, zoneout)
            known.append((like, found))
            # A cell whose attributes change at each call isn't worth keeping.
            del known[:-_TRACES_AT_MOST]
    return found


_TRACES_AT_MOST: Final = 32
_TRACING: Final = threading.Lock()
_TRACED: weakref.WeakKeyDictionary[type[GatedCell], list[tuple[Any, Recurrence]]] = (
    weakref.WeakKeyDictionary()
)


def _trace(cell: GatedCell, zoneout: tuple[Zoneout, ...]) -> Recurrence:
    names = list(step_tensors(cell))
    module = _Step(cell)
    sizes = Sizes(
        gates=len(cell.gates),
        recurrent=tuple(cell.gates.index(gate) for gate in cell.recurrent_gates),
        states=len(cell.states),
        parameters=len(names),
        noises=sum(isinstance(each, Tensor) for each in zoneout),
    )

    def step(
        x: list[Tensor], h: list[Tensor], states: list[Tensor], p: list[Tensor], n: list[Tensor]
    ) -> list[Tensor]:
        given = {f"cell.{name}": tensor for name, tensor in zip(names, p, strict=True)}
        after: list[Tensor] = torch.func.functional_call(module, given, (x, h, states))
        masks = iter(n)
        kept = [next(masks) if isinstance(each, Tensor) else each for each in zoneout]
        if len(after) != len(states):
            return after
        pairs = zip(kept or [None] * len(after), states, after, strict=True)
        return [keep(each, old, new) for each, old, new in pairs]

    return trace(step, sizes)


class _Step(nn.Module):
    """A cell's step as a module of its own, so that parameters can be put in its place."""

    def __init__(self, cell: GatedCell) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: list[Tensor], h: list[Tensor], states: list[Tensor]) -> list[Tensor]:
        """Call it with dictionaries."""
        cell = self.cell
        return list(
            cell.step(
                dict(zip(cell.gates, x, strict=True)),
                dict(zip(cell.recurrent_gates, h, strict=True)),
                dict(zip(cell.states, states, strict=True)),
            )
        )


_OF_ANY_MODULE: Final = frozenset(vars(nn.Module())) - {"training"}


def _settings(cell: GatedCell) -> list[Any]:
    """Return what a trace may depend on beside tensors: attributes of the cell and of what's in it."""
    return [
        (
            None if module is cell else type(module),
            {n: _fixed(v) for n, v in vars(module).items() if n not in _OF_ANY_MODULE},
        )
        for module in cell.modules()
    ]


def _fixed(value: Any) -> Any:
    """Return something that doesn't change when a value is changed in place, and compares by value."""
    if isinstance(value, Tensor):
        # Only a single number can be a part of a trace.
        return value.item() if value.numel() == 1 else tuple(value.shape)
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, Mapping):
        return tuple((key, _fixed(each)) for key, each in value.items())
    if isinstance(value, list | tuple | set):
        return tuple(_fixed(each) for each in value)
    return value

"""Runs a gated cell by the kernels: traces its step, and passes its tensors."""

import functools
import threading
import weakref
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, Final

import torch
from torch import Tensor, nn

from seqpipe.errors import ConfigError
from seqpipe.kernels import (
    DependsOnBatch,
    Engine,
    Layout,
    Plan,
    Recurrence,
    Sizes,
    Weights,
    recur,
    recur_multiplied,
    trace,
)
from seqpipe.parts.cells import GatedCell, State
from seqpipe.parts.recurrence._noise import Noise, Zoneout, keep
from seqpipe.parts.recurrence._plain import TakeStep, take_steps
from seqpipe.parts.recurrence._snapshot import Snapshot, settings

#: What the products of a gated cell take; its other parameters and buffers belong to its step.
PRODUCTS: Final = frozenset({"input_weight", "recurrent_weight", "bias", "recurrent_bias"})


def unroll_gated(
    engine: Engine,
    recurrence: Recurrence,
    units: Sequence[Tensor],
    cell: GatedCell,
    inputs: Tensor,
    lengths: Tensor,
    *,
    reverse: bool,
    state: State | None,
    noise: Noise,
    clip: float | None,
    places: Tensor | None = None,
) -> tuple[Tensor, State]:
    """Run a gated cell by one of the kernels' engines; see `unroll`.

    `units` are the tensors that `step_tensors` names; a state of None is one of zeros. With `places`, the inputs
    are what `multiply_inputs` returns, without gradients, and places are the row of them at each step.
    """

    def loop(inputs: Tensor, weights: Weights, initial: Tensor) -> tuple[Tensor, Tensor]:
        outputs, last = take_steps(
            _stepper(cell, weights),
            inputs,
            lengths,
            reverse=reverse,
            state=initial.unbind(),
            noise=noise,
            clip=clip,
        )
        return outputs, torch.stack(last)

    masks = [each for each in noise.zoneout if isinstance(each, Tensor)]
    plan = Plan(
        engine,
        recurrence,
        Layout(lengths, reverse),
        None if noise.hidden is None else noise.hidden.to(inputs.dtype),
        torch.cat(masks, dim=1).to(inputs.dtype) if masks else None,
        clip,
        loop,
    )
    columns = _columns(units, cell.width, inputs) if units else None
    weight = cell.recurrent_weight
    weights = Weights(
        cell.input_weight,
        cell.bias,
        weight if noise.recurrent is None else weight * noise.recurrent,
        cell.recurrent_bias,
        columns,
    )
    with in_full_precision(inputs.device.type):
        shape = recurrence.sizes.states, len(lengths), cell.width
        initial = inputs.new_zeros(shape) if state is None else torch.stack(state)
        if places is None:
            outputs, last = recur(plan, inputs, weights, initial)
        else:
            outputs, last = recur_multiplied(plan, inputs, places, weights, initial)
    return outputs, last.unbind()


def multiply_inputs(engine: Engine, cell: GatedCell, inputs: Tensor) -> Tensor:
    """Return the products of inputs with a cell's input weight, `[N, gates * width]`, without gradients."""
    with in_full_precision(inputs.device.type):
        return engine.products.matmul_transposed(inputs, cell.input_weight)


def _stepper(cell: GatedCell, weights: Weights) -> TakeStep:
    """Return a function that takes one step of a cell with weights in place of its own."""
    step = functools.partial(_call_step, _Step(cell), list(step_tensors(cell)), _masks(cell))
    units = () if weights.parameters is None else weights.parameters.unbind()

    def take_step(input: Tensor, state: State, mask: Tensor | None) -> tuple[Tensor, State]:
        hidden = state[0] if mask is None else state[0] * mask
        x = nn.functional.linear(input, weights.input_weight, weights.bias)
        h = nn.functional.linear(hidden, weights.recurrent_weight, weights.recurrent_bias)
        x_, h_ = (torch.split(each, cell.width, 1) if each.shape[1] else () for each in (x, h))
        after = tuple(step(units, x_, h_, state))
        return after[0], after

    return take_step


def in_full_precision(device: str) -> Any:
    """Disable autocast: a recurrence sums over many steps, for which half precision is too coarse."""
    # Entering autocast takes a tenth of the time of a short sequence.
    on = torch.is_autocast_enabled(device)
    return torch.autocast(device, enabled=False) if on else nullcontext()


def _columns(units: Sequence[Tensor], width: int, like: Tensor) -> Tensor:
    """Return what a step uses beside its arguments: `[parameters, width]`."""
    if all(each.shape == (width,) and each.dtype == like.dtype for each in units):
        return torch.stack(tuple(units))
    return torch.stack([each.to(like.dtype).reshape(-1).expand(width) for each in units])


def step_tensors(cell: GatedCell) -> dict[str, Tensor]:
    """Return the parameters and buffers that a step may use, one value for each unit or one for all."""
    named = {**dict(cell.named_parameters()), **dict(cell.named_buffers())}
    return {
        name: tensor
        for name, tensor in named.items()
        if name not in PRODUCTS and (tensor.numel() == 1 or tensor.shape == (cell.width,))
    }


def _masks(cell: GatedCell) -> frozenset[str]:
    return frozenset(n for n, each in step_tensors(cell).items() if each.dtype == torch.bool)


def trace_cell(cell: GatedCell, zoneout: tuple[Zoneout, ...] = ()) -> Recurrence:
    """Trace a cell's step, or take what was traced before from a cell like it.

    Raises:
        ConfigError: The step does something other than elementwise maths.
        StepChangesCell: It changes what it reads.
        DependsOnBatch: It computes something else for another number of rows or another dtype.
    """
    like = _key(cell, zoneout)
    # Tracing changes global state, so one at a time.
    with _TRACING:
        known = _TRACED.setdefault(type(cell), [])
        found = next((found for other, found in known if other == like), None)
        if found is None:
            try:
                found, like = _trace_stable(cell, zoneout, like)
            except DependsOnBatch as error:
                found = str(error)
            known.append((like, found))
            # A cell whose attributes change at each call isn't worth keeping.
            del known[:-_MAX_TRACES]
    if isinstance(found, str):
        raise DependsOnBatch(found)
    return found


def _key(cell: GatedCell, zoneout: tuple[Zoneout, ...]) -> tuple[Any, ...]:
    """Return a key that's equal for cells that can share a trace."""
    kinds = tuple("mask" if isinstance(each, Tensor) else each for each in zoneout)
    return cell.width, settings(cell), tuple(step_tensors(cell)), _masks(cell), kinds


class StepChangesCell(ConfigError):
    """A step that isn't a function of its arguments."""


def _trace_stable(
    cell: GatedCell, zoneout: tuple[Zoneout, ...], before: tuple[Any, ...]
) -> tuple[Recurrence, tuple[Any, ...]]:
    """Trace a cell, and return the trace with the cell's key.

    The step may change the key the first time, for instance by filling an attribute on its first call.
    """
    recurrence = _trace(cell, zoneout)
    after = _key(cell, zoneout)
    if after == before:
        return recurrence, after
    snapshot = Snapshot(cell)
    recurrence = _trace(cell, zoneout)
    if snapshot.holds():
        return recurrence, after
    _CHANGING.add(type(cell))
    raise StepChangesCell(_it_changes(type(cell)))


def why_untraced(kind: type) -> str | None:
    """Say why the step of a class can't be traced, if that was found out before."""
    return _it_changes(kind) if kind in _CHANGING else None


def _it_changes(kind: type) -> str:
    return (
        f"the step of {kind.__name__} changes attributes, globals or closures, which a kernel "
        "wouldn't do"
    )


_MAX_TRACES: Final = 32
#: The classes whose step isn't a function of its arguments.
_CHANGING: Final[weakref.WeakSet[type[GatedCell]]] = weakref.WeakSet()
_TRACING: Final = threading.Lock()
#: By class, the keys of cells with what was traced, or why that can't be.
_TRACED: weakref.WeakKeyDictionary[type[GatedCell], list[tuple[Any, Recurrence | str]]] = (
    weakref.WeakKeyDictionary()
)


def _trace(cell: GatedCell, zoneout: tuple[Zoneout, ...]) -> Recurrence:
    names, masks = list(step_tensors(cell)), _masks(cell)
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
        after = _call_step(module, names, masks, p, x, h, states)
        drawn = iter(n)
        shares = [next(drawn) if isinstance(each, Tensor) else each for each in zoneout]
        if len(after) != len(states):
            return after
        pairs = zip(shares or [None] * len(after), states, after, strict=True)
        return [keep(each, old, new) for each, old, new in pairs]

    return trace(step, sizes, cell.width)


def _call_step(
    module: "_Step",
    names: Sequence[str],
    masks: frozenset[str],
    units: Sequence[Tensor],
    x: Sequence[Tensor],
    h: Sequence[Tensor],
    states: Sequence[Tensor],
) -> list[Tensor]:
    """Call a cell's step with tensors in place of its own, by their names."""
    # Engines pass masks as floating-point numbers too.
    given = {
        f"cell.{name}": each != 0 if name in masks else each
        for name, each in zip(names, units, strict=True)
    }
    after: list[Tensor] = torch.func.functional_call(module, given, (x, h, states))
    return after


class _Step(nn.Module):
    """A cell's step as a module of its own, so that parameters can be put in its place."""

    def __init__(self, cell: GatedCell) -> None:
        super().__init__()
        self.cell = cell

    def forward(
        self, x: Sequence[Tensor], h: Sequence[Tensor], states: Sequence[Tensor]
    ) -> list[Tensor]:
        """Call it with dictionaries."""
        cell = self.cell
        return list(
            cell.step(
                dict(zip(cell.gates, x, strict=True)),
                dict(zip(cell.recurrent_gates, h, strict=True)),
                dict(zip(cell.states, states, strict=True)),
            )
        )

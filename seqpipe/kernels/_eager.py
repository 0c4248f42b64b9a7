"""The engine for where nothing can be compiled: torch's operations, without an autograd graph for each step."""

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seqpipe.kernels._engine import (
    Engine,
    ForwardResult,
    Gradients,
    Job,
    Layout,
    Saved,
    forward_result,
)
from seqpipe.kernels.ir._program import Program
from seqpipe.kernels.ir._recurrence import Recurrence


@dataclass(frozen=True)
class Packing:
    """A batch rearranged by time: all first steps, then all second steps, and so on.

    Within a time step the longest sequence comes first, so that the sequences still running at any step
    are the first rows of the step before. No row is padding.

    Attributes:
        order: `[N]`, the row of the flat batch at each position.
        inverse: `[N]`, the position of each row of the flat batch.
        sizes: How many sequences have a time step t, for each t.
    """

    order: Tensor
    inverse: Tensor
    sizes: list[int]


def pack(lengths: Tensor, *, reverse: bool = False) -> Packing:
    """Arrange a flat batch by time; in reverse, each sequence begins with its own last row.

    Args:
        lengths: `[B]`, int64, on the CPU; 0 is allowed.
        reverse: Whether to go from the end of each sequence to its beginning.
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
    """Return lengths for NumPy, which neither torch's default device nor its tracing affects.

    `Tensor.numpy` refuses within transforms of `torch.func`.
    """
    return np.array(lengths.tolist(), dtype=np.int64)


class Eager(Engine):
    """Runs a program's instructions one by one, on any device and in any dtype."""

    name = "eager"

    def forward(self, job: Job, gates: Tensor, *, save: bool = True) -> ForwardResult:
        """See `Engine.forward`."""
        steps = _Steps(job, gates.device)
        width, sizes = job.width, job.recurrence.sizes
        gates = steps.by_time(gates) + job.input_bias
        noises = None if job.noises is None else steps.by_time(job.noises)
        separate = gates.new_empty(len(gates), len(job.recurrence.separate) * width)
        states = gates.new_empty(sizes.states, len(gates), width)
        before = steps.sorted_initial
        for rows, size in steps.each():
            before = before[:, :size]
            products = _products(job, steps, before[0])
            _place_products(job, products, gates[rows], separate[rows])
            values = _values(job, gates[rows], separate[rows], before, _at(noises, rows))
            after = job.recurrence.forward.run(values)
            for state in range(sizes.states):
                states[state, rows] = after[f"s{state}"]
            for gate in range(sizes.gates):
                gates[rows, gate * width : (gate + 1) * width] = after[f"k{gate}"]
            before = states[:, rows]
        gates, separate = steps.by_sequence(gates), steps.by_sequence(separate)
        return forward_result(job, Saved(gates, separate, states[:, steps.inverse]), save=save)

    def backward(self, job: Job, saved: Saved, outputs: Tensor, final: Tensor) -> Gradients:
        """See `Engine.backward`."""
        steps = _Steps(job, saved.gates.device)
        gates, separate, outputs = (
            steps.by_time(each) for each in (saved.gates, saved.separate, outputs)
        )
        noises = None if job.noises is None else steps.by_time(job.noises)
        states = saved.states[:, steps.order]
        d_gates = torch.empty_like(gates)
        d_recurrent = gates.new_empty(len(gates), len(job.weight))
        d_parameters = None if job.parameters is None else torch.zeros_like(job.parameters)
        carried = final[:, steps.ranked].clone()
        for step, (rows, size) in reversed(list(enumerate(steps.each()))):
            before = states[:, steps.rows(step - 1)] if step else steps.sorted_initial
            values = _values(job, gates[rows], separate[rows], before[:, :size], _at(noises, rows))
            values |= {f"d{i}": each for i, each in enumerate(carried[:, :size].clone())}
            values["d0"] = values["d0"] + outputs[rows]
            gradients = _StepGradients(job, job.recurrence.backward, values)
            gradients.into_gates(d_gates[rows])
            gradients.into_recurrent(d_recurrent[rows])
            if d_parameters is not None:
                gradients.into_parameters(d_parameters)
            gradients.into_states(carried[:, :size])
            back = d_recurrent[rows] @ job.weight
            carried[0, :size] += back if steps.mask is None else back * steps.mask[:size]
            if job.clip is not None and step:
                carried[:, :size].clamp_(-job.clip, job.clip)
        initial = torch.empty_like(carried)
        initial[:, steps.ranked] = carried
        return Gradients(
            steps.by_sequence(d_gates), steps.by_sequence(d_recurrent), d_parameters, initial
        )


def _at(noises: Tensor | None, rows: slice) -> Tensor | None:
    return None if noises is None else noises[rows]


class _Steps:
    """The time steps of all sequences, the longest sequence first."""

    def __init__(self, job: Job, device: torch.device) -> None:
        self.packing: Packing = pack(job.layout.lengths, reverse=job.layout.reverse)
        self.order = self.packing.order.to(device)
        self.inverse = self.packing.inverse.to(device)
        self.ranked = job.layout.order.to(device)
        self.sorted_initial = job.initial[:, self.ranked]
        self.mask = None if job.mask is None else job.mask[self.ranked]
        self.starts = [0, *itertools.accumulate(self.packing.sizes)]

    def each(self) -> list[tuple[slice, int]]:
        """Return the rows of each time step, and how many there are."""
        return [(self.rows(step), size) for step, size in enumerate(self.packing.sizes)]

    def rows(self, step: int) -> slice:
        return slice(self.starts[step], self.starts[step + 1])

    def by_time(self, rows: Tensor) -> Tensor:
        return rows[self.order]

    def by_sequence(self, rows: Tensor) -> Tensor:
        return rows[self.inverse]


def _products(job: Job, steps: _Steps, hidden: Tensor) -> Tensor:
    operand = hidden if steps.mask is None else hidden * steps.mask[: len(hidden)]
    return torch.nn.functional.linear(operand, job.weight, job.bias)


def _place_products(job: Job, products: Tensor, gates: Tensor, separate: Tensor) -> None:
    width, recurrence = job.width, job.recurrence
    for column, gate in enumerate(recurrence.sizes.recurrent):
        product = products[:, column * width : (column + 1) * width]
        if gate in recurrence.fused:
            gates[:, gate * width : (gate + 1) * width] += product
        else:
            place = recurrence.separate.index(gate)
            separate[:, place * width : (place + 1) * width] = product


def _values(
    job: Job, gates: Tensor, separate: Tensor, states: Tensor, noises: Tensor | None
) -> dict[str, Tensor]:
    """Return the values of one step's rows, under the names that programs use."""
    recurrence, width = job.recurrence, job.width
    gate, product = (torch.split(each, width, dim=1) for each in (gates, separate))
    noise = () if noises is None else torch.split(noises, width, dim=1)
    parameters = () if job.parameters is None else job.parameters
    return {
        **{recurrence.input_name(g): gate[g] for g in range(recurrence.sizes.gates)},
        **{f"k{g}": gate[g] for g in range(recurrence.sizes.gates)},
        **{f"h{g}": product[i] for i, g in enumerate(recurrence.separate)},
        **{f"s{i}": state for i, state in enumerate(states)},
        **{f"p{i}": parameter for i, parameter in enumerate(parameters)},
        **{f"n{i}": noise[i] for i in range(recurrence.sizes.noises)},
    }


class _StepGradients:
    """The gradients of one step, by where they're stored."""

    def __init__(self, job: Job, program: Program, values: dict[str, Tensor]) -> None:
        self.recurrence, self.width = job.recurrence, job.width
        self.values = program.run(values)

    def _put(self, name: str, target: Tensor, place: int) -> None:
        target[:, place * self.width : (place + 1) * self.width] = self.values[name]

    def into_gates(self, target: Tensor) -> None:
        for gate in range(self.recurrence.sizes.gates):
            self._put(self.recurrence.input_name(gate), target, gate)

    def into_recurrent(self, target: Tensor) -> None:
        for place, gate in enumerate(self.recurrence.sizes.recurrent):
            self._put(self.recurrence.recurrent_name(gate), target, place)

    def into_parameters(self, target: Tensor) -> None:
        for i in range(self.recurrence.sizes.parameters):
            value = self.values[f"p{i}"]
            if isinstance(value, Tensor):
                target[i] += value.sum(0)

    def into_states(self, target: Tensor) -> None:
        for i in range(self.recurrence.sizes.states):
            target[i] = self.values[f"s{i}"]


# A self-test of an engine, run before it's trusted on a machine that it may never have run on.

_LENGTHS: Final = (3, 0, 2)
_TOLERANCES: Final = {torch.float32: 1e-3, torch.float64: 1e-9}


def find_fault(engine: Engine, recurrence: Recurrence, width: int, like: Tensor) -> str | None:
    """Compare a forward and backward pass of an engine with the eager one's; return what's wrong, or None.

    Args:
        engine: The engine.
        recurrence: The traced step.
        width: The width of each state.
        like: A tensor of the dtype and on the device.
    """
    key = (engine.name, width, like.dtype, like.device)
    if key not in recurrence.cache:
        recurrence.cache[key] = _try(engine, recurrence, width, like)
    fault: str | None = recurrence.cache[key]
    return fault


def _try(engine: Engine, recurrence: Recurrence, width: int, like: Tensor) -> str | None:
    try:
        pairs = zip(*(_results(e, recurrence, width, like) for e in (engine, Eager())), strict=True)
        # torch's maximum is NaN if anything is.
        difference = (
            torch.stack([_relative_difference(a, b) for a, b in pairs if a.numel()]).max().item()
        )
    except Exception as error:  # whatever a compiler or a driver may raise
        return f"it fails on a small test: {type(error).__name__}: {error}"
    bound = _TOLERANCES.get(like.dtype, 5e-2)
    return None if difference <= bound else f"on a small test it's off by {difference:.2g}"


def _relative_difference(found: Tensor, wanted: Tensor) -> Tensor:
    return (found - wanted).abs().max() / (1 + wanted.abs().max())


def _results(engine: Engine, recurrence: Recurrence, width: int, like: Tensor) -> list[Tensor]:
    """Return an engine's results for made-up inputs, the same ones for each engine."""
    sizes, rows = recurrence.sizes, sum(_LENGTHS)

    def made_up(*shape: int) -> Tensor:
        count = torch.Size(shape).numel()
        return torch.arange(count, device=like.device).mul(0.7).sin().view(shape).to(like.dtype)

    job = Job(
        recurrence,
        Layout(torch.tensor(_LENGTHS), True),
        made_up(sizes.gates * width),
        made_up(len(sizes.recurrent) * width, width) / width,
        made_up(len(sizes.recurrent) * width),
        made_up(sizes.parameters, width) if sizes.parameters else None,
        made_up(len(_LENGTHS), width),
        made_up(rows, sizes.noises * width).abs() if sizes.noises else None,
        made_up(sizes.states, len(_LENGTHS), width),
        0.5,
    )
    result = engine.forward(job, made_up(rows, sizes.gates * width))
    assert result.saved is not None
    found = engine.backward(job, result.saved, made_up(rows, width), made_up(*job.initial.shape))
    gradients = [found.gates, found.recurrent, found.initial, found.parameters]
    # Copies, as the engine may reuse the memory of gradients.
    return [
        each.to(torch.float64, copy=True)
        for each in (result.outputs, result.last, *gradients)
        if each is not None
    ]

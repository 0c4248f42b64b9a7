"""The engine for where nothing can be compiled: torch's operations, without a graph for each step."""

import itertools

import torch
from torch import Tensor

from seqpipe.kernels._packing import Packing, pack
from seqpipe.kernels._pass import Engine, Gradients, Pass, Saved, Walked, walked
from seqpipe.kernels._program import Program


class Eager(Engine):
    """Runs a program's instructions one by one, on any device and in any dtype."""

    name = "eager"

    def forward(self, walk: Pass, gates: Tensor, *, save: bool = True) -> Walked:
        """See `Engine.forward`."""
        steps = _Steps(walk, gates.device)
        width, sizes = walk.width, walk.recurrence.sizes
        gates = steps.by_time(gates) + walk.input_bias
        noises = None if walk.noises is None else steps.by_time(walk.noises)
        separate = gates.new_empty(len(gates), len(walk.recurrence.separate) * width)
        states = gates.new_empty(sizes.states, len(gates), width)
        before = steps.sorted_initial
        for rows, size in steps.each():
            before = before[:, :size]
            products = _products(walk, steps, before[0])
            _place_products(walk, products, gates[rows], separate[rows])
            values = _values(walk, gates[rows], separate[rows], before, _at(noises, rows))
            after = walk.recurrence.forward.run(values)
            for state in range(sizes.states):
                states[state, rows] = after[f"s{state}"]
            for gate in range(sizes.gates):
                gates[rows, gate * width : (gate + 1) * width] = after[f"k{gate}"]
            before = states[:, rows]
        gates, separate = steps.by_sequence(gates), steps.by_sequence(separate)
        return walked(walk, Saved(gates, separate, states[:, steps.inverse]), save=save)

    def backward(self, walk: Pass, saved: Saved, outputs: Tensor, final: Tensor) -> Gradients:
        """See `Engine.backward`."""
        steps = _Steps(walk, saved.gates.device)
        gates, separate, outputs = (
            steps.by_time(each) for each in (saved.gates, saved.separate, outputs)
        )
        noises = None if walk.noises is None else steps.by_time(walk.noises)
        states = saved.states[:, steps.order]
        d_gates = torch.empty_like(gates)
        d_recurrent = gates.new_empty(len(gates), len(walk.weight))
        d_parameters = None if walk.parameters is None else torch.zeros_like(walk.parameters)
        carried = final[:, steps.ranked].clone()
        for step, (rows, size) in reversed(list(enumerate(steps.each()))):
            before = states[:, steps.rows(step - 1)] if step else steps.sorted_initial
            values = _values(walk, gates[rows], separate[rows], before[:, :size], _at(noises, rows))
            values |= {f"d{i}": each for i, each in enumerate(carried[:, :size].clone())}
            values["d0"] = values["d0"] + outputs[rows]
            gradients = _Pulled(walk, walk.recurrence.backward, values)
            gradients.into_gates(d_gates[rows])
            gradients.into_recurrent(d_recurrent[rows])
            if d_parameters is not None:
                gradients.into_parameters(d_parameters)
            gradients.into_states(carried[:, :size])
            back = d_recurrent[rows] @ walk.weight
            carried[0, :size] += back if steps.mask is None else back * steps.mask[:size]
            if walk.clip is not None and step:
                carried[:, :size].clamp_(-walk.clip, walk.clip)
        initial = torch.empty_like(carried)
        initial[:, steps.ranked] = carried
        return Gradients(
            steps.by_sequence(d_gates), steps.by_sequence(d_recurrent), d_parameters, initial
        )


def _at(noises: Tensor | None, rows: slice) -> Tensor | None:
    return None if noises is None else noises[rows]


class _Steps:
    """Goes through the steps of all sequences at once, the longest sequence first."""

    def __init__(self, walk: Pass, device: torch.device) -> None:
        self.packing: Packing = pack(walk.layout.lengths, reverse=walk.layout.reverse)
        self.order = self.packing.order.to(device)
        self.inverse = self.packing.inverse.to(device)
        self.ranked = walk.layout.order.to(device)
        self.sorted_initial = walk.initial[:, self.ranked]
        self.mask = None if walk.mask is None else walk.mask[self.ranked]
        self.starts = [0, *itertools.accumulate(self.packing.sizes)]

    def each(self) -> list[tuple[slice, int]]:
        """Return the rows of each step, and how many there are."""
        return [(self.rows(step), size) for step, size in enumerate(self.packing.sizes)]

    def rows(self, step: int) -> slice:
        return slice(self.starts[step], self.starts[step + 1])

    def by_time(self, rows: Tensor) -> Tensor:
        return rows[self.order]

    def by_sequence(self, rows: Tensor) -> Tensor:
        return rows[self.inverse]


def _products(walk: Pass, steps: _Steps, hidden: Tensor) -> Tensor:
    operand = hidden if steps.mask is None else hidden * steps.mask[: len(hidden)]
    return torch.nn.functional.linear(operand, walk.weight, walk.bias)


def _place_products(walk: Pass, products: Tensor, gates: Tensor, separate: Tensor) -> None:
    width, recurrence = walk.width, walk.recurrence
    for column, gate in enumerate(recurrence.sizes.recurrent):
        product = products[:, column * width : (column + 1) * width]
        if gate in recurrence.fused:
            gates[:, gate * width : (gate + 1) * width] += product
        else:
            place = recurrence.separate.index(gate)
            separate[:, place * width : (place + 1) * width] = product


def _values(
    walk: Pass, gates: Tensor, separate: Tensor, states: Tensor, noises: Tensor | None
) -> dict[str, Tensor]:
    """Name what stands in the rows of one step as programs do."""
    recurrence, width = walk.recurrence, walk.width
    gate, product = (torch.split(each, width, dim=1) for each in (gates, separate))
    noise = () if noises is None else torch.split(noises, width, dim=1)
    parameters = () if walk.parameters is None else walk.parameters
    return {
        **{recurrence.input_name(g): gate[g] for g in range(recurrence.sizes.gates)},
        **{f"k{g}": gate[g] for g in range(recurrence.sizes.gates)},
        **{f"h{g}": product[i] for i, g in enumerate(recurrence.separate)},
        **{f"s{i}": state for i, state in enumerate(states)},
        **{f"p{i}": parameter for i, parameter in enumerate(parameters)},
        **{f"n{i}": noise[i] for i in range(recurrence.sizes.noises)},
    }


class _Pulled:
    """The gradients of one step, put where they belong."""

    def __init__(self, walk: Pass, program: Program, values: dict[str, Tensor]) -> None:
        self.recurrence, self.width = walk.recurrence, walk.width
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

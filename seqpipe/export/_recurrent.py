"""A recurrent encoder in a graph: each cell is a `Scan` over time whose body is one step."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqpipe.errors import ConfigError, ExportError
from seqpipe.export._call import add_call
from seqpipe.export._graph import Graph
from seqpipe.export._layout import Layout, lay_out
from seqpipe.export._step import add_step
from seqpipe.kernels.ir import Recurrence
from seqpipe.parts.cells import Cell, GatedCell
from seqpipe.parts.encoders import Recurrent
from seqpipe.parts.recurrence import traced_step


def add_recurrent(graph: Graph, encoder: Recurrent, vectors: str, lengths: str) -> str:
    """Add an encoder, without its noise, as in evaluation mode.

    Args:
        graph: The graph.
        encoder: The encoder.
        vectors: The words' vectors, one text's after another's, `[N, input_width]`.
        lengths: How many words each text has, `[B]`.

    Returns:
        The contextual vectors, `[N, width]`.

    Raises:
        ExportError: A cell can't be exported.
    """
    layout = lay_out(graph, vectors, lengths, encoder.window)
    outputs = vectors
    for layer in cast(Iterator[nn.ModuleList], iter(encoder.layers)):
        directions = [
            add_cell(
                graph, cast(Cell, cell), outputs, layout, reverse=bool(i), zoneout=encoder.zoneout
            )
            for i, cell in enumerate(layer)
        ]
        outputs = graph.add("Concat", *directions, axis=1) if len(directions) > 1 else directions[0]
    if encoder.shortcut is None:
        return outputs
    return graph.add("Add", outputs, graph.linear(vectors, to_numpy(encoder.shortcut.weight)))


def add_cell(
    graph: Graph,
    cell: Cell,
    inputs: str,
    layout: Layout,
    *,
    reverse: bool,
    zoneout: Sequence[float] = (),
) -> str:
    """Add a cell that's unrolled over texts; returns its outputs, `[N, width]`.

    Args:
        graph: The graph.
        cell: The cell.
        inputs: The flat rows of the texts, `[N, input_width]`.
        layout: Their layout by time.
        reverse: Whether it begins at each piece's end.
        zoneout: The share of each state that's kept at each step; empty for none.

    Raises:
        ExportError: It can't be exported.
    """
    shares = tuple(share or None for share in zoneout)
    try:
        traced = traced_step(cell, zoneout=shares)
    except ConfigError as error:
        raise ExportError(f"the cell {type(cell).__name__} can't be exported: {error}") from error
    width = cell.input_width
    if traced is not None:
        gated = cast(GatedCell, cell)
        # For all words at once, as a loop takes far longer.
        inputs = graph.linear(inputs, to_numpy(gated.input_weight), to_numpy(gated.bias))
        width = len(gated.gates) * gated.width
    spread = layout.spread(graph, inputs, width, reverse=reverse)
    first = cell.initial_state(1, torch.zeros(1, cell.input_width))
    states = [_first_state(graph, layout, to_numpy(each)) for each in first]
    body = _body(graph, cell, traced, shares, len(states))
    *_, outputs = graph.add_several(
        "Scan", [*states, spread], len(states) + 1, body=body, num_scan_inputs=1
    )
    return layout.gather(graph, outputs, cell.width, reverse=reverse)


def _body(
    graph: Graph,
    cell: Cell,
    traced: tuple[Recurrence, tuple[Tensor, ...]] | None,
    shares: Sequence[float | None],
    states: int,
) -> Any:
    """Return the graph of one step: of the states and what's read at it to the next states and the output."""
    inner = Graph(graph)
    before, step = [inner.name("state") for _ in range(states)], inner.name("step")
    if traced is None:
        output, new = add_call(inner, cell, step, before)
        after = _kept(inner, shares, before, new)
        output = after[0] if output == new[0] else output
    else:
        after = _add_gated_step(inner, cast(GatedCell, cell), *traced, step, before)
        output = after[0]
    return inner.body("step", [*before, step], _computed(inner, [*after, output]))


def _computed(graph: Graph, results: Sequence[str]) -> list[str]:
    """Return results as a graph has to have them: each is computed in it, and a value of its own."""
    computed = {name for node in graph.nodes for name in node.output}
    found: list[str] = []
    for each in results:
        is_fit = each in computed and each not in found
        found.append(each if is_fit else graph.add("Identity", each))
    return found


def _first_state(graph: Graph, layout: Layout, value: NDArray[np.float32]) -> str:
    width = graph.integers(value.shape[1])
    shape = graph.add("Concat", graph.add("Shape", layout.lengths), width, axis=0)
    return graph.add("Expand", graph.constant(value), shape)


def _add_gated_step(
    graph: Graph,
    cell: GatedCell,
    recurrence: Recurrence,
    units: tuple[Tensor, ...],
    products: str,
    states: Sequence[str],
) -> list[str]:
    """Add the product of the hidden state and the step; returns the next states."""
    gates, recurrent = len(cell.gates), recurrence.sizes.recurrent
    values = {f"s{number}": state for number, state in enumerate(states)}
    for number, unit in enumerate(units):
        values[f"p{number}"] = graph.constant(to_numpy(unit).reshape(-1))
    hidden = ""
    if recurrent:
        bias = None if cell.recurrent_bias is None else to_numpy(cell.recurrent_bias)
        hidden = graph.linear(states[0], to_numpy(cell.recurrent_weight), bias)
    if recurrent and recurrence.fused == tuple(range(gates)):
        sums = graph.split(graph.add("Add", products, hidden), gates)
        values |= {f"z{gate}": each for gate, each in enumerate(sums)}
        return add_step(graph, recurrence, values)
    of_input = dict(enumerate(graph.split(products, gates)))
    of_hidden = dict(
        zip(recurrent, graph.split(hidden, len(recurrent)) if recurrent else (), strict=True)
    )
    for gate, value in of_input.items():
        if gate in recurrence.fused:
            values[f"z{gate}"] = graph.add("Add", value, of_hidden[gate])
        else:
            values[f"x{gate}"] = value
    values |= {f"h{gate}": each for gate, each in of_hidden.items() if gate not in recurrence.fused}
    return add_step(graph, recurrence, values)


def _kept(
    graph: Graph, shares: Sequence[float | None], before: Sequence[str], after: list[str]
) -> list[str]:
    """Add what zoneout keeps of states in evaluation mode."""
    kept = list(after)
    for place, share in enumerate(shares):
        if share is not None:
            old = graph.add("Mul", before[place], graph.constant(share))
            new = graph.add("Mul", after[place], graph.constant(1 - share))
            kept[place] = graph.add("Add", old, new)
    return kept


def to_numpy(tensor: Any) -> NDArray[np.float32]:
    """Return the values of a tensor."""
    array: NDArray[np.float32] = tensor.detach().float().cpu().numpy()
    return array

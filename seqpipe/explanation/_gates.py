"""How far the gates of recurrent cells open over a text."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc
from torch import Tensor

from seqpipe.errors import ConfigError
from seqpipe.explanation._encoding import Given, Place, RecurrentLayers
from seqpipe.kernels import pack
from seqpipe.parts.cells import Cell, GatedCell, State
from seqpipe.parts.encoders import Recurrent
from seqpipe.parts.recurrence import GATING, observe

#: More would take minutes, and no picture holds them.
_MOST_WORDS: Final = 20_000


@dataclass(frozen=True, eq=False)
class Strip:
    """The values of one gate or state over a text.

    Attributes:
        place: The cell.
        name: The gate's or the state's name.
        function: What a gate's value comes out of: "sigmoid", "tanh" or "relu"; an empty string of a state.
        values: `[words, units]`
    """

    place: Place
    name: str
    function: str
    values: NDArray[np.float32]

    @property
    def is_share(self) -> bool:
        """Whether values lie between 0 and 1."""
        return self.function == "sigmoid"


def record_gates(nlp: Language, doc: Doc, *, component: str | None = None) -> list[Strip]:
    """Return the values of all gates and states of the recurrent cells over a text.

    Gates have the names in `GatedCell.gates`; those without a sigmoid, tanh or relu of their own are left out. A cell that isn't
    gated has the calls of these functions instead, numbered within each. Hidden states are the encoder's output, as the fastest
    engine computes it; what's inside a step is observed in the plain loop.

    Args:
        nlp: The pipeline.
        doc: The text, without predictions.
        component: The component that reads the encoder's output; None for the last.

    Returns:
        For each cell its gates, then its states.

    Raises:
        ConfigError: The pipeline has no recurrent layers, or the text has no words or more than 20,000.
    """
    if not 0 < len(doc) <= _MOST_WORDS:
        raise ConfigError(
            f"the text has {len(doc):,} words; gates can be shown of 1 to {_MOST_WORDS:,}"
        )
    layers = RecurrentLayers(nlp, component)
    hidden = torch.split(layers.hidden_states([doc]), layers.widths, dim=1)
    recorded = [cell for module, given in layers.given([doc]) for cell in _record(module, given)]
    return [
        strip
        for place, states, cell in zip(layers.places, hidden, recorded, strict=True)
        for strip in _strips(place, states, cell)
    ]


@dataclass(frozen=True)
class _Recorded:
    """The steps of a cell over a batch, in the order of its rows.

    Attributes:
        cell: The cell.
        inputs: `[N, input_width]`
        before: The state before each step, `[N, n]` each.
        after: That after it.
    """

    cell: Cell
    inputs: Tensor
    before: State
    after: State


def _record(module: Recurrent, given: Given) -> list[_Recorded]:
    """Run an encoder with its cells being watched, which makes it call them step by step."""
    cells = [
        (cast(Cell, cell), bool(i))
        for layer in module.layers
        for i, cell in enumerate(layer.children())
    ]
    steps: dict[Cell, list[tuple[Tensor, State, State]]] = {cell: [] for cell, _ in cells}

    def keep(cell: Any, arguments: Any, result: Any) -> None:
        steps[cell].append((*arguments, result[1]))

    with ExitStack() as hooks, torch.no_grad():
        for cell, _ in cells:
            hooks.callback(cell.register_forward_hook(keep).remove)
        module.eval()(*given)
    pieces = module.pieces(given.lengths)
    return [
        _in_order(cell, steps[cell], pack(pieces, reverse=reverse).inverse, module.zoneout)
        for cell, reverse in cells
    ]


def _in_order(
    cell: Cell,
    steps: list[tuple[Tensor, State, State]],
    inverse: Tensor,
    zoneout: tuple[float, ...],
) -> _Recorded:
    inputs, before, after = zip(*steps, strict=True)
    rows = [torch.cat(parts)[inverse] for parts in zip(*before, strict=True)]
    next_rows = [torch.cat(parts)[inverse] for parts in zip(*after, strict=True)]
    if zoneout:
        pairs = zip(zoneout, rows, next_rows, strict=True)
        next_rows = [share * old + (1 - share) * new for share, old, new in pairs]
    return _Recorded(cell, torch.cat(inputs)[inverse], tuple(rows), tuple(next_rows))


def _strips(place: Place, hidden: Tensor, recorded: _Recorded) -> list[Strip]:
    cell = recorded.cell
    calls = observe(cell, recorded.inputs, recorded.before, GATING)
    gates = cell.gates if isinstance(cell, GatedCell) else tuple(calls)
    found = [
        Strip(place, name, calls[name].function, _numbers(calls[name].value))
        for name in gates
        if name in calls
    ]
    found.append(Strip(place, "hidden state", "", _numbers(hidden)))
    if isinstance(cell, GatedCell):
        others = zip(cell.states[1:], recorded.after[1:], strict=True)
        found += [Strip(place, f"{name} state", "", _numbers(each)) for name, each in others]
    return found


def _numbers(values: Tensor) -> NDArray[np.float32]:
    return np.asarray(values.detach().to("cpu", torch.float32).numpy(), dtype=np.float32)

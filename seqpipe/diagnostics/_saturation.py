"""How often gates are saturated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from torch import Tensor

from seqpipe.diagnostics._plotting import axes_or_new
from seqpipe.diagnostics._unroll import check_data, evaluating, states_before
from seqpipe.errors import ConfigError
from seqpipe.parts.cells import Cell
from seqpipe.parts.recurrence import Call, observe

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Below the first and above the second a function's value counts as saturated.
LIMITS: Final = {"sigmoid": (0.1, 0.9), "tanh": (-0.9, 0.9)}


@dataclass(frozen=True, eq=False)
class Saturation:
    """How often each unit of one function is saturated.

    Attributes:
        function: "sigmoid" or "tanh".
        low: The share of each unit's values below 0.1 of a sigmoid, below -0.9 of a tanh: `[n]`.
        high: The share above 0.9: `[n]`.
    """

    function: str
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GateSaturation:
    """What `gate_saturation` counted.

    Attributes:
        gates: The saturation of each sigmoid and tanh, by name.
    """

    gates: dict[str, Saturation]

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw a bar for each gate: the share of low values, of high ones, and between them the rest.

        Args:
            axes: Where to draw; None makes a new figure, which is the result's ``figure``.

        Returns:
            The axes.

        Raises:
            PlotError: matplotlib isn't installed.
        """
        axes = axes_or_new(axes)
        names = [*self.gates]
        low = np.array([gate.low.mean() for gate in self.gates.values()])
        high = np.array([gate.high.mean() for gate in self.gates.values()])
        axes.barh(names, low, label="below 0.1 (tanh: -0.9)")
        axes.barh(names, 1 - low - high, left=low, color="lightgrey")
        axes.barh(names, high, left=1 - high, label="above 0.9")
        axes.set(xlim=(0, 1), xlabel="share of the values")
        axes.invert_yaxis()
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
        return axes


def gate_saturation(cell: Cell, inputs: Tensor, lengths: Tensor) -> GateSaturation:
    """Count how often the values of a cell's sigmoids and tanhs lie at the ends of their range.

    A gate that's mostly high passes, one that's mostly low blocks, and neither learns much; a tanh that's
    saturated lets no gradient through. (Karpathy, Johnson & Fei-Fei 2015, "Visualizing and
    understanding recurrent networks", count gates as left- and right-saturated in this way.)

    What's counted are the values of every sigmoid and tanh that a step computes, in order. In a
    `GatedCell` one is named after the gate whose W x + b is a plain summand of its argument: so a
    peephole's gate, or a GRU's candidate with its reset inside, has the gate's name. A second one of a
    gate, and one of no gate, such as tanh(c'), is called "tanh 2": the second tanh of the step. So are
    all in a `Cell` that isn't gated. The cell is run in evaluation mode and left in its own.

    Args:
        cell: Any cell whose rows don't depend on each other.
        inputs: `[N, input_width]`, the sequences concatenated.
        lengths: `[B]`, int64; 0 is allowed.

    Raises:
        ConfigError: A step computes no sigmoid and no tanh that's visible from outside: torch's fused
            and compiled functions aren't.
        DataError: There are no inputs, they have a NaN, shapes don't fit, or the cell's state doesn't
            stay finite.
    """
    check_data(cell, inputs, lengths)
    with evaluating(cell):
        state = states_before(cell, inputs, lengths.to(inputs.device))
        calls = observe(cell, inputs, state)
    if not calls:
        raise ConfigError(f"A step of {type(cell).__name__} computes no sigmoid and no tanh")
    return GateSaturation({name: _saturation(call) for name, call in calls.items()})


def _saturation(call: Call) -> Saturation:
    low, high = LIMITS[call.function]
    shares = [(call.value < low).double().mean(0), (call.value > high).double().mean(0)]
    return Saturation(call.function, *(share.cpu().numpy() for share in shares))

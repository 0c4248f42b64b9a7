"""How often gates are saturated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from seqpipe.diagnostics._plotting import axes_or_new
from seqpipe.diagnostics._unroll import check_data, evaluating, states_before
from seqpipe.errors import ConfigError
from seqpipe.parts.cells import Cell, GatedCell, State

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Intercepts the sigmoids and tanhs of a step, and finds out which gates they belong to.

#: The functions that are intercepted, by each of torch's names for them.
_FUNCTIONS: Final = {
    "sigmoid": "sigmoid",
    "sigmoid_": "sigmoid",
    "expit": "sigmoid",
    "special_expit": "sigmoid",
    "tanh": "tanh",
    "tanh_": "tanh",
}


@dataclass(frozen=True)
class Call:
    """A call of an intercepted function.

    Attributes:
        function: "sigmoid" or "tanh".
        argument: What it was called with, `[N, n]`.
        value: What it returned, `[N, n]`.
    """

    function: str
    argument: Tensor
    value: Tensor


class _Observer(TorchFunctionMode):
    """Records the calls of the intercepted functions while it's active."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        value = func(*args, **(kwargs or {}))
        function = _FUNCTIONS.get(getattr(func, "__name__", ""))
        # A function of a parameter alone, such as a learned decay, isn't a gate.
        if function and value.ndim == 2:
            self.calls.append(Call(function, args[0], value))
        return value


def observe(cell: Cell, inputs: Tensor, state: State) -> dict[str, Call]:
    """Take one time step from each row of some inputs, and return the calls it makes, by name.

    A call of a gated cell is named after the gate whose bias is a plain summand of its argument; others,
    and a second one of a gate, are numbered within their function.

    Args:
        cell: The cell.
        inputs: `[N, input_width]`
        state: `[N, n]` each.
    """
    # A leaf in place of the bias, which may be frozen.
    bias = cell.bias.detach().clone().requires_grad_() if isinstance(cell, GatedCell) else None
    with torch.set_grad_enabled(bias is not None), _Observer() as observer:
        torch.func.functional_call(cell, {} if bias is None else {"bias": bias}, (inputs, state))
    counts = dict.fromkeys(_FUNCTIONS.values(), 0)
    named: dict[str, Call] = {}
    for call in observer.calls:
        counts[call.function] += 1
        gate = _gate(cell, bias, call.argument) if isinstance(cell, GatedCell) else None
        numbered = f"{call.function} {counts[call.function]}"
        named[numbered if gate is None or gate in named else gate] = call
    return named


def _gate(cell: GatedCell, bias: Tensor | None, argument: Tensor) -> str | None:
    """Return the gate whose bias is a plain summand of an argument: has a derivative of 1 in each row."""
    if bias is None or not argument.requires_grad:
        return None
    (slopes,) = torch.autograd.grad(
        argument.sum(), [bias], retain_graph=True, materialize_grads=True
    )
    rows = torch.full_like(slopes[: cell.width], len(argument))
    for gate, slope in zip(cell.gates, slopes.chunk(len(cell.gates)), strict=True):
        if torch.allclose(slope, rows, rtol=1e-4):
            return gate
    return None


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

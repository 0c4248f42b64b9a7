"""Watches a step compute its sigmoids and tanhs, and finds out which gates they are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from seqpipe.parts.cells import Cell, GatedCell, State

#: The functions that are watched, by each name that torch has for them.
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
    """A call of a watched function.

    Attributes:
        function: "sigmoid" or "tanh".
        argument: What it was called with, `[N, n]`.
        value: What it returned, `[N, n]`.
    """

    function: str
    argument: Tensor
    value: Tensor


class _Observer(TorchFunctionMode):
    """Keeps the calls of the watched functions while it's entered."""

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
        # One of a parameter by itself, such as a learned decay, isn't a gate.
        if function and value.ndim == 2:
            self.calls.append(Call(function, args[0], value))
        return value


def observe(cell: Cell, inputs: Tensor, state: State) -> dict[str, Call]:
    """Take one step from each row of some inputs, and return the calls it makes, by name.

    A call of a gated cell is named after the gate whose bias is a plain summand of its argument; others,
    and a second one of a gate, are numbered within their function.

    Args:
        cell: The cell.
        inputs: `[N, input_width]`
        state: `[N, n]` each.
    """
    # A leaf in the bias's place, as that may be frozen.
    bias = cell.bias.detach().clone().requires_grad_() if isinstance(cell, GatedCell) else None
    with torch.set_grad_enabled(bias is not None), _Observer() as observer:
        torch.func.functional_call(cell, {} if bias is None else {"bias": bias}, (inputs, state))
    numbers = dict.fromkeys(_FUNCTIONS.values(), 0)
    named: dict[str, Call] = {}
    for call in observer.calls:
        numbers[call.function] += 1
        gate = _gate(cell, bias, call.argument) if isinstance(cell, GatedCell) else None
        number = f"{call.function} {numbers[call.function]}"
        named[number if gate is None or gate in named else gate] = call
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

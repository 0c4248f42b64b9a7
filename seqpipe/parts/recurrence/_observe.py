"""Observes a cell's step from outside: what its gates let through."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from seqpipe.parts.cells import Cell, GatedCell, State

#: The functions that are intercepted, by each of torch's names for them.
SQUASHING: Final[Mapping[str, str]] = {
    "sigmoid": "sigmoid",
    "sigmoid_": "sigmoid",
    "expit": "sigmoid",
    "special_expit": "sigmoid",
    "tanh": "tanh",
    "tanh_": "tanh",
}

#: These and the rectifier.
GATING: Final[Mapping[str, str]] = {**SQUASHING, "relu": "relu", "relu_": "relu"}


@dataclass(frozen=True)
class Call:
    """A call of an intercepted function.

    Attributes:
        function: "sigmoid", "tanh" or "relu".
        argument: What it was called with, `[N, n]`.
        value: What it returned, `[N, n]`.
    """

    function: str
    argument: Tensor
    value: Tensor


class _Observer(TorchFunctionMode):
    """Records the calls of the intercepted functions while it's active."""

    def __init__(self, functions: Mapping[str, str]) -> None:
        super().__init__()
        self.functions = functions
        self.calls: list[Call] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        name, named = getattr(func, "__name__", ""), kwargs or {}
        if name not in self.functions:
            return func(*args, **named)
        argument = args[0] if args else named["input"]
        # What the argument was is gone after the call, and the value may be overwritten in turn.
        in_place = name.endswith("_") or named.get("inplace", False)
        before = argument.clone() if in_place else argument
        value = func(*args, **named)
        # A function of a parameter alone, such as a learned decay, isn't a gate.
        if value.ndim == 2:
            after = value.clone() if in_place else value
            self.calls.append(Call(self.functions[name], before, after))
        return value


def observe(
    cell: Cell, inputs: Tensor, state: State, functions: Mapping[str, str] = SQUASHING
) -> dict[str, Call]:
    """Take one time step from each row of some inputs, and return the calls it makes, by name.

    A call of a gated cell is named after the gate whose bias is a plain summand of its argument; others,
    and a second one of a gate, are numbered within their function.

    Args:
        cell: The cell.
        inputs: `[N, input_width]`
        state: `[N, n]` each.
        functions: Which functions' calls, by each of torch's names for them.
    """
    # A leaf in place of the bias, which may be frozen.
    bias = cell.bias.detach().clone().requires_grad_() if isinstance(cell, GatedCell) else None
    with torch.set_grad_enabled(bias is not None), _Observer(functions) as observer:
        torch.func.functional_call(cell, {} if bias is None else {"bias": bias}, (inputs, state))
    counts = dict.fromkeys(functions.values(), 0)
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

"""Initialisers of weights and biases."""

from collections.abc import Callable
from typing import Final, Literal, TypeAlias, get_args

import torch
from torch import Tensor, nn

from seqpipe.parts.cells._contract import check_choice, check_finite

#: The initialisers of matrices that multiply the input.
InputInit: TypeAlias = Literal["glorot", "orthogonal", "gaussian", "uniform"]

#: The initialisers of matrices that multiply the state.
RecurrentInit: TypeAlias = Literal["orthogonal", "glorot", "gaussian", "uniform", "identity"]


def _gaussian(weight: Tensor) -> None:
    weight.normal_(std=weight.shape[1] ** -0.5)


def _uniform(weight: Tensor) -> None:
    bound = weight.shape[0] ** -0.5
    weight.uniform_(-bound, bound)


#: Each initialises the matrix of one gate, `[width, columns]`.
_INITS: Final[dict[str, Callable[[Tensor], object]]] = {
    "glorot": nn.init.xavier_uniform_,
    "orthogonal": nn.init.orthogonal_,
    "gaussian": _gaussian,
    "uniform": _uniform,
    "identity": nn.init.eye_,
}


def make_input_weight(gates: int, input_width: int, width: int, init: str) -> nn.Parameter:
    """Return W of some gates, one below the other: `[gates * width, input_width]`.

    Raises:
        ConfigError: There's no such `init`.
    """
    check_choice("input_init", init, get_args(InputInit))
    return nn.Parameter(_start(torch.empty(gates * width, input_width), gates, init))


def make_recurrent_weight(gates: int, width: int, init: str) -> nn.Parameter:
    """Return U of some gates, one below the other: `[gates * width, width]`.

    Raises:
        ConfigError: There's no such `init`.
    """
    check_choice("recurrent_init", init, get_args(RecurrentInit))
    weight = _start(torch.empty(gates * width, width), gates, init)
    # A matrix without rows needs no gradient.
    return nn.Parameter(weight, requires_grad=gates > 0)


def _start(weight: Tensor, gates: int, init: str) -> Tensor:
    for gate_weight in weight.chunk(gates) if gates else ():
        _INITS[init](gate_weight)
    return weight


def start_bias(bias: Tensor, setting: str, value: float) -> None:
    """Set a gate's bias to what a setting says.

    Args:
        bias: The gate's rows, `[width]`.
        setting: The setting's name.
        value: Its value.

    Raises:
        ConfigError: The value isn't a finite number.
    """
    check_finite(setting, value)
    nn.init.constant_(bias.data, value)

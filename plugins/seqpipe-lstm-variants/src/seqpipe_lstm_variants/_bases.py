"""What the cells here share: peepholes for all gates, and weights of cells that take their products themselves."""

import math
from typing import ClassVar

import torch
from seqpipe.errors import ConfigError
from seqpipe.parts.cells import Cell, PeepholeCell, State
from torch import Tensor, nn


class SeeingCell(PeepholeCell):
    """A gated cell with a memory that all of its gates see through peepholes (Gers et al. 2002)."""

    def __init__(self, input_width: int, width: int) -> None:
        seeing = [gate for gate in self.gates if gate != "candidate"]
        super().__init__(input_width, width, peepholes=seeing)


class ForgettingCell(SeeingCell):
    """A cell with peepholes that has a forget gate.

    Args:
        input_width: The width of x.
        width: The width of h and c.
        forget_bias: Where b_f starts. Above 0, the cell remembers at first (Gers et al. 2000).

    Raises:
        ConfigError: `forget_bias` isn't finite.
    """

    def __init__(self, input_width: int, width: int, *, forget_bias: float = 1.0) -> None:
        super().__init__(input_width, width)
        start_bias(self.gate_bias("forget"), "forget_bias", forget_bias)


class FreeCell(Cell):
    """A cell that takes its products itself, as there are other ones than W x and U h of each gate.

    Attributes:
        states: The states' names; all are `[B, width]`, and the first one is the output.
    """

    states: ClassVar[tuple[str, ...]]

    def __init__(self, input_width: int, width: int) -> None:
        super().__init__()
        self.input_width = input_width
        self.width = width

    def initial_state(self, batch_size: int, like: Tensor) -> State:
        """Return zeros for each state, `[batch_size, width]`."""
        return tuple(like.new_zeros(batch_size, self.width) for _ in self.states)


def glorot(gates: int, input_width: int, width: int) -> nn.Parameter:
    """Return W of some gates, one below the other, as `GatedCell` starts it: `[gates * width, input_width]`."""
    weight = torch.empty(gates * width, input_width)
    for gate_weight in torch.split(weight, width):
        nn.init.xavier_uniform_(gate_weight)
    return nn.Parameter(weight)


def orthogonal(gates: int, width: int, *, sources: int = 1) -> nn.Parameter:
    """Return U of some gates, one below the other, as `GatedCell` starts it.

    Args:
        gates: The number of gates.
        width: The width of a gate, and of what it gets.
        sources: How many vectors each gate gets, with a matrix of its own for each.

    Returns:
        `[gates * width, sources * width]`
    """
    weight = torch.empty(gates * width, sources * width)
    for gate_weight in torch.split(weight, width):
        for block in torch.split(gate_weight, width, dim=1):
            nn.init.orthogonal_(block)
    return nn.Parameter(weight)


def start_bias(bias: Tensor, setting: str, value: float) -> None:
    """Set a gate's bias to what a setting says.

    Args:
        bias: The gate's rows, `[width]`.
        setting: The setting's name.
        value: Its value.

    Raises:
        ConfigError: The value isn't a finite number.
    """
    if not math.isfinite(value):
        raise ConfigError(f"`{setting}` is {value}; it must be a finite number")
    nn.init.constant_(bias.data, value)

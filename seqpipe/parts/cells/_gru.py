"""The gated recurrent unit's cells."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from seqpipe.parts.cells._contract import Cell, State, check_sizes
from seqpipe.parts.cells._gated import GatedCell
from seqpipe.parts.initialisers import (
    InputInit,
    RecurrentInit,
    make_input_weight,
    make_recurrent_weight,
)


class GRU(GatedCell):
    """Gated recurrent unit (Cho et al. 2014), its reset applied after the recurrent product.

    This is the variant of torch and cuDNN, and of the first version of the paper's preprint::

        r = σ(W_r x + b_r + U_r h + c_r)
        z = σ(W_z x + b_z + U_z h + c_z)
        n = tanh(W_n x + b_n + r (U_n h + c_n))
        h' = (1 - z) n + z h

    Args:
        input_width: The width of x.
        width: The width of h.
        input_init: How each W is initialised: "glorot", "orthogonal", "gaussian" or "uniform"; see
            `GatedCell`.
        recurrent_init: How each U is initialised: one of these or "identity".

    Raises:
        ConfigError: A size is less than 1, or there's no such initialiser.
    """

    gates: ClassVar = ("reset", "update", "candidate")
    states: ClassVar = ("hidden",)
    has_recurrent_bias: ClassVar = True

    def step(
        self, x: Mapping[str, Tensor], h: Mapping[str, Tensor], state: Mapping[str, Tensor]
    ) -> State:
        """Compute the next hidden state; see `GatedCell.step`."""
        r = (x["reset"] + h["reset"]).sigmoid()
        z = (x["update"] + h["update"]).sigmoid()
        n = (x["candidate"] + r * h["candidate"]).tanh()
        return ((1 - z) * n + z * state["hidden"],)


class ResetBeforeGRU(Cell):
    """Gated recurrent unit (Cho et al. 2014), its reset applied before the recurrent product.

    This is the variant of the published paper, "Learning phrase representations using RNN
    encoder–decoder for statistical machine translation", with biases added::

        r = σ(W_r x + b_r + U_r h)
        z = σ(W_z x + b_z + U_z h)
        n = tanh(W_n x + b_n + U_n (r h))
        h' = (1 - z) n + z h

    U_n depends on r, so it's no `GatedCell`, and runs in the plain loop.

    Args:
        input_width: The width of x.
        width: The width of h.
        input_init: How each W is initialised: "glorot", "orthogonal", "gaussian" or "uniform"; see
            `GatedCell`.
        recurrent_init: How each U is initialised: one of these or "identity".

    Attributes:
        input_weight: W, `[3 * width, input_width]`, in the order r, z, n.
        recurrent_weight: U, `[3 * width, width]`, in that order.
        bias: b, `[3 * width]`, in that order.

    Raises:
        ConfigError: A size is less than 1, or there's no such initialiser.
    """

    def __init__(
        self,
        input_width: int,
        width: int,
        *,
        input_init: InputInit = "glorot",
        recurrent_init: RecurrentInit = "orthogonal",
    ) -> None:
        super().__init__()
        check_sizes(input_width, width)
        self.input_width = input_width
        self.width = width
        self.input_weight = make_input_weight(3, input_width, width, input_init)
        self.recurrent_weight = make_recurrent_weight(3, width, recurrent_init)
        self.bias = nn.Parameter(torch.zeros(3 * width))

    def initial_state(self, batch_size: int, like: Tensor) -> State:
        """Return zeros, `[batch_size, width]`."""
        return (like.new_zeros(batch_size, self.width),)

    def forward(self, input: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one step; see `Cell.forward`."""
        (before,) = state
        linear = nn.functional.linear
        x_r, x_z, x_n = linear(input, self.input_weight, self.bias).chunk(3, dim=1)
        U_r, U_z, U_n = self.recurrent_weight.chunk(3)
        r = (x_r + linear(before, U_r)).sigmoid()
        z = (x_z + linear(before, U_z)).sigmoid()
        n = (x_n + linear(r * before, U_n)).tanh()
        hidden = (1 - z) * n + z * before
        return hidden, (hidden,)

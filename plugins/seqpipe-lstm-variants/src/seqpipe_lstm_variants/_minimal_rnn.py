"""The minimal recurrent network's cell."""

from typing import ClassVar

import torch
from seqpipe.parts.cells import State
from torch import Tensor, nn

from seqpipe_lstm_variants._bases import FreeCell, glorot, orthogonal, start_bias


class MinimalRNN(FreeCell):
    """MinimalRNN: the state is a mean of what the inputs were mapped to (Chen 2017).

    ::

        z  = tanh(W x + b_z)
        u  = σ(U_h h + U_z z + b_u)
        h' = u h + (1 - u) z

    The paper leaves open how x is mapped to z; this is the map of its experiments.

    M. Chen: MinimalRNN: Toward more interpretable and trainable recurrent neural networks. arXiv
    1711.06788, 2017.

    Args:
        input_width: The width of x.
        width: The width of z and h.
        update_bias: Where b_u starts. Above 0, the cell remembers at first.

    Attributes:
        input_weight: W, `[width, input_width]`
        input_bias: b_z, `[width]`
        recurrent_weight: U_h, `[width, width]`
        latent_weight: U_z, `[width, width]`
        update_bias: b_u, `[width]`

    Raises:
        ConfigError: `update_bias` isn't finite.
    """

    states: ClassVar = ("hidden",)

    def __init__(self, input_width: int, width: int, *, update_bias: float = 1.0) -> None:
        super().__init__(input_width, width)
        self.input_weight = glorot(1, input_width, width)
        self.input_bias = nn.Parameter(torch.zeros(width))
        self.recurrent_weight = orthogonal(1, width)
        self.latent_weight = glorot(1, width, width)
        self.update_bias = nn.Parameter(torch.zeros(width))
        start_bias(self.update_bias, "update_bias", update_bias)

    def forward(self, input: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one step; see `Cell.forward`."""
        linear = nn.functional.linear
        z = linear(input, self.input_weight, self.input_bias).tanh()
        h_u = linear(state[0], self.recurrent_weight, self.update_bias)
        u = (h_u + linear(z, self.latent_weight)).sigmoid()
        hidden = u * state[0] + (1 - u) * z
        return hidden, (hidden,)

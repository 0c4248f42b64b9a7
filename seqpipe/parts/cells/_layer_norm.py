"""The LSTM with layer normalisation."""

import torch
from torch import Tensor, nn

from seqpipe.parts.cells._contract import Cell, State, check_sizes
from seqpipe.parts.initialisers import (
    InputInit,
    RecurrentInit,
    make_input_weight,
    make_recurrent_weight,
    start_bias,
)


class LayerNormLSTM(Cell):
    """Long short-term memory with layer normalisation (Ba, Kiros & Hinton 2016).

    ::

        (i, f, g, o) = LN(W x; a_x, β_x) + LN(U h; a_h, β_h) + b
        c' = σ(f) c + σ(i) tanh(g)
        h' = σ(o) tanh(LN(c'; a_c, β_c))

    LN(z; a, β) is a (z - μ) / √(s² + 1e-5) + β, μ and s² the mean and the variance over the elements of
    z: over all four gates at once in the first line. The state that's carried on is c' itself. Each a
    starts at 1, each β at 0.

    The three additive vectors of the first line are the paper's, though their sum would do. LN mixes
    the columns, so it's no `GatedCell`, and runs in the plain loop.

    Args:
        input_width: The width of x.
        width: The width of h and c. With 1, LN maps every c to β.
        forget_bias: The initial value of b_f; 1 keeps the memory open at first.
        input_init: How W of each gate is initialised: "glorot", "orthogonal", "gaussian" or "uniform"; see
            `GatedCell`. LN cancels the overall scale of W.
        recurrent_init: How U of each gate is initialised: one of these or "identity".

    Attributes:
        input_weight: W, `[4 * width, input_width]`, in the order i, f, g, o.
        recurrent_weight: U, `[4 * width, width]`, in that order.
        bias: b, `[4 * width]`, in that order.
        input_norm: a_x and β_x, `[4 * width]` each.
        recurrent_norm: a_h and β_h, `[4 * width]` each.
        cell_norm: a_c and β_c, `[width]` each.

    Raises:
        ConfigError: A size is less than 1, `forget_bias` isn't finite, or there's no such initialiser.
    """

    def __init__(
        self,
        input_width: int,
        width: int,
        *,
        forget_bias: float = 1.0,
        input_init: InputInit = "glorot",
        recurrent_init: RecurrentInit = "orthogonal",
    ) -> None:
        super().__init__()
        check_sizes(input_width, width)
        self.input_width = input_width
        self.width = width
        self.input_weight = make_input_weight(4, input_width, width, input_init)
        self.recurrent_weight = make_recurrent_weight(4, width, recurrent_init)
        self.bias = nn.Parameter(torch.zeros(4 * width))
        self.input_norm = nn.LayerNorm(4 * width)
        self.recurrent_norm = nn.LayerNorm(4 * width)
        self.cell_norm = nn.LayerNorm(width)
        start_bias(self.bias[width : 2 * width], "forget_bias", forget_bias)

    def initial_state(self, batch_size: int, like: Tensor) -> State:
        """Return zeros for h and c, `[batch_size, width]` each."""
        return like.new_zeros(batch_size, self.width), like.new_zeros(batch_size, self.width)

    def forward(self, input: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one step; see `Cell.forward`."""
        hidden, before = state
        x = self.input_norm(nn.functional.linear(input, self.input_weight))
        h = self.recurrent_norm(nn.functional.linear(hidden, self.recurrent_weight))
        i, f, g, o = (x + h + self.bias).chunk(4, dim=1)
        cell = f.sigmoid() * before + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * self.cell_norm(cell).tanh()
        return hidden, (hidden, cell)

"""The LSTM whose gates see each other."""

from typing import ClassVar

import torch
from seqpipe.parts.cells import State
from torch import Tensor, nn

from seqpipe_lstm_variants._bases import FreeCell, glorot, orthogonal, start_bias


class FullGateRecurrence(FreeCell):
    """The LSTM whose gates also see what all gates were before: FGR of Greff et al. (2017).

    ::

        i' = σ(W_i x + b_i + U_i h + p_i c  + R_ii i + R_if f + R_io o)
        f' = σ(W_f x + b_f + U_f h + p_f c  + R_fi i + R_ff f + R_fo o)
        g' = tanh(W_g x + b_g + U_g h)
        c' = f' c + i' g'
        o' = σ(W_o x + b_o + U_o h + p_o c' + R_oi i + R_of f + R_oo o)
        h' = o' tanh(c')

    The recurrence between gates is that of Hochreiter & Schmidhuber (1997); the peepholes p, which
    multiply elementwise, are those of the vanilla LSTM, so the output gate sees the new memory.
    R_ab leads from gate b to gate a; the paper writes the two indices the other way round. Before the
    first step the gates are 0, like h and c, so that step is the LSTM's.

    K. Greff, R. K. Srivastava, J. Koutník, B. R. Steunebrink, J. Schmidhuber: LSTM: A search space
    odyssey. IEEE Transactions on Neural Networks and Learning Systems 28 (10), 2017. arXiv 1503.04069.

    Args:
        input_width: The width of x.
        width: The width of h, c and the gates.
        forget_bias: Where b_f starts. Above 0, the cell remembers at first (Gers et al. 2000).

    Attributes:
        input_weight: W, `[4 * width, input_width]`, in the order i, f, g, o.
        recurrent_weight: U, `[4 * width, width]`, in that order.
        bias: b, `[4 * width]`, in that order.
        gate_weight: R, `[3 * width, 3 * width]`, rows and columns in the order i, f, o.
        peephole: For each gate a vector p, `[width]`. They start at 0.

    Raises:
        ConfigError: `forget_bias` isn't finite.
    """

    states: ClassVar = ("hidden", "cell", "input", "forget", "output")

    def __init__(self, input_width: int, width: int, *, forget_bias: float = 1.0) -> None:
        super().__init__(input_width, width)
        self.input_weight = glorot(4, input_width, width)
        self.recurrent_weight = orthogonal(4, width)
        self.gate_weight = orthogonal(3, width, sources=3)
        seeing = ("input", "forget", "output")
        self.peephole = nn.ParameterDict({gate: torch.zeros(width) for gate in seeing})
        self.bias = nn.Parameter(torch.zeros(4 * width))
        start_bias(self.bias[width : 2 * width], "forget_bias", forget_bias)

    def forward(self, input: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one step; see `Cell.forward`."""
        hidden, before, *gates = state
        linear = nn.functional.linear
        x = linear(input, self.input_weight, self.bias) + linear(hidden, self.recurrent_weight)
        x_i, x_f, x_g, x_o = x.chunk(4, dim=1)
        r_i, r_f, r_o = linear(torch.cat(gates, dim=1), self.gate_weight).chunk(3, dim=1)
        p = self.peephole
        i = (x_i + r_i + p["input"] * before).sigmoid()
        f = (x_f + r_f + p["forget"] * before).sigmoid()
        cell = f * before + i * x_g.tanh()
        o = (x_o + r_o + p["output"] * cell).sigmoid()
        hidden = o * cell.tanh()
        return hidden, (hidden, cell, i, f, o)

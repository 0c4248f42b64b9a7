"""The minimal gated unit."""

from typing import ClassVar

import torch
from seqpipe.parts.cells import State
from torch import Tensor, nn

from seqpipe_lstm_variants._bases import FreeCell, glorot, orthogonal, start_bias


class MGU(FreeCell):
    """The minimal gated unit: a GRU whose two gates are one (Zhou et al. 2016).

    ::

        f  = σ(W_f x + b_f + U_f h)
        g  = tanh(W_g x + b_g + U_g (f h))
        h' = (1 - f) h + f g

    As in the paper, the gate is applied before the recurrent product.

    G.-B. Zhou, J. Wu, C.-L. Zhang, Z.-H. Zhou: Minimal gated unit for recurrent neural networks.
    International Journal of Automation and Computing 13 (3), 2016. arXiv 1603.09420.

    Args:
        input_width: The width of x.
        width: The width of h.
        forget_bias: Where b_f starts. An open gate lets h in and writes over it, so it's below 0 that
            the cell remembers at first.

    Attributes:
        input_weight: W, `[2 * width, input_width]`, in the order f, g.
        forget_weight: U_f, `[width, width]`
        candidate_weight: U_g, `[width, width]`
        bias: b, `[2 * width]`, in the order f, g.

    Raises:
        ConfigError: `forget_bias` isn't finite.
    """

    states: ClassVar = ("hidden",)

    def __init__(self, input_width: int, width: int, *, forget_bias: float = 0.0) -> None:
        super().__init__(input_width, width)
        self.input_weight = glorot(2, input_width, width)
        self.forget_weight = orthogonal(1, width)
        self.candidate_weight = orthogonal(1, width)
        self.bias = nn.Parameter(torch.zeros(2 * width))
        start_bias(self.bias[:width], "forget_bias", forget_bias)

    def forward(self, input: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one step; see `Cell.forward`."""
        (before,) = state
        linear = nn.functional.linear
        x_f, x_g = linear(input, self.input_weight, self.bias).chunk(2, dim=1)
        f = (x_f + linear(before, self.forget_weight)).sigmoid()
        g = (x_g + linear(f * before, self.candidate_weight)).tanh()
        hidden = (1 - f) * before + f * g
        return hidden, (hidden,)

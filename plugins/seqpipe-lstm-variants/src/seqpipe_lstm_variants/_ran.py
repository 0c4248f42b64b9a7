"""The recurrent additive network's cell."""

from typing import ClassVar, Final, Literal

import torch
from seqpipe.errors import ConfigError
from seqpipe.parts.cells import State
from torch import Tensor, nn

from seqpipe_lstm_variants._bases import FreeCell, glorot, orthogonal, start_bias

_ACTIVATIONS: Final[dict[str, type[nn.Module]]] = {"tanh": nn.Tanh, "identity": nn.Identity}


class RAN(FreeCell):
    """Recurrent additive network: the memory is a weighted sum of inputs (Lee et al. 2017).

    ::

        i  = σ(W_i x + b_i + U_i h)
        f  = σ(W_f x + b_f + U_f h)
        c' = f c + i (W_c x)
        h' = φ(c')

    What is written doesn't depend on h; only the gates do.

    K. Lee, O. Levy, L. Zettlemoyer: Recurrent additive networks. arXiv 1705.07393, 2017.

    Args:
        input_width: The width of x.
        width: The width of h and c.
        activation: φ; the paper tries both.
        forget_bias: Where b_f starts. Above 0, the cell remembers at first.

    Attributes:
        input_weight: W, `[3 * width, input_width]`, in the order c, i, f.
        recurrent_weight: U, `[2 * width, width]`, in the order i, f.
        bias: b, `[2 * width]`, in the order i, f.

    Raises:
        ConfigError: There's no such `activation`, or `forget_bias` isn't finite.
    """

    states: ClassVar = ("hidden", "cell")

    def __init__(
        self,
        input_width: int,
        width: int,
        *,
        activation: Literal["tanh", "identity"] = "tanh",
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__(input_width, width)
        if activation not in _ACTIVATIONS:
            allowed = " or ".join(repr(name) for name in _ACTIVATIONS)
            raise ConfigError(f"`activation` is {activation!r}; it must be {allowed}")
        self.activation = _ACTIVATIONS[activation]()
        self.input_weight = glorot(3, input_width, width)
        self.recurrent_weight = orthogonal(2, width)
        self.bias = nn.Parameter(torch.zeros(2 * width))
        start_bias(self.bias[width:], "forget_bias", forget_bias)

    def forward(self, input: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one step; see `Cell.forward`."""
        hidden, before = state
        content, x_i, x_f = nn.functional.linear(input, self.input_weight).chunk(3, dim=1)
        h_i, h_f = nn.functional.linear(hidden, self.recurrent_weight, self.bias).chunk(2, dim=1)
        cell = (x_f + h_f).sigmoid() * before + (x_i + h_i).sigmoid() * content
        hidden = self.activation(cell)
        return hidden, (hidden, cell)

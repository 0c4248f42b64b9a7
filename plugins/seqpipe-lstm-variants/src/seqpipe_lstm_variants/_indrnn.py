"""The independently recurrent network's cell."""

from typing import ClassVar

import torch
from seqpipe.errors import ConfigError
from seqpipe.parts.cells import State
from torch import Tensor, nn

from seqpipe_lstm_variants._bases import FreeCell, glorot


class IndRNN(FreeCell):
    """Independently recurrent network: each unit sees itself only (Li et al. 2018).

    ::

        u  = 2^(1/T) tanh(v)
        h' = relu(W x + b + u h)

    u multiplies elementwise. Its bound keeps a unit from growing more than twofold over T steps by
    itself. u starts evenly spread over [0, 2^(1/T)]; that the paper starts a last layer closer to 1
    isn't done here, as a cell doesn't know its layer.

    The paper learns u and cuts it to its bound after each update. A cell doesn't see updates, so here
    v is learnt, whose u can't leave the bound. What that costs: the gradient of u reaches v multiplied by
    2^(1/T) (1 - (u / 2^(1/T))²), so units learn slowly whose u starts near the bound. Cutting slows none.

    S. Li, W. Li, C. Cook, C. Zhu, Y. Gao: Independently recurrent neural network (IndRNN): building a
    longer and deeper RNN. CVPR, 2018. arXiv 1803.04831.

    Args:
        input_width: The width of x.
        width: The width of h.
        steps: T, about the length of the longest sequence.

    Attributes:
        input_weight: W, `[width, input_width]`
        recurrent_weight: v, `[width]`
        bias: b, `[width]`
        bound: 2^(1/T)

    Raises:
        ConfigError: `steps` is less than 1.
    """

    states: ClassVar = ("hidden",)

    def __init__(self, input_width: int, width: int, *, steps: int = 1000) -> None:
        super().__init__(input_width, width)
        if steps < 1:
            raise ConfigError(f"`steps` is {steps}; it must be at least 1")
        self.bound = 2 ** (1 / steps)
        self.input_weight = glorot(1, input_width, width)
        self.recurrent_weight = nn.Parameter(torch.rand(width).atanh())
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, input: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one step; see `Cell.forward`."""
        u = self.bound * self.recurrent_weight.tanh()
        x = nn.functional.linear(input, self.input_weight, self.bias)
        hidden = (x + u * state[0]).relu()
        return hidden, (hidden,)

"""The independently recurrent network's cell."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from seqpipe.errors import ConfigError
from seqpipe.parts.cells import GatedCell, State
from torch import Tensor, nn


class IndRNN(GatedCell):
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
        unit_weight: v, `[width]`
        bias: b, `[width]`
        bound: 2^(1/T)

    Raises:
        ConfigError: `steps` is less than 1.
    """

    gates: ClassVar = ("hidden",)
    input_only: ClassVar = ("hidden",)
    states: ClassVar = ("hidden",)

    def __init__(self, input_width: int, width: int, *, steps: int = 1000) -> None:
        super().__init__(input_width, width)
        if steps < 1:
            raise ConfigError(f"`steps` is {steps}; it must be at least 1")
        self.bound = 2 ** (1 / steps)
        self.unit_weight = nn.Parameter(torch.rand(width).atanh())

    def step(
        self, x: Mapping[str, Tensor], h: Mapping[str, Tensor], state: Mapping[str, Tensor]
    ) -> State:
        """Compute the next hidden state; see `GatedCell.step`."""
        u = self.bound * self.unit_weight.tanh()
        return ((x["hidden"] + u * state["hidden"]).relu(),)

"""The LSTM that has a forget gate only."""

import math
from collections.abc import Mapping
from typing import ClassVar

from seqpipe.errors import ConfigError
from seqpipe.parts.cells import GatedCell, State
from torch import Tensor

from seqpipe_lstm_variants._bases import start_bias


class JANET(GatedCell):
    """Just another network: the LSTM with a forget gate only (van der Westhuizen & Lasenby 2018).

    ::

        s  = W_f x + b_f + U_f h
        g  = tanh(W_g x + b_g + U_g h)
        h' = σ(s) h + (1 - σ(s - β)) g

    With β above 0 the cell writes more than it forgets.

    J. van der Westhuizen, J. Lasenby: The unreasonable effectiveness of the forget gate. arXiv
    1804.04849, 2018. C. Tallec, Y. Ollivier: Can recurrent neural networks warp time? ICLR, 2018.

    Args:
        input_width: The width of x.
        width: The width of h.
        beta: β; 1 in the paper.
        forget_bias: Where b_f starts, unless `chrono_steps` is given.
        chrono_steps: T, the number of steps after which the slowest unit should still remember. Each
            unit's b_f then starts at log u, u drawn evenly from [1, T - 1]: the chrono initialisation
            of Tallec & Ollivier (2018), which the paper uses throughout.

    Raises:
        ConfigError: `beta` or `forget_bias` isn't finite, or `chrono_steps` is less than 2.
    """

    gates: ClassVar = ("forget", "candidate")
    states: ClassVar = ("hidden",)

    def __init__(
        self,
        input_width: int,
        width: int,
        *,
        beta: float = 1.0,
        forget_bias: float = 1.0,
        chrono_steps: int | None = None,
    ) -> None:
        super().__init__(input_width, width)
        if not math.isfinite(beta):
            raise ConfigError(f"`beta` is {beta}; it must be a finite number")
        self.beta = beta
        start_bias(self.gate_bias("forget"), "forget_bias", forget_bias)
        if chrono_steps is not None:
            _start_chrono(self.gate_bias("forget"), chrono_steps)

    def step(
        self, x: Mapping[str, Tensor], h: Mapping[str, Tensor], state: Mapping[str, Tensor]
    ) -> State:
        """Compute the next hidden state; see `GatedCell.step`."""
        s = x["forget"] + h["forget"]
        g = (x["candidate"] + h["candidate"]).tanh()
        return (s.sigmoid() * state["hidden"] + (1 - (s - self.beta).sigmoid()) * g,)


def _start_chrono(bias: Tensor, steps: int) -> None:
    if steps < 2:
        raise ConfigError(f"`chrono_steps` is {steps}; it must be at least 2")
    bias.uniform_(1, steps - 1).log_()

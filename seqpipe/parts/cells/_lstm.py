"""The long short-term memory's cell."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from seqpipe.parts.cells._contract import State
from seqpipe.parts.cells._gated import GatedCell
from seqpipe.parts.initialisers import InputInit, RecurrentInit, start_bias


class LSTM(GatedCell):
    """Long short-term memory (Hochreiter & Schmidhuber 1997) with a forget gate (Gers et al. 2000).

    ::

        i = σ(W_i x + b_i + U_i h)
        f = σ(W_f x + b_f + U_f h)
        g = tanh(W_g x + b_g + U_g h)
        o = σ(W_o x + b_o + U_o h)
        c' = f c + i g
        h' = o tanh(c')

    Args:
        input_width: The width of x.
        width: The width of h and c.
        forget_bias: The initial value of b_f; 1 keeps the memory open at first (Jozefowicz et al. 2015).
        input_init: How each W is initialised: "glorot", "orthogonal", "gaussian" or "uniform"; see
            `GatedCell`.
        recurrent_init: How each U is initialised: one of these or "identity".

    Raises:
        ConfigError: A size is less than 1, `forget_bias` isn't finite, or there's no such initialiser.
    """

    gates: ClassVar = ("input", "forget", "candidate", "output")
    states: ClassVar = ("hidden", "cell")

    def __init__(
        self,
        input_width: int,
        width: int,
        *,
        forget_bias: float = 1.0,
        input_init: InputInit = "glorot",
        recurrent_init: RecurrentInit = "orthogonal",
    ) -> None:
        super().__init__(input_width, width, input_init=input_init, recurrent_init=recurrent_init)
        start_bias(self.gate_bias("forget"), "forget_bias", forget_bias)

    def step(
        self, x: Mapping[str, Tensor], h: Mapping[str, Tensor], state: Mapping[str, Tensor]
    ) -> State:
        """Compute the next hidden and cell state; see `GatedCell.step`."""
        i = (x["input"] + h["input"]).sigmoid()
        f = (x["forget"] + h["forget"]).sigmoid()
        g = (x["candidate"] + h["candidate"]).tanh()
        o = (x["output"] + h["output"]).sigmoid()
        cell = f * state["cell"] + i * g
        return o * cell.tanh(), cell

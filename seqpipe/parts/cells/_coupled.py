"""The LSTM whose input and forget gates are one."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from torch import Tensor

from seqpipe.parts.cells._contract import State
from seqpipe.parts.cells._initial import InputInit, RecurrentInit, start_bias
from seqpipe.parts.cells._peephole import PeepholeCell


class CoupledLSTM(PeepholeCell):
    """Long short-term memory that forgets as much as it writes: CIFG of Greff et al. (2015).

    ::

        f  = σ(W_f x + b_f + U_f h (+ p_f c))
        g  = tanh(W_g x + b_g + U_g h)
        c' = f c + (1 - f) g
        o  = σ(W_o x + b_o + U_o h (+ p_o c'))
        h' = o tanh(c')

    The input gate is 1 - f, so there are three quarters of the LSTM's weights. Each p, `[width]`,
    multiplies elementwise and starts at 0. From "LSTM: a search space odyssey", whose CIFG has both.

    Args:
        input_width: The width of x.
        width: The width of h and c.
        peepholes: Which gates see the memory: a list of "forget" and "output".
        forget_bias: Where b_f starts; above 0, the cell remembers at first, and writes little.
        input_init: How each W starts: "glorot", "orthogonal", "gaussian" or "uniform"; see
            `GatedCell`.
        recurrent_init: How each U starts: one of these or "identity".

    Raises:
        ConfigError: A size is less than 1, `peepholes` has another name or one twice, `forget_bias`
            isn't finite, or there's no such way to start.
    """

    gates: ClassVar = ("forget", "candidate", "output")

    def __init__(
        self,
        input_width: int,
        width: int,
        *,
        peepholes: Sequence[Literal["forget", "output"]] = (),
        forget_bias: float = 1.0,
        input_init: InputInit = "glorot",
        recurrent_init: RecurrentInit = "orthogonal",
    ) -> None:
        super().__init__(
            input_width,
            width,
            peepholes=peepholes,
            input_init=input_init,
            recurrent_init=recurrent_init,
        )
        start_bias(self.gate_bias("forget"), "forget_bias", forget_bias)

    def step(
        self, x: Mapping[str, Tensor], h: Mapping[str, Tensor], state: Mapping[str, Tensor]
    ) -> State:
        """Compute the next hidden and cell state; see `GatedCell.step`."""
        before = state["cell"]
        f = self.open_gate("forget", x, h, before)
        g = (x["candidate"] + h["candidate"]).tanh()
        cell = f * before + (1 - f) * g
        return self.open_gate("output", x, h, cell) * cell.tanh(), cell

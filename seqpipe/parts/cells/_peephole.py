"""LSTMs with peephole connections: the gates see the memory cell; and the LSTM with coupled gates."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from seqpipe.parts.cells._contract import State, check_names
from seqpipe.parts.cells._gated import GatedCell
from seqpipe.parts.initialisers import InputInit, RecurrentInit, start_bias


class PeepholeCell(GatedCell):
    """A gated cell with a memory that gates see through peephole connections (Gers et al. 2002).

    A peephole is a vector p that multiplies the memory elementwise. All start at 0. Gates but the one
    that's called "candidate" may have one.

    Args:
        input_width: The width of x.
        width: The width of h and c.
        peepholes: The gates that have one.
        input_init: As in `GatedCell`.
        recurrent_init: As in `GatedCell`.

    Attributes:
        peephole: p of each of these gates, `[width]`.

    Raises:
        ConfigError: `peepholes` has other names or one of them twice; or as `GatedCell`.
    """

    states: ClassVar = ("hidden", "cell")

    def __init__(
        self,
        input_width: int,
        width: int,
        *,
        peepholes: Sequence[str],
        input_init: InputInit = "glorot",
        recurrent_init: RecurrentInit = "orthogonal",
    ) -> None:
        super().__init__(input_width, width, input_init=input_init, recurrent_init=recurrent_init)
        allowed = [gate for gate in self.gates if gate != "candidate"]
        check_names("peepholes", peepholes, allowed)
        self.peephole = nn.ParameterDict(
            {gate: torch.zeros(width) for gate in allowed if gate in peepholes}
        )

    def open_gate(
        self, gate: str, x: Mapping[str, Tensor], h: Mapping[str, Tensor], cell: Tensor
    ) -> Tensor:
        """Compute σ(W x + b + U h + p c) of a gate, without p c if it has no peephole.

        Args:
            gate: Its name.
            x: As passed to `step`.
            h: As passed to `step`.
            cell: The memory that the gate sees, `[B, width]`.
        """
        opening = x[gate] + h[gate]
        if gate in self.peephole:
            opening = opening + self.peephole[gate] * cell
        return opening.sigmoid()


class PeepholeLSTM(PeepholeCell):
    """Long short-term memory whose gates see the memory (Gers, Schraudolph & Schmidhuber 2002).

    ::

        i  = σ(W_i x + b_i + U_i h + p_i c)
        f  = σ(W_f x + b_f + U_f h + p_f c)
        g  = tanh(W_g x + b_g + U_g h)
        c' = f c + i g
        o  = σ(W_o x + b_o + U_o h + p_o c')
        h' = o tanh(c')

    Each p, `[width]`, multiplies elementwise. All start at 0, where this is the `LSTM`; so it is
    without any peepholes. From "Learning precise timing with LSTM recurrent networks".

    Args:
        input_width: The width of x.
        width: The width of h and c.
        peepholes: Which gates have one: a list of "input", "forget" and "output".
        forget_bias: The initial value of b_f; 1 keeps the memory open at first.
        input_init: How each W is initialised: "glorot", "orthogonal", "gaussian" or "uniform"; see
            `GatedCell`.
        recurrent_init: How each U is initialised: one of these or "identity".

    Raises:
        ConfigError: A size is less than 1, `peepholes` has another name or one twice, `forget_bias`
            isn't finite, or there's no such initialiser.
    """

    gates: ClassVar = ("input", "forget", "candidate", "output")

    def __init__(
        self,
        input_width: int,
        width: int,
        *,
        peepholes: Sequence[Literal["input", "forget", "output"]] = ("input", "forget", "output"),
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
        i = self.open_gate("input", x, h, before)
        f = self.open_gate("forget", x, h, before)
        g = (x["candidate"] + h["candidate"]).tanh()
        cell = f * before + i * g
        return self.open_gate("output", x, h, cell) * cell.tanh(), cell


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
        forget_bias: The initial value of b_f; above 0, the cell remembers at first, and writes little.
        input_init: How each W is initialised: "glorot", "orthogonal", "gaussian" or "uniform"; see
            `GatedCell`.
        recurrent_init: How each U is initialised: one of these or "identity".

    Raises:
        ConfigError: A size is less than 1, `peepholes` has another name or one twice, `forget_bias`
            isn't finite, or there's no such initialiser.
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

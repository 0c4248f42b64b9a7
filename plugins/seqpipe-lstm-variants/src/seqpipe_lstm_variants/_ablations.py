"""The LSTM with one thing left out, as in "LSTM: A search space odyssey".

K. Greff, R. K. Srivastava, J. Koutník, B. R. Steunebrink, J. Schmidhuber: LSTM: A search space odyssey.
IEEE Transactions on Neural Networks and Learning Systems 28 (10), 2017. arXiv 1503.04069.

They start from the LSTM with peepholes, the "vanilla LSTM" of their equations::

    i  = σ(W_i x + b_i + U_i h + p_i c)
    f  = σ(W_f x + b_f + U_f h + p_f c)
    g  = tanh(W_g x + b_g + U_g h)
    c' = f c + i g
    o  = σ(W_o x + b_o + U_o h + p_o c')
    h' = o tanh(c')

Each p is a vector that multiplies elementwise. What is left out takes its weights and its peephole with
it. The paper's variants "coupled input and forget gate" and "no peepholes" aren't here: they're
seqpipe's own CoupledLSTM, with all its peepholes, and its LSTM.
"""

from collections.abc import Mapping
from typing import ClassVar

from seqpipe.parts.cells import State
from torch import Tensor

from seqpipe_lstm_variants._bases import ForgettingCell, SeeingCell


class NoInputGate(ForgettingCell):
    """The LSTM that writes everything it reads: NIG of Greff et al. (2017).

    ::

        f  = σ(W_f x + b_f + U_f h + p_f c)
        g  = tanh(W_g x + b_g + U_g h)
        c' = f c + g
        o  = σ(W_o x + b_o + U_o h + p_o c')
        h' = o tanh(c')
    """

    gates: ClassVar = ("forget", "candidate", "output")

    def step(
        self, x: Mapping[str, Tensor], h: Mapping[str, Tensor], state: Mapping[str, Tensor]
    ) -> State:
        """Compute the next hidden and cell state; see `GatedCell.step`."""
        before = state["cell"]
        f = self.open_gate("forget", x, h, before)
        g = (x["candidate"] + h["candidate"]).tanh()
        cell = f * before + g
        o = self.open_gate("output", x, h, cell)
        return o * cell.tanh(), cell


class NoForgetGate(SeeingCell):
    """The LSTM that never forgets: NFG of Greff et al. (2017).

    ::

        i  = σ(W_i x + b_i + U_i h + p_i c)
        g  = tanh(W_g x + b_g + U_g h)
        c' = c + i g
        o  = σ(W_o x + b_o + U_o h + p_o c')
        h' = o tanh(c')

    It's the LSTM before Gers et al. (2000), but for the peepholes. c may grow with each step.

    Args:
        input_width: The width of x.
        width: The width of h and c.
    """

    gates: ClassVar = ("input", "candidate", "output")

    def step(
        self, x: Mapping[str, Tensor], h: Mapping[str, Tensor], state: Mapping[str, Tensor]
    ) -> State:
        """Compute the next hidden and cell state; see `GatedCell.step`."""
        before = state["cell"]
        i = self.open_gate("input", x, h, before)
        g = (x["candidate"] + h["candidate"]).tanh()
        cell = before + i * g
        o = self.open_gate("output", x, h, cell)
        return o * cell.tanh(), cell


class NoOutputGate(ForgettingCell):
    """The LSTM that shows all of its memory: NOG of Greff et al. (2017).

    ::

        i  = σ(W_i x + b_i + U_i h + p_i c)
        f  = σ(W_f x + b_f + U_f h + p_f c)
        g  = tanh(W_g x + b_g + U_g h)
        c' = f c + i g
        h' = tanh(c')
    """

    gates: ClassVar = ("input", "forget", "candidate")

    def step(
        self, x: Mapping[str, Tensor], h: Mapping[str, Tensor], state: Mapping[str, Tensor]
    ) -> State:
        """Compute the next hidden and cell state; see `GatedCell.step`."""
        before = state["cell"]
        i = self.open_gate("input", x, h, before)
        f = self.open_gate("forget", x, h, before)
        g = (x["candidate"] + h["candidate"]).tanh()
        cell = f * before + i * g
        return cell.tanh(), cell


class NoInputActivation(ForgettingCell):
    """The LSTM that writes without squashing: NIAF of Greff et al. (2017).

    ::

        i  = σ(W_i x + b_i + U_i h + p_i c)
        f  = σ(W_f x + b_f + U_f h + p_f c)
        g  = W_g x + b_g + U_g h
        c' = f c + i g
        o  = σ(W_o x + b_o + U_o h + p_o c')
        h' = o tanh(c')
    """

    gates: ClassVar = ("input", "forget", "candidate", "output")

    def step(
        self, x: Mapping[str, Tensor], h: Mapping[str, Tensor], state: Mapping[str, Tensor]
    ) -> State:
        """Compute the next hidden and cell state; see `GatedCell.step`."""
        before = state["cell"]
        i = self.open_gate("input", x, h, before)
        f = self.open_gate("forget", x, h, before)
        g = x["candidate"] + h["candidate"]
        cell = f * before + i * g
        o = self.open_gate("output", x, h, cell)
        return o * cell.tanh(), cell


class NoOutputActivation(ForgettingCell):
    """The LSTM that shows its memory without squashing it: NOAF of Greff et al. (2017).

    ::

        i  = σ(W_i x + b_i + U_i h + p_i c)
        f  = σ(W_f x + b_f + U_f h + p_f c)
        g  = tanh(W_g x + b_g + U_g h)
        c' = f c + i g
        o  = σ(W_o x + b_o + U_o h + p_o c')
        h' = o c'

    Nothing bounds h. The paper found the forget gate and this activation to be what matters most.
    """

    gates: ClassVar = ("input", "forget", "candidate", "output")

    def step(
        self, x: Mapping[str, Tensor], h: Mapping[str, Tensor], state: Mapping[str, Tensor]
    ) -> State:
        """Compute the next hidden and cell state; see `GatedCell.step`."""
        before = state["cell"]
        i = self.open_gate("input", x, h, before)
        f = self.open_gate("forget", x, h, before)
        g = (x["candidate"] + h["candidate"]).tanh()
        cell = f * before + i * g
        o = self.open_gate("output", x, h, cell)
        return o * cell, cell

"""The LSTM with other functions in its gates, in what it writes and in what it shows."""

from collections.abc import Callable, Mapping
from typing import ClassVar, Final, Literal, TypeAlias, get_args

import torch
from seqpipe.errors import ConfigError
from seqpipe.parts.cells import GatedCell, State
from torch import Tensor

from seqpipe_lstm_variants._bases import start_bias

Function: TypeAlias = Literal["sigmoid", "tanh", "relu"]

_FUNCTIONS: Final[Mapping[Function, Callable[[Tensor], Tensor]]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
}


class ChosenFunctions(GatedCell):
    """The LSTM whose functions can be chosen, to see what each is for.

    ::

        i  = γ(W_i x + b_i + U_i h)
        f  = γ(W_f x + b_f + U_f h)
        g  = φ(W_g x + b_g + U_g h)
        o  = γ(W_o x + b_o + U_o h)
        c' = f c + i g
        h' = o ψ(c')

    With γ = σ and φ = ψ = tanh, it's the LSTM of Gers et al. (2000). With another γ than σ a gate no longer says which share
    passes: by tanh it may turn signs, by relu it may amplify, and what's in c then grows exponentially where f stays above 1.

    Args:
        input_width: The width of x.
        width: The width of h and c.
        gate: γ, of all three gates.
        candidate: φ, of what's written.
        output: ψ, of what's shown.
        forget_bias: Where b_f starts.

    Raises:
        ConfigError: There's no such function, or `forget_bias` isn't finite.
    """

    gates: ClassVar = ("input", "forget", "candidate", "output")
    states: ClassVar = ("hidden", "cell")

    def __init__(
        self,
        input_width: int,
        width: int,
        *,
        gate: Function = "sigmoid",
        candidate: Function = "tanh",
        output: Function = "tanh",
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__(input_width, width)
        for setting, value in {"gate": gate, "candidate": candidate, "output": output}.items():
            if value not in get_args(Function):
                allowed = " or ".join(map(repr, get_args(Function)))
                raise ConfigError(f"`{setting}` is {value!r}; it must be {allowed}")
        self.gate, self.candidate, self.output = gate, candidate, output
        start_bias(self.gate_bias("forget"), "forget_bias", forget_bias)

    def step(
        self, x: Mapping[str, Tensor], h: Mapping[str, Tensor], state: Mapping[str, Tensor]
    ) -> State:
        """Compute the next hidden and cell state; see `GatedCell.step`."""
        gate = _FUNCTIONS[self.gate]
        i = gate(x["input"] + h["input"])
        f = gate(x["forget"] + h["forget"])
        g = _FUNCTIONS[self.candidate](x["candidate"] + h["candidate"])
        o = gate(x["output"] + h["output"])
        cell = f * state["cell"] + i * g
        return o * _FUNCTIONS[self.output](cell), cell

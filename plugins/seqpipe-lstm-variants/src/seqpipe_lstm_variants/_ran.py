"""The recurrent additive network's cell."""

from collections.abc import Mapping
from typing import ClassVar, Literal, TypeAlias, get_args

from seqpipe.errors import ConfigError
from seqpipe.parts.cells import GatedCell, State
from torch import Tensor

from seqpipe_lstm_variants._bases import start_bias

Activation: TypeAlias = Literal["tanh", "identity"]


class RAN(GatedCell):
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
        recurrent_bias: b, `[2 * width]`, in that order.
        bias: Zeros that aren't learnt, `[3 * width]`: what's written has no bias.

    Raises:
        ConfigError: There's no such `activation`, or `forget_bias` isn't finite.
    """

    gates: ClassVar = ("content", "input", "forget")
    input_only: ClassVar = ("content",)
    states: ClassVar = ("hidden", "cell")
    has_recurrent_bias: ClassVar = True

    def __init__(
        self,
        input_width: int,
        width: int,
        *,
        activation: Activation = "tanh",
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__(input_width, width)
        if activation not in get_args(Activation):
            allowed = " or ".join(map(repr, get_args(Activation)))
            raise ConfigError(f"`activation` is {activation!r}; it must be {allowed}")
        self.activation = activation
        self.bias.requires_grad_(False)
        assert self.recurrent_bias is not None
        start_bias(self.recurrent_bias[width:], "forget_bias", forget_bias)

    def step(
        self, x: Mapping[str, Tensor], h: Mapping[str, Tensor], state: Mapping[str, Tensor]
    ) -> State:
        """Compute the next hidden and cell state; see `GatedCell.step`."""
        i = (x["input"] + h["input"]).sigmoid()
        f = (x["forget"] + h["forget"]).sigmoid()
        cell = f * state["cell"] + i * x["content"]
        return (cell.tanh() if self.activation == "tanh" else cell), cell

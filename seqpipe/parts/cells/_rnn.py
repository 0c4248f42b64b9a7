"""The Elman network's cell."""

from collections.abc import Mapping
from typing import ClassVar, Literal, TypeAlias, get_args

from torch import Tensor

from seqpipe.parts.cells._contract import State, check_choice
from seqpipe.parts.cells._gated import GatedCell
from seqpipe.parts.initialisers import InputInit, RecurrentInit

Activation: TypeAlias = Literal["tanh", "relu"]


class RNN(GatedCell):
    """The simple recurrent cell of Elman (1990), "Finding structure in time".

    ::

        h' = φ(W x + b + U h)

    With `activation` "relu" and `recurrent_init` "identity" it's the IRNN of Le, Jaitly & Hinton
    (2015), "A simple way to initialize recurrent networks of rectified linear units". Nothing
    bounds its h.

    Args:
        input_width: The width of x.
        width: The width of h.
        activation: φ, "tanh" or "relu".
        input_init: How W is initialised: "glorot", "orthogonal", "gaussian" or "uniform"; see `GatedCell`.
        recurrent_init: How U is initialised: one of these or "identity".

    Raises:
        ConfigError: A size is less than 1, or a setting isn't one of these.
    """

    gates: ClassVar = ("hidden",)
    states: ClassVar = ("hidden",)

    def __init__(
        self,
        input_width: int,
        width: int,
        *,
        activation: Activation = "tanh",
        input_init: InputInit = "glorot",
        recurrent_init: RecurrentInit = "orthogonal",
    ) -> None:
        check_choice("activation", activation, get_args(Activation))
        super().__init__(input_width, width, input_init=input_init, recurrent_init=recurrent_init)
        self.activation = activation

    def step(
        self, x: Mapping[str, Tensor], h: Mapping[str, Tensor], state: Mapping[str, Tensor]
    ) -> State:
        """Compute the next hidden state; see `GatedCell.step`."""
        hidden = x["hidden"] + h["hidden"]
        return (hidden.tanh() if self.activation == "tanh" else hidden.relu(),)

"""Cells whose step is elementwise once the two matrix products are done."""

from abc import abstractmethod
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, ClassVar, Final, cast

import torch
from torch import Tensor, nn

from seqpipe.parts.cells._contract import Cell, State, check_sizes
from seqpipe.parts.initialisers import (
    InputInit,
    RecurrentInit,
    make_input_weight,
    make_recurrent_weight,
)


class GatedCell(Cell):
    """A cell that is two matrix products and elementwise maths between them.

    The products belong to this class; the author writes `step`, the gate equations, in plain torch.
    For each gate g: ``x[g] = W_g x + b_g`` and ``h[g] = U_g h (+ c_g)``, h the first of the states.
    A gate that's named in `input_only` has the first product only.

    Biases start at 0. Matrices are initialised gate by gate, in one of these ways:

    - "glorot": drawn uniformly from ±√(6 / (rows + columns)) (Glorot & Bengio 2010);
    - "orthogonal": a random orthogonal matrix (Saxe et al. 2014);
    - "gaussian": from a normal distribution of mean 0 and variance 1 / columns;
    - "uniform": drawn uniformly from ±1 / √width, as in torch's own cells;
    - "identity", for U only: the identity matrix (Le et al. 2015).

    Args:
        input_width: The width of x.
        width: The width of each gate and state.
        input_init: How each W_g is initialised.
        recurrent_init: How each U_g is initialised.

    Attributes:
        gates: The gates' names, in the order in which their weights are stacked.
        input_only: Those of the gates that see the input only: they have no rows in U and c.
        recurrent_gates: The other gates, in their order.
        states: The states' names; all are `[B, width]`, and the first one is the output.
        has_recurrent_bias: Whether the recurrent product has a bias c_g of its own.
        input_weight: W, `[len(gates) * width, input_width]`
        recurrent_weight: U, `[len(recurrent_gates) * width, width]`
        bias: b, `[len(gates) * width]`
        recurrent_bias: c, `[len(recurrent_gates) * width]`, or None.

    Raises:
        ConfigError: A size is less than 1, or there's no such initialiser.
    """

    gates: ClassVar[tuple[str, ...]]
    input_only: ClassVar[tuple[str, ...]] = ()
    recurrent_gates: ClassVar[tuple[str, ...]]
    states: ClassVar[tuple[str, ...]]
    has_recurrent_bias: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Set `recurrent_gates`.

        Raises:
            TypeError: `input_only` names something that's no gate.
        """
        super().__init_subclass__(**kwargs)
        gates = getattr(cls, "gates", None)
        if gates is None:
            return
        for name in cls.input_only:
            if name not in gates:
                raise TypeError(
                    f"{cls.__name__}.input_only names {name!r}, which isn't one of its gates {gates}"
                )
        cls.recurrent_gates = tuple(gate for gate in gates if gate not in cls.input_only)

    def __init__(
        self,
        input_width: int,
        width: int,
        *,
        input_init: InputInit = "glorot",
        recurrent_init: RecurrentInit = "orthogonal",
    ) -> None:
        super().__init__()
        check_sizes(input_width, width)
        self.input_width = input_width
        self.width = width
        gates, recurrent = len(self.gates), len(self.recurrent_gates)
        self.input_weight = make_input_weight(gates, input_width, width, input_init)
        self.recurrent_weight = make_recurrent_weight(recurrent, width, recurrent_init)
        self.bias = nn.Parameter(torch.zeros(gates * width))
        self.recurrent_bias = (
            nn.Parameter(torch.zeros(recurrent * width), requires_grad=recurrent > 0)
            if self.has_recurrent_bias
            else None
        )

    @abstractmethod
    def step(
        self, x: Mapping[str, Tensor], h: Mapping[str, Tensor], state: Mapping[str, Tensor]
    ) -> State:
        """Compute the next states from the products, column by column.

        An engine that runs the cell faster than the plain loop traces this once, with fake tensors, and
        runs the trace. So a step may use these only:

        - ``+``, ``-``, ``*``, ``/``, ``**``, negation, ``sqrt``, ``abs``, ``exp``, ``log``, ``erf``;
        - ``sigmoid``, ``tanh``, ``relu``, softplus;
        - comparisons, ``torch.where``, ``clamp``, ``minimum``, ``maximum``;
        - its arguments, numbers, and the cell's own parameters of one value for each unit, `[width]`, or
          of one value.

        It has no matrix products, changes no tensor in place, and has no ``if`` that depends on a
        tensor's values. An ``if`` that depends on a setting is fine.

        Args:
            x: For each of `gates`, W_g x + b_g, `[B, width]`.
            h: For each of `recurrent_gates`, U_g h (+ c_g), `[B, width]`.
            state: The states by name, `[B, width]` each.

        Returns:
            The next states, in the order of `states`.
        """

    def initial_state(self, batch_size: int, like: Tensor) -> State:
        """Return zeros for each state, `[batch_size, width]`."""
        return tuple(like.new_zeros(batch_size, self.width) for _ in self.states)

    def forward(self, input: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one step; see `Cell.forward`."""
        hidden, weight = state[0], cast(Tensor, self.recurrent_weight)
        masks = _MASKS.get()
        if masks is not None and masks.cell is self:
            hidden, weight = masks.apply(hidden, weight)
        x = nn.functional.linear(input, self.input_weight, self.bias)
        h = nn.functional.linear(hidden, weight, self.recurrent_bias)
        after = self.advance(x, h, state)
        return after[0], after

    def advance(self, x: Tensor, h: Tensor, state: State) -> State:
        """Take the step between the products.

        Args:
            x: The products of the input, `[B, len(gates) * width]`.
            h: Those of the hidden state, `[B, len(recurrent_gates) * width]`.
            state: The states, `[B, width]` each.
        """
        return self.step(
            _by_gate(self.gates, x),
            _by_gate(self.recurrent_gates, h),
            dict(zip(self.states, state, strict=True)),
        )

    def gate_bias(self, gate: str) -> Tensor:
        """Return the rows of `bias` that belong to a gate, as a view to initialise: `[width]`."""
        return torch.split(self.bias.data, self.width)[self.gates.index(gate)]


class Masks:
    """Masks of a gated cell's recurrent product, which its `forward` applies whoever calls it.

    So a custom `forward` that calls GatedCell's needs to know nothing of them.

    Args:
        cell: The cell.
        weight: `[len(recurrent_gates) * width, width]`, multiplies the recurrent weight; or None.

    Attributes:
        cell: As given.
        were_applied: Whether GatedCell's `forward` has been reached.
    """

    def __init__(self, cell: GatedCell, weight: Tensor | None) -> None:
        self.cell = cell
        self.were_applied = False
        self._weight = weight
        self._hidden: Tensor | None = None
        self._product: tuple[Tensor, Tensor] | None = None

    def call(self, input: Tensor, state: State, hidden: Tensor | None) -> tuple[Tensor, State]:
        """Call the cell; `hidden`, `[B, width]`, multiplies the hidden state in its product."""
        self._hidden = hidden
        before = _MASKS.set(self)
        try:
            output, after = self.cell(input, state)
        finally:
            _MASKS.reset(before)
        return output, after

    def apply(self, hidden: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return a hidden state and the recurrent weight as masked."""
        self.were_applied = True
        hidden = hidden if self._hidden is None else hidden * self._hidden
        if self._weight is None:
            return hidden, weight
        # Once for all time steps, unless a hook computes the weight anew for each.
        if self._product is None or self._product[0] is not weight:
            self._product = weight, weight * self._weight
        return hidden, self._product[1]


_MASKS: Final[ContextVar[Masks | None]] = ContextVar("masks", default=None)


def _by_gate(gates: tuple[str, ...], products: Tensor) -> dict[str, Tensor]:
    """Split products `[B, len(gates) * width]` into those of each gate, `[B, width]`."""
    # torch can't split an empty tensor into no chunks.
    return dict(zip(gates, products.chunk(len(gates), dim=1), strict=True)) if gates else {}

"""What a cell is."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeAlias

from torch import Tensor, nn

#: The state between two steps: always a tuple, even of one; each `[B, n]`.
State: TypeAlias = tuple[Tensor, ...]


class Cell(nn.Module, ABC):
    """One step of a recurrent network: `[B, input_width]` and a state to `[B, width]` and a state.

    A cell keeps nothing between calls; whoever unrolls it carries the state. Its constructor takes
    the two sizes by position, and settings by keyword only:
    ``__init__(self, input_width, width, *, forget_bias=1.0)``. It can be pickled and copied, and raises a
    `ConfigError` for sizes and settings that can't be used. `seqpipe.testing` holds it to all of this.

    Attributes:
        input_width: The width of a step's input.
        width: The width of a step's output.
    """

    input_width: int
    width: int

    @abstractmethod
    def initial_state(self, batch_size: int, like: Tensor) -> State:
        """Return the state before the first step, `[batch_size, n]` each, of `like`'s dtype and device."""

    @abstractmethod
    def forward(self, input: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one step.

        Args:
            input: `[B, input_width]`
            state: as `initial_state` or the step before returned it.

        Returns:
            The output `[B, width]` and the next state, shaped like the one given.
        """


#: Makes a cell from ``(input_width, width)``.
CellFactory: TypeAlias = Callable[[int, int], Cell]

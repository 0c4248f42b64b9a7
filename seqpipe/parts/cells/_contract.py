"""The contract of cells."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from numbers import Real
from typing import TypeAlias

from torch import Tensor, nn

from seqpipe.errors import ConfigError

#: The state between two time steps: always a tuple, even of one; each `[B, n]`.
State: TypeAlias = tuple[Tensor, ...]


class Cell(nn.Module, ABC):
    """One time step of a recurrent network: `[B, input_width]` and a state to `[B, width]` and a state.

    A cell keeps nothing between calls; the caller that unrolls it carries the state. Its constructor takes
    the two sizes by position, and settings by keyword only:
    ``__init__(self, input_width, width, *, forget_bias=1.0)``. It can be pickled and copied, and raises a
    `ConfigError` for sizes and settings that can't be used. `seqpipe.testing` checks all of this.

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


# Checks of the settings of cells.


def check_sizes(input_width: int, width: int) -> None:
    """Raise a `ConfigError` if a cell can't have these sizes."""
    for name, size in (("input_width", input_width), ("width", width)):
        if size < 1:
            raise ConfigError(f"`{name}` is {size}; it must be at least 1")


def check_choice(setting: str, value: object, allowed: Sequence[str]) -> None:
    """Raise a `ConfigError` that says what's allowed if a value isn't one of these."""
    if value not in allowed:
        raise ConfigError(f"`{setting}` is {value!r}; it must be {_listed(allowed, 'or')}")


def check_finite(setting: str, value: object) -> None:
    """Raise a `ConfigError` if a value isn't a finite number."""
    if not (isinstance(value, Real) and math.isfinite(value)):
        raise ConfigError(f"`{setting}` is {value!r}; it must be a finite number")


def check_names(setting: str, value: object, allowed: Sequence[str]) -> None:
    """Raise a `ConfigError` if a value isn't a list of some of these names, none of them twice."""
    names = value if isinstance(value, Sequence) and not isinstance(value, str) else None
    if names is None or any(name not in allowed for name in names) or len(set(names)) < len(names):
        raise ConfigError(
            f"`{setting}` is {value!r}; it must be a list of names, each of them at most once, out of "
            f"{_listed(allowed, 'and')}"
        )


def _listed(names: Sequence[str], last: str) -> str:
    *others, final = map(repr, names)
    return f"{', '.join(others)} {last} {final}" if others else final

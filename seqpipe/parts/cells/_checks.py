"""What settings of cells may be."""

import math
from collections.abc import Sequence
from numbers import Real

from seqpipe.errors import ConfigError


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

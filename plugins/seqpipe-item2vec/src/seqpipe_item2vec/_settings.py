"""The settings of a training, checked."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from seqpipe.errors import ConfigError

_AT_LEAST_ONE: Final = ("width", "epochs", "negatives", "min_count", "threads")


@dataclass(frozen=True)
class Settings:
    """The settings of a training; see `Item2Vec` for what each means.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    width: int
    window: int | None
    epochs: int
    negatives: int
    negative_exponent: float
    min_count: int
    learning_rate: float
    subsample: float
    threads: int | None
    lower: bool = False

    def __post_init__(self) -> None:
        for name in _AT_LEAST_ONE:
            if (value := getattr(self, name)) is not None and value < 1:
                raise _refusal(name, value, "must be at least 1")
        if self.window is not None and self.window < 1:
            raise _refusal("window", self.window, "must be at least 1, or null for whole baskets")
        for name in ("learning_rate", "subsample"):
            if not 0 < getattr(self, name) <= 1:
                raise _refusal(name, getattr(self, name), "must be more than 0, and 1 at most")
        if not math.isfinite(self.negative_exponent):
            raise _refusal("negative_exponent", self.negative_exponent, "must be a finite number")


def read_settings(saved: Mapping[str, Any]) -> Settings:
    """Return settings out of plain data.

    Raises:
        ConfigError: They're not the settings of a training.
    """
    types = {field.name: field.type for field in fields(Settings)}
    if set(saved) != set(types):
        raise ConfigError(f"the settings are {sorted(saved)}, not {sorted(types)}")
    for name, kind in types.items():
        # A pipeline file may give an integer where any number will do.
        kinds = int | float if kind is float else kind
        is_flag = isinstance(saved[name], bool)
        if not isinstance(saved[name], kinds) or (is_flag and kind is not bool):  # type: ignore[arg-type]
            raise ConfigError(f"the setting `{name}` is {saved[name]!r}")
    return Settings(**saved)


def _refusal(name: str, value: object, rule: str) -> ConfigError:
    return ConfigError(f"the embedder's `{name}` is {value!r}; it {rule}")

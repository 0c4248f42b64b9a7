"""The settings of a training, checked."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from seqpipe.errors import ConfigError


@dataclass(frozen=True)
class Settings:
    """The settings of a training; see `DistributedMemory` and `BagOfWords` for what each means.

    Attributes:
        memory: Whether it's a distributed memory, rather than a bag of words.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    memory: bool
    width: int
    window: int
    epochs: int
    inference_epochs: int
    negatives: int
    min_count: int
    learning_rate: float
    subsample: float
    threads: int
    lower: bool
    train_words: bool = True

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type is int and value < 1:
                raise ConfigError(
                    f"the embedder's `{field.name}` is {value!r}; it must be at least 1"
                )
        for name in ("learning_rate", "subsample"):
            if not 0 < getattr(self, name) <= 1:
                raise ConfigError(
                    f"the embedder's `{name}` is {getattr(self, name)!r}; "
                    "it must be more than 0, and 1 at most"
                )


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
        kinds = (int, float) if kind is float else (kind,)
        if type(saved[name]) not in kinds:
            raise ConfigError(f"the setting `{name}` is {saved[name]!r}")
    return Settings(**saved)

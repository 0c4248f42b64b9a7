"""The settings of sense embeddings."""

from dataclasses import dataclass

from seqpipe.errors import ConfigError

from seqpipe_senses._clusters import Rules

_MOST: int = 1_000_000


@dataclass(frozen=True)
class Settings:
    """See `MultiSense`, whose settings these are."""

    most_senses: int
    distance: float
    min_share: float
    min_count: int
    max_frequency: float
    context: int
    rarity: float
    epochs: int
    window: int
    negatives: int
    learning_rate: float
    subsample: float
    threads: int | None
    lower: bool

    def __post_init__(self) -> None:
        for name in ("min_count", "context", "epochs", "window"):
            self._check_within(name, 1, _MOST)
        self._check_within("most_senses", 2, 20)
        self._check_within("negatives", 1, 61)
        if self.threads is not None:
            self._check_within("threads", 1, _MOST)
        if not 0 <= self.distance <= 2:
            raise _refusal("distance", self.distance, "must be at least 0, and 2 at most")
        if not 0 <= self.min_share < 0.5:
            raise _refusal("min_share", self.min_share, "must be at least 0, and less than 0.5")
        for name in ("max_frequency", "rarity", "learning_rate", "subsample"):
            value = getattr(self, name)
            if not 0 < value <= 1:
                raise _refusal(name, value, "must be more than 0, and 1 at most")

    @property
    def rules(self) -> Rules:
        """When contexts are of different senses."""
        return Rules(self.most_senses, self.distance, self.min_share)

    def _check_within(self, name: str, least: int, most: int) -> None:
        value = getattr(self, name)
        if not least <= value <= most:
            raise _refusal(name, value, f"must be at least {least}, and {most:,} at most")


def _refusal(name: str, value: object, rule: str) -> ConfigError:
    return ConfigError(f"the embedder's `{name}` is {value!r}; it {rule}", setting=name)

"""The settings of a training, checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from seqpipe.errors import ConfigError

#: Predict the words around a word from it, or a word from those around it.
Architecture: TypeAlias = Literal["skipgram", "cbow"]

#: Contrast what's predicted with random words, or predict its place in a Huffman tree of all words.
Loss: TypeAlias = Literal["negative-sampling", "hierarchical"]


#: Chosen when the number of words is known; see `auto`.
Auto: TypeAlias = Literal["auto"]


@dataclass(frozen=True)
class Settings:
    """The settings of a training; see `FastText` for what each means.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    width: int
    architecture: Architecture
    loss: Loss
    epochs: int | Auto
    window: int
    negatives: int
    min_count: int | Auto
    learning_rate: float
    subsample: float | Auto
    threads: int
    lower: bool
    standardize: bool
    min_n: int = 0
    max_n: int = 0
    buckets: int | None = None

    def __post_init__(self) -> None:
        given = {name: value for name, value in vars(self).items() if not _is_auto(name, value)}
        for name in ("width", "epochs", "window", "negatives", "min_count", "threads"):
            if name in given:
                _check_at_least_one(name, given[name])
        if self.architecture not in get_args(Architecture):
            raise _refusal("architecture", self.architecture, 'may be "skipgram" or "cbow"')
        if self.loss not in get_args(Loss):
            rule = 'may be "negative-sampling" or "hierarchical"'
            raise _refusal("loss", self.loss, rule)
        for name in ("learning_rate", "subsample"):
            if name in given and not 0 < given[name] < float("inf"):
                raise _refusal(name, given[name], "must be more than 0")
        _check_subwords(self.min_n, self.max_n, self.buckets)

    def least_count(self, words: int) -> int:
        """Return how often a word must occur to be known, in a corpus of so many words."""
        return int(self.auto(words)["min_count"] if self.min_count == "auto" else self.min_count)

    def chosen(self, words: int) -> Mapping[str, Any]:
        """Return what the settings that are "auto" become for a corpus of so many words."""
        found = self.auto(words)
        return {name: value for name, value in found.items() if getattr(self, name) == "auto"}

    def auto(self, words: int) -> Mapping[str, Any]:
        """Return the settings for a corpus of so many words that aren't given."""
        return auto(words)


_AUTO: frozenset[str] = frozenset({"epochs", "min_count", "subsample"})


def _is_auto(name: str, value: object) -> bool:
    """Return whether a setting is to be chosen.

    Raises:
        ConfigError: It's another string.
    """
    if name in _AUTO and isinstance(value, str) and value != "auto":
        raise _refusal(name, value, 'may be a number or "auto"')
    return name in _AUTO and value == "auto"


def auto(words: int) -> dict[str, Any]:
    """Return the settings for a corpus of so many words that aren't given.

    Small corpora are gone through more often, and nothing is thrown away: a threshold for frequent words that suits
    billions of words skips most words of a small corpus.
    """
    return {
        "epochs": min(10, max(2, round(4_000_000 / max(1, words)))),
        "min_count": 1 if words < 200_000 else 2 if words < 10_000_000 else 5,
        "subsample": 1.0 if words < 1_000_000 else 1e-3 if words < 10_000_000 else 1e-4,
    }


def _check_subwords(min_n: int, max_n: int, buckets: int | None) -> None:
    if max_n < 0:
        raise _refusal("max_n", max_n, "must be at least 0, which means no sub-words")
    if max_n and not 1 <= min_n <= max_n:
        raise _refusal("min_n", min_n, f"must lie between 1 and `max_n`, {max_n}")
    if buckets is not None:
        _check_at_least_one("buckets", buckets)


def _check_at_least_one(name: str, value: int) -> None:
    if value < 1:
        raise _refusal(name, value, "must be at least 1")


def _refusal(name: str, value: object, rule: str) -> ConfigError:
    return ConfigError(f"the embedder's `{name}` is {value!r}; it {rule}")

"""The settings of a training, checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

from seqpipe.errors import ConfigError
from seqpipe.parts.class_weights import ClassWeights, check_class_weights

#: How the scores of labels are made: together, each by itself, by a tree, each by itself against random others.
Loss: TypeAlias = Literal["softmax", "one-vs-rest", "hierarchical", "negative-sampling"]

#: What autotuning searches: each setting's default, and what the library calls it.
SEARCHED: Final[Mapping[str, tuple[Any, tuple[str, ...]]]] = {
    "epochs": (5, ("epoch",)),
    "learning_rate": (0.1, ("lr",)),
    "width": (100, ("dim",)),
    "word_ngrams": (1, ("wordNgrams",)),
    "max_n": (0, ("minn", "maxn")),
    "buckets": (None, ("bucket",)),
    "subvector": (2, ("dsub",)),
}

_METRIC = re.compile(r"f1(:.+)?|(precisionAtRecall|recallAtPrecision):\d{1,3}(\.\d+)?", re.DOTALL)
_AT_LEAST_ONE = ("width", "epochs", "word_ngrams", "min_count", "negatives", "threads", "subvector")
_AT_LEAST_ZERO = ("min_count_label", "cutoff")
_SIZE = re.compile(r"[1-9]\d*[kKmMgG]?")


@dataclass(frozen=True)
class Settings:
    """The settings of a training; see `FastTextClassifier` for what each means.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    loss: Loss
    width: int
    epochs: int
    learning_rate: float
    word_ngrams: int
    min_n: int
    max_n: int
    buckets: int | None
    min_count: int
    min_count_label: int
    negatives: int
    lower: bool
    threads: int
    class_weights: ClassWeights | None
    autotune: int
    autotune_model_size: str | None
    autotune_metric: str
    quantize: bool
    cutoff: int
    retrain: bool
    quantize_norm: bool
    quantize_output: bool
    subvector: int

    def __post_init__(self) -> None:
        for name in _AT_LEAST_ONE:
            _check(name, self._value(name) >= 1, self._value(name), "must be at least 1")
        for name in _AT_LEAST_ZERO:
            _check(name, self._value(name) >= 0, self._value(name), "must be at least 0")
        losses = ", ".join(f'"{loss}"' for loss in get_args(Loss))
        _check("loss", self.loss in get_args(Loss), self.loss, f"may be {losses}")
        rate = self.learning_rate
        _check("learning_rate", 0 < rate < float("inf"), rate, "must be more than 0")
        self._check_subwords()
        check_class_weights(self.class_weights)
        self._check_autotune()
        self._check_quantization()

    def _value(self, name: str) -> Any:
        return getattr(self, name)

    def _check_subwords(self) -> None:
        small, large = self.min_n, self.max_n
        _check("max_n", large >= 0, large, "must be at least 0, which means no sub-words")
        good = 1 <= small <= large if large else not small
        _check("min_n", good, small, f"must lie between 1 and `max_n`, {large}")
        buckets = self.buckets
        _check("buckets", buckets is None or buckets >= 1, buckets, "must be at least 1")

    def _check_autotune(self) -> None:
        _check("autotune", self.autotune >= 0, self.autotune, "is a number of seconds, 0 for none")
        good = _METRIC.fullmatch(self.autotune_metric) is not None
        rule = 'may be "f1", "f1:LABEL", "precisionAtRecall:30" or "recallAtPrecision:90"'
        _check("autotune_metric", good, self.autotune_metric, rule)
        size = self.autotune_model_size
        if size is None:
            return
        good = _SIZE.fullmatch(size) is not None
        _check("autotune_model_size", good, size, 'is a number of bytes, such as "2M" or "500k"')
        needs = "needs `autotune`, the seconds that it may take"
        _check("autotune_model_size", self.autotune > 0, size, needs)
        both = "quantises the model already: leave `quantize` out"
        _check("autotune_model_size", not self.quantize, size, both)

    def _check_quantization(self) -> None:
        for name in ("cutoff", "retrain", "quantize_norm", "quantize_output"):
            value = self._value(name)
            _check(name, self.quantize or not value, value, "needs `quantize = true`")


def _check(name: str, is_good: bool, value: object, rule: str) -> None:
    if not is_good:
        raise ConfigError(f"the classifier's `{name}` is {value!r}; it {rule}")

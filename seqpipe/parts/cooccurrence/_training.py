"""The settings of a training, and its result."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ConfigError
from seqpipe.native import MOST_TARGETS, MOST_WINDOW, Cooccurrence, Rounds
from seqpipe.parts.cooccurrence._draws import EXTRA_NEGATIVES, NEGATIVE_EXPONENT

Architecture: TypeAlias = Literal["skipgram", "cbow"]
Loss: TypeAlias = Literal["negative-sampling", "hierarchical"]


#: The most of what a setting may be. A step of the kernel has room for so many negatives, beside the word itself.
_MOST: Final = {
    "epochs": 1_000_000,
    "window": MOST_WINDOW,
    "negatives": MOST_TARGETS - 1 - EXTRA_NEGATIVES,
}


@dataclass(frozen=True)
class Training:
    """How vectors are trained.

    Attributes:
        width: The width of a vector.
        architecture: Predict the words around a word from it, or a word from the mean of those around it.
        loss: Contrast each prediction with random words, or predict a word's place in a Huffman tree.
        epochs: How often the corpus is gone through.
        window: The most words to either side that are a word's context.
        negatives: How many random words each prediction is contrasted with.
        learning_rate: At the beginning; it falls to 0.
        subsample: The threshold of frequent words; see `keep_probabilities`.
        position_weights: Whether a mean weights words by their positions.
        patience: After how many epochs without a lower loss of held-out text it ends; None for never.
        documents: Whether each sequence is a document whose vector predicts its words too, and is dropped after the training
            (Le & Mikolov 2014): by itself with skip-gram, in the mean with CBOW.
        train_words: Whether skip-gram with documents predicts words from words as well. Without, the vectors of words stay what
            chance gave them, and only those that predict are trained.
        negative_exponent: The power of its count that a word is drawn in proportion to, as a negative.
        whole_sequences: Whether no sequence is cut, however long it is.

    Raises:
        ConfigError: A value can't be used.
    """

    width: int
    architecture: Architecture = "skipgram"
    loss: Loss = "negative-sampling"
    epochs: int = 5
    window: int = 5
    negatives: int = 5
    learning_rate: float = 0.05
    subsample: float = 1e-3
    position_weights: bool = False
    patience: int | None = None
    documents: bool = False
    train_words: bool = True
    negative_exponent: float = NEGATIVE_EXPONENT
    whole_sequences: bool = False

    def __post_init__(self) -> None:
        if self.width < 1:
            raise _refusal("width", self.width, "must be at least 1")
        for name, most in _MOST.items():
            value = getattr(self, name)
            if not 1 <= value <= most:
                raise _refusal(name, value, f"must be from 1 to {most:,}")
        if self.loss not in get_args(Loss):
            raise _refusal("loss", self.loss, 'may be "negative-sampling" or "hierarchical"')
        for name in ("learning_rate", "subsample"):
            if not 0 < getattr(self, name) < math.inf:
                raise _refusal(name, getattr(self, name), "must be more than 0")
        if self.architecture not in get_args(Architecture):
            raise _refusal("architecture", self.architecture, 'may be "skipgram" or "cbow"')
        if self.position_weights and self.architecture != "cbow":
            raise _refusal("position_weights", True, 'needs the architecture "cbow"')
        if not (self.train_words or self.documents):
            raise _refusal("train_words", False, "needs `documents`")
        if self.patience is not None and self.patience < 1:
            raise _refusal("patience", self.patience, "must be at least 1")
        if not math.isfinite(self.negative_exponent):
            raise _refusal("negative_exponent", self.negative_exponent, "must be a finite number")


def _refusal(name: str, value: object, rule: str) -> ConfigError:
    return ConfigError(f"the embedder's `{name}` is {value!r}; it {rule}", setting=name)


@dataclass(frozen=True, eq=False)
class Start:
    """What tables begin with in the place of random numbers.

    Attributes:
        rows: The numbers of the words, ascending, int64.
        vectors: Theirs, `[N, width]`.
        frozen: Whether they stay as they are.
    """

    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]
    frozen: bool = False


@dataclass(frozen=True)
class Engine:
    """What trains in the place of the processor: another device, which is busy only with many slices at a time.

    Attributes:
        begin: Returns what trains a model, as `seqpipe.native.begin_rounds` does, from the model and the number of threads.
        slices: The most slices of a round. A small corpus has rounds of fewer.
        tokens: The most tokens of a slice; all of a round's steps are done one after another.
    """

    begin: Callable[[Cooccurrence, int], Rounds]
    slices: int = 256
    tokens: int = 50


@dataclass(frozen=True)
class EpochLoss:
    """How well pairs were predicted over an epoch: means of the logistic loss of a pair, its negatives included.

    Attributes:
        train: On the text that was trained on, measured during the epoch; 0 if it has no pairs.
        held_out: On what was held out, after the epoch; None if nothing was.
    """

    train: float
    held_out: float | None = None


@dataclass(frozen=True, eq=False)
class Trained:
    """What a training came to.

    Attributes:
        inputs: The vectors of the words, and behind them those of what words consist of, `[R, width]`.
        outputs: Those that predict, `[S, width]`.
        losses: Of each epoch.
        epoch: Whose vectors these are, from 1.
        slowed: The share of the slices that had to be trained with a smaller learning rate, as vectors grew beyond all bounds.
    """

    inputs: NDArray[np.float32]
    outputs: NDArray[np.float32]
    losses: tuple[EpochLoss, ...]
    epoch: int
    slowed: float


#: Called with the fraction of the work that's done, and the mean loss of the latest pairs; None before any.
OnTrained: TypeAlias = Callable[[float, float | None], None]

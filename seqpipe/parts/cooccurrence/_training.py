"""What a training is told, and what it comes to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Architecture: TypeAlias = Literal["skipgram", "cbow"]
Loss: TypeAlias = Literal["negative-sampling", "hierarchical"]


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

"""The contract of classifiers."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqpipe.workers._progress import OnProgress


@dataclass(frozen=True)
class LabelledWords:
    """The words of a text and its labels.

    Attributes:
        words: The words in their order.
        labels: The labels; exactly one where classes are exclusive.
        weight: The text's weight in training.
    """

    words: Sequence[str]
    labels: Sequence[str]
    weight: float = 1.0


class Classifier(ABC):
    """Gives scores for labels to words: a whole model, which trains by itself.

    Where an encoder and a head are trained together by gradients that come from outside, a classifier is
    fitted in one call, by whatever means it has.
    """

    #: Whether a text has exactly one label, or any number of them; known before fitting.
    exclusive: bool

    @property
    @abstractmethod
    def labels(self) -> Sequence[str]:
        """The labels that scores are given for, in their order; empty before fitting."""

    @abstractmethod
    def fit(
        self,
        examples: Iterable[LabelledWords],
        *,
        labels: Sequence[str],
        seed: int = 0,
        on_progress: OnProgress | None = None,
        dev: Iterable[LabelledWords] | None = None,
    ) -> None:
        """Fit on labelled texts, which are read once.

        Args:
            examples: What to learn from.
            labels: All labels that there are, in the order that scores are wanted in. One that no
                example has can't be learnt, and isn't among `self.labels` afterwards.
            seed: The same examples, labels and seed give the same scores, to the bit.
            on_progress: Called from time to time, and at the end with a fraction of 1.
            dev: Texts to choose settings by, or when to stop, if the classifier does such.

        Raises:
            ClassifierError: There is nothing to learn from, an example has a label that isn't among `labels`,
                or the trainer failed.
        """

    @abstractmethod
    def predict(self, texts: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        """Return the scores of texts: `[B, L]`, from 0 to 1, the labels in the order of `labels`.

        A text has the same scores alone as beside others. A text without words has scores too.

        Raises:
            ClassifierError: The classifier hasn't been fitted.
        """

    @abstractmethod
    def to_disk(self, path: Path) -> None:
        """Write everything that `predict` needs into the folder `path`, which exists.

        Raises:
            ClassifierError: The classifier hasn't been fitted.
            SavedModelError: A file can't be written.
        """

    @abstractmethod
    def from_disk(self, path: Path) -> None:
        """Read what `to_disk` wrote, replacing what was fitted.

        Raises:
            SavedModelError: A file is missing or isn't what `to_disk` wrote.
        """

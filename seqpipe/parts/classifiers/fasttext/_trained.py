"""What a training leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ClassifierError, EmbedderError
from seqpipe.parts.classifiers.fasttext._forms import WordForms, label_of
from seqpipe.parts.embedders.formats.fasttext import FastTextModel

_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Trained:
    """A model, and how it was trained.

    Attributes:
        labels: The labels that were learnt, in the order that scores are wanted in.
        model: The library's model.
        lower: Whether words are lower-cased.
        library: The build of the library.
        arguments: What it was told in the end, by its own names.
    """

    labels: tuple[str, ...]
    model: FastTextModel
    lower: bool
    library: str
    arguments: Mapping[str, Any]
    _columns: NDArray[np.intp] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        place = {label_of(form): column for column, form in enumerate(self.model.labels)}
        columns = np.array([place[label] for label in self.labels], dtype=np.intp)
        object.__setattr__(self, "_columns", columns)

    def predict(self, texts: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        """Return the scores of texts, `[B, L]`."""
        forms = WordForms(lower=self.lower)
        scores = np.zeros((len(texts), len(self.labels)), dtype=np.float32)
        for start in range(0, len(texts), _AT_ONCE):
            some = [forms.of(words) for words in texts[start : start + _AT_ONCE]]
            scores[start : start + _AT_ONCE] = self._probabilities(some)[:, self._columns]
        # What the tree of the hierarchical loss multiplies may come out a bit above 1.
        return scores.clip(0.0, 1.0)

    def _probabilities(self, texts: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        try:
            return self.model.probabilities(texts)
        except EmbedderError as error:
            raise ClassifierError(f"the classifier can't be asked: {error}") from error

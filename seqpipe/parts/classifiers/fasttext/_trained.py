"""The result of a training, and its files: one of JSON, and one of the library's own format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ClassifierError, EmbedderError, SavedModelError
from seqpipe.formats.fasttext import FastTextModel, read_fasttext, write_fasttext
from seqpipe.parts.classifiers.fasttext._forms import WordForms, label_of
from seqpipe.storage.part_files import read_settings, write_settings

_KIND = "FastTextClassifier"
_SETTINGS = "classifier.json"
_MODEL = "model.bin"
_QUANTIZED = "model.ftz"
_TYPES: dict[str, type] = {
    "labels": list,
    "lower": bool,
    "library": str,
    "arguments": dict,
}
_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Trained:
    """A model, and how it was trained.

    Attributes:
        labels: The labels that were learnt, in the order that scores are wanted in.
        model: The library's model.
        lower: Whether words are lower-cased.
        library: The build of the library.
        arguments: The library's options in the end, by its own names.
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
        # Products of probabilities along the tree of the hierarchical loss may exceed 1 slightly.
        return scores.clip(0.0, 1.0)

    def _probabilities(self, texts: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        try:
            return self.model.probabilities(texts)
        except EmbedderError as error:
            raise ClassifierError(f"the classifier can't be asked: {error}") from error


def write_trained(trained: Trained, folder: Path) -> None:
    """Write a model into an existing folder.

    Raises:
        SavedModelError: A file can't be written.
    """
    saved = {
        "labels": list(trained.labels),
        "lower": trained.lower,
        "library": trained.library,
        "arguments": dict(trained.arguments),
    }
    write_settings(folder / _SETTINGS, saved, kind=_KIND)
    write_fasttext(trained.model, folder / _name(saved))


def read_trained(folder: Path) -> Trained:
    """Read what `write_trained` wrote.

    Raises:
        SavedModelError: A file is missing, damaged, or doesn't fit the other.
    """
    saved = _read_settings(folder / _SETTINGS)
    path = folder / _name(saved)
    # In memory, so that the folder may be moved or replaced.
    model = read_fasttext(path, mapped=False)
    missing = set(saved["labels"]) ^ {label_of(form) for form in model.labels}
    if missing:
        raise SavedModelError(
            f"{path} and {folder / _SETTINGS} don't belong together: only one of them has the label "
            f"{min(missing)!r}"
        )
    return Trained(**{**saved, "labels": tuple(saved["labels"])}, model=model)


def _name(saved: dict[str, Any]) -> str:
    return _QUANTIZED if saved["arguments"].get("quantized") else _MODEL


def _read_settings(path: Path) -> dict[str, Any]:
    saved = read_settings(path, _TYPES, kind=_KIND)
    if not all(isinstance(label, str) for label in saved["labels"]):
        raise SavedModelError(f"{path} is damaged: not every label is a string")
    if len(set(saved["labels"])) < len(saved["labels"]):
        raise SavedModelError(f"{path} is damaged: a label is there twice")
    return saved

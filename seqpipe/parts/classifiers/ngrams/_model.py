"""A fitted model of n-grams, and its files."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError
from seqpipe.parts.classifiers.ngrams._regression import Linear
from seqpipe.parts.classifiers.ngrams._sparse import Product, Sparse, beside
from seqpipe.parts.classifiers.ngrams._vocabulary import Vocabulary
from seqpipe.storage.part_files import (
    read_arrays,
    read_settings,
    read_words,
    write_arrays,
    write_settings,
    write_words,
)

Weighting: TypeAlias = Literal["tfidf", "binary"]

_KIND: Final = "NGramClassifier"
_SETTINGS: Final = "classifier.json"
_WORDS: Final = "words.json"
_CHARACTERS: Final = "characters.json"
_ARRAYS: Final = "weights.safetensors"
_TYPES: Final[dict[str, type]] = {
    "labels": list,
    "exclusive": bool,
    "loss": str,
    "weighting": str,
    "lower": bool,
    "min_n": int,
    "max_n": int,
    "text_ends": bool,
    "cost": float,
}
_AT_ONCE: Final = 1024


@dataclass(frozen=True)
class Features:
    """Counts of n-grams to features.

    Attributes:
        weighting: As `NGramClassifier` has it.
        rarity: For each matrix of counts the inverse document frequency of its columns.
    """

    weighting: Weighting
    rarity: Sequence[NDArray[np.float32]]

    def of(self, counts: Sequence[Sparse]) -> Sparse:
        """Return the features of texts from the counts of their n-grams."""
        return beside([self._weighed(*each) for each in zip(counts, self.rarity, strict=True)])

    @cached_property
    def of_columns(self) -> NDArray[np.float32]:
        """What the weight of a count is multiplied by, for each column of all matrices."""
        whole = np.concatenate(self.rarity)
        return np.ones_like(whole) if self.weighting == "binary" else whole

    def _weighed(self, counts: Sparse, rarity: NDArray[np.float32]) -> Sparse:
        if self.weighting == "binary":
            return counts.with_values(np.ones_like(counts.values)).normalised()
        values = (1 + np.log(counts.values)) * rarity[counts.columns]
        return counts.with_values(values).normalised()


def inverse_document_frequency(counts: Sparse) -> NDArray[np.float32]:
    """Return ``log((1 + texts) / (1 + texts with it)) + 1`` for each column, as scikit-learn has it."""
    texts = counts.shape[0]
    found: NDArray[np.floating] = np.log((1 + texts) / (1 + counts.column_counts())) + 1
    return found.astype(np.float32)


@dataclass(frozen=True, eq=False)
class Model:
    """What scores texts.

    Attributes:
        labels: The labels that were learnt, in the order that scores are wanted in.
        exclusive: Whether a text has exactly one.
        loss: "softmax" or "one-vs-rest".
        vocabulary: The n-grams.
        features: Turns their counts into features.
        linear: Turns features into logits.
        cost: What it was fitted with.
    """

    labels: tuple[str, ...]
    exclusive: bool
    loss: str
    vocabulary: Vocabulary
    features: Features
    linear: Linear
    cost: float

    def predict(self, texts: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        """Return the scores of texts, `[texts, labels]`."""
        scores = np.zeros((len(texts), len(self.labels)), dtype=np.float32)
        for start in range(0, len(texts), _AT_ONCE):
            logits = self.linear.logits(self._features(texts[start : start + _AT_ONCE]))
            scores[start : start + _AT_ONCE] = probabilities(logits, self.loss)
        return scores

    def _features(self, texts: Sequence[Sequence[str]]) -> Product:
        """Return the features of texts, ready to be multiplied."""
        of_columns = self.features.of_columns
        is_weighed = self.features.weighting == "tfidf"
        found = self.vocabulary.weigh(texts, rarity=of_columns, logarithmic=is_weighed)
        if found is None:
            return self.features.of(self.vocabulary.count(texts)).product()
        return Product(found.columns, found.offsets, found.values)

    def to_disk(self, folder: Path) -> None:
        """Write the model into an existing folder.

        Raises:
            SavedModelError: A file can't be written.
        """
        vocabulary = self.vocabulary
        settings: dict[str, Any] = {
            "labels": list(self.labels),
            "exclusive": self.exclusive,
            "loss": self.loss,
            "weighting": self.features.weighting,
            "lower": vocabulary.lower,
            "min_n": vocabulary.min_n,
            "max_n": vocabulary.max_n,
            "text_ends": vocabulary.text_ends,
            "cost": float(self.cost),
        }
        write_settings(folder / _SETTINGS, settings, kind=_KIND)
        write_words(folder / _WORDS, list(vocabulary.words))
        write_words(folder / _CHARACTERS, list(vocabulary.characters))
        longer = {f"ngrams{n}": keys for n, keys in enumerate(vocabulary.longer, start=2)}
        rarity = {f"rarity{n}": each for n, each in enumerate(self.features.rarity)}
        linear = {"weights": self.linear.weights, "bias": self.linear.bias}
        write_arrays(folder / _ARRAYS, {**longer, **rarity, **linear})

    @classmethod
    def from_disk(cls, folder: Path) -> "Model":
        """Read what `to_disk` wrote.

        Raises:
            SavedModelError: A file is missing or isn't what `to_disk` wrote.
        """
        saved = read_settings(folder / _SETTINGS, _TYPES, kind=_KIND)
        arrays = read_arrays(folder / _ARRAYS)
        vocabulary = Vocabulary(saved["lower"], saved["min_n"], saved["max_n"], saved["text_ends"])
        for known, name in (
            (vocabulary.words, _WORDS),
            (vocabulary.characters, _CHARACTERS),
        ):
            known.update((each, n) for n, each in enumerate(read_words(folder / name)))
        vocabulary.longer = _in_order(arrays, "ngrams", first=2)
        rarity = _in_order(arrays, "rarity", first=0)
        labels = tuple(saved["labels"])
        _check_settings(folder / _SETTINGS, saved)
        if not vocabulary.is_whole():
            raise SavedModelError(f"{folder} is damaged: its n-grams don't fit each other")
        sizes = [len(vocabulary.words) + sum(map(len, vocabulary.longer))]
        sizes += [len(vocabulary.characters)] if vocabulary.max_n else []
        numbers = [arrays[name] for name in ("weights", "bias") if name in arrays] + rarity
        shapes = [(sum(sizes), len(labels)), (len(labels),), *((size,) for size in sizes)]
        if [each.shape for each in numbers] != shapes:
            raise SavedModelError(f"{folder} is damaged: its files don't fit each other")
        if not all(each.dtype == np.float32 and np.isfinite(each).all() for each in numbers):
            raise SavedModelError(f"{folder / _ARRAYS} is damaged: its numbers can't be used")
        return cls(
            labels,
            saved["exclusive"],
            saved["loss"],
            vocabulary,
            Features(saved["weighting"], rarity),
            Linear(arrays["weights"], arrays["bias"]),
            saved["cost"],
        )


def probabilities(logits: NDArray[np.float32], loss: str) -> NDArray[np.float32]:
    """Return the scores that logits stand for: those of a row add up to 1, or each is one by itself."""
    if loss == "softmax":
        powers = np.exp(logits - logits.max(1, keepdims=True))
        softmax: NDArray[np.float32] = powers / powers.sum(1, keepdims=True)
        return softmax
    # So that neither end overflows.
    scores: NDArray[np.float32] = (0.5 + 0.5 * np.tanh(0.5 * logits)).astype(np.float32)
    return scores


def _check_settings(path: Path, saved: dict[str, Any]) -> None:
    labels, losses = saved["labels"], ["one-vs-rest", *(["softmax"] if saved["exclusive"] else [])]
    for name, fits in (
        ("labels", labels and all(isinstance(label, str) for label in labels)),
        ("loss", saved["loss"] in losses),
        ("weighting", saved["weighting"] in ("tfidf", "binary")),
    ):
        if not fits:
            raise SavedModelError(f"{path} is damaged: `{name}` is {saved[name]!r}")
    if len(set(labels)) != len(labels):
        raise SavedModelError(f"{path} is damaged: a label is there twice")


def _in_order(arrays: dict[str, NDArray[Any]], name: str, *, first: int) -> list[NDArray[Any]]:
    found: list[NDArray[Any]] = []
    while (array := arrays.get(f"{name}{first + len(found)}")) is not None:
        found.append(array)
    return found

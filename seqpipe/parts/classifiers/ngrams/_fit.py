"""Fits models of n-grams to labelled texts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ClassifierError
from seqpipe.parts.class_weights import ClassWeights, count_labels, label_weights, weigh_texts
from seqpipe.parts.classifiers._contract import LabelledWords
from seqpipe.parts.classifiers.ngrams._model import (
    Features,
    Model,
    Weighting,
    inverse_document_frequency,
)
from seqpipe.parts.classifiers.ngrams._regression import Regression, log_count_ratios
from seqpipe.parts.classifiers.ngrams._sparse import Sparse, beside
from seqpipe.parts.classifiers.ngrams._vocabulary import Vocabulary

Loss: TypeAlias = Literal["softmax", "one-vs-rest"]

#: Fitting more takes minutes: each step goes through them many times.
_MAX_WEIGHTS: Final = 12_000_000
#: From so many texts on, what occurs in one of them only isn't worth its weights.
_MANY_TEXTS: Final = 1_000


@dataclass(frozen=True)
class Settings:
    """The settings of `NGramClassifier`, by the same names."""

    exclusive: bool
    loss: Loss
    word_ngrams: int
    min_n: int
    max_n: int
    text_ends: bool
    min_count: int | None
    weighting: Weighting
    ratio_floor: float | None
    costs: tuple[float, ...]
    lower: bool
    class_weights: ClassWeights | None


def fit_models(
    settings: Settings,
    examples: Sequence[LabelledWords],
    labels: Sequence[str],
    costs: Sequence[float],
    on_progress: Callable[[float], None],
) -> Iterator[Model]:
    """Yield a model for each cost.

    Args:
        settings: The settings, whose costs don't matter here.
        examples: What to learn from, one at least.
        labels: The labels that examples have.
        costs: The strengths of regularisation.
        on_progress: Called with the part of the work that's done, 0 to 1.

    Raises:
        ClassifierError: No n-gram is frequent enough, or no text counts.
    """
    texts = [example.words for example in examples]
    vocabulary, counts = _learn_vocabulary(settings, texts, len(labels))
    features = Features(settings.weighting, [inverse_document_frequency(c) for c in counts])
    truths = _truths(examples, labels)
    done = 0

    def tell(part: float) -> None:
        on_progress((done + part) / len(costs))

    regression = Regression(
        features.of(counts),
        truths,
        text_weights=_text_weights(settings.class_weights, examples),
        scale=_scale(settings, counts, truths),
        softmax=settings.loss == "softmax",
        on_progress=tell,
    )
    for done, cost in enumerate(costs):  # noqa: B007
        linear = regression.fit(cost)
        yield Model(
            tuple(labels),
            settings.exclusive,
            settings.loss,
            vocabulary,
            features,
            linear,
            cost,
        )


def _learn_vocabulary(
    settings: Settings, texts: Sequence[Sequence[str]], labels: int
) -> tuple[Vocabulary, list[Sparse]]:
    vocabulary = Vocabulary(settings.lower, settings.min_n, settings.max_n, settings.text_ends)
    least = settings.min_count or (2 if len(texts) >= _MANY_TEXTS else 1)
    counts = vocabulary.learn(texts, longest=settings.word_ngrams, min_count=least)
    frequencies = np.sort(np.concatenate([each.column_counts() for each in counts]))[::-1]
    most = _MAX_WEIGHTS // labels
    if len(frequencies) > most:
        # All that are as frequent as the first one too many are left out.
        least = int(frequencies[most]) + 1
        kept = [each.column_counts() >= least for each in counts]
        vocabulary.keep(kept)
        counts = [each.keep_columns(k) for each, k in zip(counts, kept, strict=True)]
    if vocabulary.is_empty():
        raise ClassifierError(
            f"none of the n-grams in {len(texts)} texts occurs in {least} of them or more: give the classifier "
            "more texts, or a smaller `min_count`"
        )
    return vocabulary, counts


def _truths(examples: Sequence[LabelledWords], labels: Sequence[str]) -> NDArray[np.float32]:
    columns = {label: column for column, label in enumerate(labels)}
    truths = np.zeros((len(examples), len(labels)), dtype=np.float32)
    for row, example in enumerate(examples):
        truths[row, [columns[label] for label in example.labels]] = 1.0
    return truths


def _scale(
    settings: Settings, counts: Sequence[Sparse], truths: NDArray[np.float32]
) -> NDArray[np.float32] | None:
    """Return what each feature is multiplied by: `[features, labels]`, or `[features, 1]` for all labels alike."""
    if settings.ratio_floor is None:
        return None
    counted = beside(counts)
    ratios = log_count_ratios(counted.with_values(np.ones_like(counted.values)), truths)
    sizes: NDArray[np.float32] = np.abs(ratios)
    if settings.loss == "softmax":
        # That a rare feature is missing from a label tells little, but its ratio is far from 0 where labels are many.
        sizes = sizes.max(1, keepdims=True)
    scale: NDArray[np.float32] = sizes + np.float32(settings.ratio_floor)
    return scale


def _text_weights(
    given: ClassWeights | None, examples: Sequence[LabelledWords]
) -> NDArray[np.float32]:
    """Return the weight of each text; see `weigh_texts`."""
    labels = [example.labels for example in examples]
    counts = count_labels(labels)
    if isinstance(given, Mapping):
        given = {label: weight for label, weight in given.items() if label in counts}
    weights = label_weights(given, counts)
    of_texts = weigh_texts(labels, (example.weight for example in examples), weights)
    if not any(of_texts):
        raise ClassifierError("no text has a weight above 0: there's nothing to learn from")
    return np.array(of_texts, dtype=np.float32)

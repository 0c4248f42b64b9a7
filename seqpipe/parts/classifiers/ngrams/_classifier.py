"""A linear model of n-grams as a classifier."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ClassifierError, ConfigError
from seqpipe.parts.classifiers._contract import Classifier, LabelledWords
from seqpipe.parts.classifiers.ngrams._fit import ClassWeights, Loss, Settings, fit_models
from seqpipe.parts.classifiers.ngrams._model import Model, Weighting
from seqpipe.workers._progress import FitProgress, OnProgress

#: Where there's no dev part to choose by, every so many texts are held out.
_HELD_OUT: Final = 10


@final
class NGramClassifier(Classifier):
    """Labels from a linear model of the n-grams of words, and of characters within words.

    Logistic regression over TF-IDF, of which each feature is scaled by ``ratio_floor + |r|``, where r is naive Bayes'
    log-count ratio for a label against all others (Wang & Manning 2012): what tells labels apart by its counts alone is
    regularised less. By the softmax loss a feature is scaled by the largest of its labels' ratios; by the other, for each
    label by its own. The NB-SVM of the paper, with the logistic loss, is ``loss = "one-vs-rest"``,
    ``weighting = "binary"`` and ``ratio_floor = 0``.

    The same texts and settings give the same model on the same kind of processor, for any number of threads. There's
    nothing random in it.

    Args:
        exclusive: Whether a text has exactly one label.
        loss: "softmax": the scores of all labels add up to 1; the default where classes are exclusive.
            "one-vs-rest": each label has a model of its own; the default where they aren't.
        word_ngrams: The most words in a row that count together.
        min_n: The fewest characters of a word's n-grams, the marks of its ends included.
        max_n: The most. 0 means no n-grams of characters. Words of one character have none of their own.
        min_count: In how many texts an n-gram must occur; None means 2, and 1 for fewer than 1,000 texts. It's raised
            where the model would have more than 20 million weights, by as much as that takes.
        weighting: "tfidf": 1 + log(count), times log((1 + texts) / (1 + texts with it)) + 1, as in scikit-learn.
            "binary": 1 for each n-gram that occurs. Of either, n-grams of words and those of characters are scaled to
            the length 1 by themselves.
        ratio_floor: See above. None scales nothing.
        cost: The inverse of the strength of regularisation, C in LIBLINEAR and scikit-learn: how much the sum of the
            texts' losses counts beside half of the weights' squares. Of several the one is taken that gives the best
            accuracy on the dev part, or without one on a tenth of the texts that's held out meanwhile.
        lower: Whether words are lower-cased.
        class_weights: A number for each label, 1 where none is given; "balanced" is the inverse of how many texts have
            the label. A text counts by the mean of its labels' weights.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        *,
        exclusive: bool = True,
        loss: Loss | None = None,
        word_ngrams: int = 2,
        min_n: int = 2,
        max_n: int = 5,
        min_count: int | None = None,
        weighting: Weighting = "tfidf",
        ratio_floor: float | None = 1.0,
        cost: float | Sequence[float] = 1.0,
        lower: bool = True,
        class_weights: ClassWeights | None = None,
    ) -> None:
        self.exclusive = exclusive
        self._settings = Settings(
            exclusive,
            loss or ("softmax" if exclusive else "one-vs-rest"),
            word_ngrams,
            min_n,
            max_n,
            min_count,
            weighting,
            ratio_floor,
            tuple(cost) if isinstance(cost, Sequence) else (cost,),
            lower,
            class_weights,
        )
        _check(self._settings)
        self._model: Model | None = None

    @property
    def labels(self) -> Sequence[str]:
        """The labels that were learnt; see `Classifier.labels`."""
        return self._model.labels if self._model else ()

    @property
    def cost(self) -> float:
        """The cost that was taken.

        Raises:
            ClassifierError: The classifier hasn't been fitted.
        """
        return self._fitted().cost

    def fit(
        self,
        examples: Iterable[LabelledWords],
        *,
        labels: Sequence[str],
        seed: int = 0,
        on_progress: OnProgress | None = None,
        dev: Iterable[LabelledWords] | None = None,
    ) -> None:
        """Fit on labelled texts; see `Classifier.fit`. Nothing depends on the seed."""
        train = _labelled(examples, labels)
        if not train:
            raise ClassifierError("there's nothing to learn from: no text has a label")
        held_out = [] if dev is None else _labelled(dev, labels)
        (chosen, *others), share = self._settings.costs, 0.0
        if others:
            share = 0.8
            chosen = self._choose(train, held_out, labels, _told(on_progress, 0.0, share))
        told = _told(on_progress, share, 0.99 - share)
        (self._model,) = fit_models(self._settings, train, _learnt(train, labels), [chosen], told)
        if on_progress is not None:
            on_progress(FitProgress(1.0))

    def _choose(
        self,
        train: Sequence[LabelledWords],
        held_out: Sequence[LabelledWords],
        labels: Sequence[str],
        on_progress: Callable[[float], None],
    ) -> float:
        """Return the cost that's best on texts that aren't learnt from, the first of several."""
        if not held_out:
            held_out = train[::_HELD_OUT]
            train = [each for n, each in enumerate(train) if n % _HELD_OUT] or train
        costs = self._settings.costs
        models = fit_models(self._settings, train, _learnt(train, labels), costs, on_progress)
        shares = [_share_right(model, held_out) for model in models]
        return costs[shares.index(max(shares))]

    def predict(self, texts: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        """Return the scores of texts; see `Classifier.predict`."""
        return self._fitted().predict(texts)

    def to_disk(self, path: Path) -> None:
        """Write the model into the folder `path`; see `Classifier.to_disk`."""
        self._fitted().to_disk(path)

    def from_disk(self, path: Path) -> None:
        """Read what `to_disk` wrote; see `Classifier.from_disk`. The model brings the settings along that shaped it."""
        self._model = Model.from_disk(path)
        self.exclusive = self._model.exclusive

    def _fitted(self) -> Model:
        if self._model is None:
            raise ClassifierError(
                "the classifier has no model yet: fit it, or read a saved one, first"
            )
        return self._model


def _check(settings: Settings) -> None:
    for name, least in (("word_ngrams", 1), ("min_n", 1), ("max_n", 0), ("min_count", 1)):
        value = getattr(settings, name)
        if value is not None and value < least:
            raise ConfigError(f"`{name}` is {value}; it must be at least {least}", setting=name)
    if settings.max_n and settings.max_n < settings.min_n:
        raise ConfigError(
            f"`max_n` is {settings.max_n}, less than `min_n`, which is {settings.min_n}",
            setting="max_n",
        )
    floor = settings.ratio_floor
    if floor is not None and not 0 <= floor < np.inf:
        raise ConfigError(f"`ratio_floor` is {floor}; it must be at least 0", setting="ratio_floor")
    if not settings.costs or not all(0 < cost < np.inf for cost in settings.costs):
        raise ConfigError(
            f"`cost` is {list(settings.costs)}; it must be a number above 0, or several",
            setting="cost",
        )
    if settings.loss == "softmax" and not settings.exclusive:
        raise ConfigError(
            "`loss` is softmax, which is for exclusive classes only; remove it", setting="loss"
        )


def _labelled(examples: Iterable[LabelledWords], labels: Sequence[str]) -> list[LabelledWords]:
    """Return the examples that have a label and a weight.

    Raises:
        ClassifierError: One has a label that isn't known.
    """
    known, kept = frozenset(labels), []
    for number, example in enumerate(examples, start=1):
        for label in example.labels:
            if label not in known:
                raise ClassifierError(
                    f"example {number} has the label {label!r}, which isn't among the labels that were given"
                )
        if example.labels and example.weight > 0:
            kept.append(example)
    return kept


def _learnt(examples: Sequence[LabelledWords], labels: Sequence[str]) -> list[str]:
    """Return the labels that examples have; others can't be learnt."""
    seen = set(chain.from_iterable(example.labels for example in examples))
    return [label for label in labels if label in seen]


def _share_right(model: Model, examples: Sequence[LabelledWords]) -> float:
    """Return in how many texts the label with the highest score is right."""
    best = model.predict([example.words for example in examples]).argmax(1)
    right = [model.labels[b] in e.labels for b, e in zip(best.tolist(), examples, strict=True)]
    return sum(right) / len(right)


def _told(on_progress: OnProgress | None, before: float, share: float) -> Callable[[float], None]:
    """Return what reports progress within a share of the whole."""

    def tell(fraction: float) -> None:
        if on_progress is not None:
            on_progress(FitProgress(before + share * fraction))

    return tell

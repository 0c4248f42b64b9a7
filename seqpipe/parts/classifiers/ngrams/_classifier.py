"""A linear model of n-grams as a classifier."""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Final, final, get_args

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ClassifierError, ConfigError
from seqpipe.parts.class_weights import (
    ClassWeights,
    check_class_weights,
    count_labels,
    label_weights,
)
from seqpipe.parts.classifiers._contract import Classifier, LabelledWords
from seqpipe.parts.classifiers.ngrams._fit import Loss, Settings, fit_models
from seqpipe.parts.classifiers.ngrams._model import Model, Weighting
from seqpipe.workers._progress import FitProgress, OnProgress

#: A million words take half a gigabyte while they're fitted.
_MAX_WORDS: Final = 10_000_000
#: Where there's no dev part to choose by, every so many texts are held out.
_HELD_OUT: Final = 10


@final
class NGramClassifier(Classifier):
    """A linear model of word n-grams, and of character n-grams within words.

    Logistic regression over TF-IDF. Each feature is multiplied by ``ratio_floor + |r|``, where r is its naive Bayes
    log-count ratio for a label against all others (Wang & Manning 2012), so that n-grams whose counts already distinguish
    the labels are regularised less. With the softmax loss it's the largest ratio of all labels; with the other loss each
    label has its own. The paper's NB-SVM, with the logistic loss and vectors of length 1, is ``loss = "one-vs-rest"``,
    ``weighting = "binary"`` and ``ratio_floor = 0``.

    If the texts have more than 10 million words, it's fitted on every second text, or every third, and so on, to bound its
    memory.

    The same texts and settings give the same model on the same kind of processor, for any number of threads. There's
    nothing random in it.

    Args:
        exclusive: Whether a text has exactly one label.
        loss: "softmax": the scores of all labels add up to 1; the default for exclusive classes. "one-vs-rest": each
            label has a model of its own; the default otherwise.
        word_ngrams: The maximum length of word n-grams.
        min_n: The minimum length of a word's character n-grams, including the word boundary marks.
        max_n: The maximum. 0 means no character n-grams. A word of one character has none.
        text_ends: Whether word n-grams include where a text begins and where it ends, so that the first word of a question
            counts as such.
        min_count: The minimum number of texts that an n-gram must occur in. None means 2, or 1 if there are fewer than
            1,000 texts. It's raised as far as necessary if the model would have more than 12 million weights.
        weighting: "tfidf": (1 + log(count)) · (log((1 + texts) / (1 + texts with it)) + 1), as in scikit-learn.
            "binary": 1 for each n-gram that occurs. In either case word n-grams and character n-grams are scaled to
            length 1 separately.
        ratio_floor: What's added to |r|. None means that features aren't multiplied by anything.
        cost: The inverse of the regularisation strength, called C in LIBLINEAR and scikit-learn. Given several, the one
            with the best accuracy on the dev part is chosen. Without a dev part, a tenth of each label's texts is held
            out for this.
        lower: Whether words are lower-cased.
        class_weights: A number for each label, 1 if it's not given. "balanced" gives all labels the same total weight. A
            text's weight is the mean of its labels' weights.

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
        text_ends: bool = True,
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
            text_ends,
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
        train = _labelled(examples, labels, exclusive=self.exclusive)
        # Of all texts, as a label may have none among those that are learnt from below.
        label_weights(self._settings.class_weights, count_labels(e.labels for e in train))
        train = _sampled(train)
        (chosen, *others), share = self._settings.costs, 0.0
        if others:
            share = 0.8
            # Those whose labels can't be learnt are wrong whatever the cost.
            held_out = [example for example in dev or () if {*example.labels} & {*labels}]
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
            # Of the texts in order of their labels, so that it's a tenth of each label's.
            order = sorted(range(len(train)), key=lambda number: sorted(train[number].labels))
            is_held_out = {*order[::_HELD_OUT]}
            held_out = [train[number] for number in sorted(is_held_out)]
            train = [each for n, each in enumerate(train) if n not in is_held_out] or train
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

    @property
    def model(self) -> Model:
        """The fitted model: its n-grams, how they're weighed, and the weights of the labels.

        Raises:
            ClassifierError: The classifier hasn't been fitted.
        """
        return self._fitted()

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
    for name, choices in (("loss", get_args(Loss)), ("weighting", get_args(Weighting))):
        if getattr(settings, name) not in choices:
            known = " or ".join(f'"{choice}"' for choice in choices)
            raise ConfigError(
                f"`{name}` is {getattr(settings, name)!r}; it may be {known}", setting=name
            )
    check_class_weights(settings.class_weights)
    if settings.loss == "softmax" and not settings.exclusive:
        raise ConfigError(
            "`loss` is softmax, which is for exclusive classes only; remove it", setting="loss"
        )


def _labelled(
    examples: Iterable[LabelledWords], labels: Sequence[str], *, exclusive: bool
) -> list[LabelledWords]:
    """Return the examples that have a weight, and a label if classes are exclusive.

    Raises:
        ClassifierError: One can't be used, or there's none.
    """
    known, kept = frozenset(labels), []
    for number, example in enumerate(examples, start=1):
        _check_example(example, number, known)
        if exclusive and len({*example.labels}) > 1:
            raise ClassifierError(
                f"example {number} has {len({*example.labels})} labels, and classes are exclusive: give it one, or "
                "set `exclusive = false`"
            )
        # Where classes aren't exclusive, a text without a label tells what the labels aren't.
        if (example.labels or not exclusive) and example.weight > 0:
            kept.append(example)
    if not any(example.labels for example in kept):
        raise ClassifierError("there's nothing to learn from: no text has a label, and a weight")
    return kept


def _sampled(examples: list[LabelledWords]) -> list[LabelledWords]:
    """Return as many examples as can be held in memory, evenly from all."""
    words = sum(len(example.words) for example in examples)
    step = math.ceil(words / _MAX_WORDS)
    return examples if step <= 1 else examples[::step]


def _check_example(example: LabelledWords, number: int, known: frozenset[str]) -> None:
    if isinstance(example.words, str):
        raise ClassifierError(
            f"the words of example {number} are a string, {example.words[:40]!r}: split it by a tokenizer first"
        )
    for label in example.labels:
        if label not in known:
            raise ClassifierError(
                f"example {number} has the label {label!r}, which isn't among the labels that were given"
            )
    if not 0 <= example.weight < np.inf:
        raise ClassifierError(f"example {number} has the weight {example.weight}; 0 is the least")


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

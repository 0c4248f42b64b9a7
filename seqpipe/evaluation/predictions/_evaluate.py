"""What a pipeline's predictions are worth: figures with intervals, slices, calibration, and the worst mistakes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc
from spacy.training import Example

from seqpipe.adapters import calling
from seqpipe.evaluation.predictions._resample import (
    RESAMPLES,
    FiguresOf,
    bootstrap,
    interval,
    mcnemar,
)
from seqpipe.parts.readers import Row
from seqpipe.tasks import Judgement, Task
from seqpipe.tasks.text_classes import TextClasses

_MISTAKES: Final = 20
_BINS: Final = 10
_SLICES: Final = 3
_HALF: Final = 0.5


@dataclass(frozen=True)
class Predicted:
    """What a component predicts for texts whose truth is known.

    Attributes:
        task: What it has learnt.
        labels: The names of its output's numbers.
        rows: The texts as the data has them.
        examples: The same with predictions and truths.
    """

    task: Task
    labels: Sequence[str]
    rows: Sequence[Row]
    examples: Sequence[Example]

    def figures_of(self) -> FiguresOf:
        """Return what gives the figures of some of the texts."""
        if isinstance(self.task, TextClasses):
            return _class_figures(self.task, self.examples)

        def figures_of(places: NDArray[np.int64]) -> Mapping[str, float]:
            with calling(self.task, "task", "scored examples"):
                return _numbers(self.task.score([self.examples[n] for n in places]))

        return figures_of

    def judgements(self) -> list[Judgement | None]:
        """Return how wrong each prediction is; None where that can't be said."""
        with calling(self.task, "task", "judged a prediction"):
            return [self.task.judge(example, self.labels) for example in self.examples]


def evaluate(
    predicted: Predicted, *, seed: int = 0, most: int = _MISTAKES, resamples: int = RESAMPLES
) -> dict[str, Any]:
    """Return what predictions are worth, as JSON can hold it.

    Args:
        predicted: The predictions.
        seed: Decides what samples the intervals rest on.
        most: How many mistakes are told.
        resamples: How many samples intervals rest on.

    Returns:
        "texts", their number; "main", the name of the task's main figure; "figures", all that the task says; "intervals", what 95 %
        of the figures of other texts like these would lie between; "slices", the main figure of short and long texts, and of
        texts with more and fewer unknown words; "calibration", how many predictions of which score are right, for texts with
        one label; and "mistakes", the worst ones.
    """
    task, count = predicted.task, len(predicted.examples)
    figures_of = predicted.figures_of()
    samples = bootstrap(figures_of, count, seed=seed, resamples=resamples)
    judged = predicted.judgements()
    with calling(task, "task", "scored examples"):
        figures = task.score(predicted.examples)
    return {
        "texts": count,
        "main": task.main_figure,
        "figures": figures,
        "intervals": {
            name: found
            for name, values in samples.items()
            if (found := interval(values)) is not None
        },
        "resamples": len(next(iter(samples.values()), ())),
        "slices": _slices(predicted, figures_of),
        "calibration": _calibration(predicted),
        "mistakes": _mistakes(predicted, judged, most),
    }


def compare(first: Predicted, second: Predicted, *, seed: int = 0) -> dict[str, Any]:
    """Compare what two pipelines predict for the same texts.

    Args:
        first: The predictions of the one.
        second: Those of the other, for the same rows.
        seed: Decides what samples the intervals rest on.

    Returns:
        "differences", by how much the second one's figures are higher, each with what 95 % of the differences on other texts like
        these would lie between (paired bootstrap); and "right", McNemar's test of how many texts each is right about, or None
        where predictions aren't right or wrong.
    """
    both = first.figures_of(), second.figures_of()

    def differences_of(places: NDArray[np.int64]) -> Mapping[str, float]:
        one, other = (figures_of(places) for figures_of in both)
        return {name: other[name] - one[name] for name in one if name in other}

    count = len(first.examples)
    samples = bootstrap(differences_of, count, seed=seed)
    whole = differences_of(np.arange(count)) if count else {}
    pairs = [
        (a.error == 0, b.error == 0)
        for a, b in zip(first.judgements(), second.judgements(), strict=True)
        if a is not None and b is not None
    ]
    # Numbers are hardly ever right to the last digit.
    is_judged = any(right for pair in pairs for right in pair)
    return {
        "differences": {
            name: {"difference": whole[name], "interval": interval(values)}
            for name, values in samples.items()
            if name in whole and interval(values) is not None
        },
        "right": mcnemar(*zip(*pairs, strict=True)) if is_judged else None,
    }


def _numbers(figures: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in figures.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _class_figures(task: TextClasses, examples: Sequence[Example]) -> FiguresOf:
    """Return what gives accuracy and F of some texts, by sums over arrays: as `TextClasses.score`, in a thousandth of the time."""
    labels = sorted({label for example in examples for label in example.reference.cats})
    predicted = {label for example in examples for label in example.predicted.cats}
    # A label that nothing predicts counts; those that other components predict don't.
    names = [x for x in labels if task.learnt is None or x in task.learnt or x not in predicted]
    places = {label: place for place, label in enumerate(names)}
    shape = (len(examples), len(names))
    true, chosen = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    extra = np.zeros(len(examples))
    for n, example in enumerate(examples):
        cats, scores = example.reference.cats, example.predicted.cats
        true[n] = [cats.get(label, 0.0) >= _HALF for label in names]
        for label in task.choose({label: scores[label] for label in _learnt(task, example)}):
            if label in places:
                chosen[n, places[label]] = True
            else:
                extra[n] += 1
    hits = true & chosen
    exact = (true == chosen).all(1) & (extra == 0)
    occurs = true.any(0) | chosen.any(0)

    def figures_of(places: NDArray[np.int64]) -> Mapping[str, float]:
        weights = np.bincount(places, minlength=len(examples)).astype(np.float64)
        hit, of_true, of_chosen = weights @ hits, weights @ true, weights @ chosen
        total = of_true.sum() + of_chosen.sum() + weights @ extra
        sums = of_true + of_chosen
        f = np.divide(2 * hit, sums, out=np.zeros_like(hit), where=sums > 0)
        # A class that some of the texts happen to lack says nothing of how well it's found.
        counted = (sums > 0) | ~occurs
        return {
            "accuracy": float(weights @ exact / weights.sum()),
            "micro_f": float(2 * hit.sum() / total) if total else 0.0,
            "macro_f": float(f[counted].mean()) if counted.any() else 0.0,
        }

    return figures_of


def _learnt(task: TextClasses, example: Example) -> Sequence[str]:
    """Return the labels that a component gives scores of."""
    return [c for c in example.predicted.cats if task.learnt is None or c in task.learnt]


def _slices(predicted: Predicted, figures_of: FiguresOf) -> list[dict[str, Any]]:
    """Return the main figure of texts by their length, and by their share of unknown words."""
    docs = [example.predicted for example in predicted.examples]
    lengths = np.array([len(doc) for doc in docs])
    found = _by_thirds("words", lengths, lambda value: f"{value:.0f}")
    unknown = np.array([_unknown_share(doc) for doc in docs])
    found += _by_thirds("unknown words", unknown, lambda value: f"{value:.0%}")
    main = predicted.task.main_figure
    return [
        {
            "by": by,
            "from": low,
            "to": high,
            "texts": len(places),
            main: figures_of(places).get(main),
        }
        for by, low, high, places in found
    ]


_Slice = tuple[str, str, str, NDArray[np.int64]]


def _by_thirds(by: str, values: NDArray[Any], shown: Callable[[float], str]) -> list[_Slice]:
    """Return the texts with the lowest values, the middle ones and the highest; nothing if all have the same."""
    if not len(values) or values.min() == values.max():
        return []
    bounds = np.unique(np.quantile(values, np.linspace(0, 1, _SLICES + 1)))
    numbers = np.clip(np.searchsorted(bounds, values, side="left") - 1, 0, len(bounds) - 2)
    if len(bounds) == 2:
        # Most have the same value, the lowest or the highest: they're one group, and the others another.
        common = bounds[0] if np.median(values) == bounds[0] else bounds[1]
        numbers = (values == common) != (common == bounds[0])
    groups = [np.flatnonzero(numbers == number) for number in range(_SLICES)]
    return [
        (by, shown(values[group].min()), shown(values[group].max()), group)
        for group in groups
        if len(group)
    ]


def _unknown_share(doc: Doc) -> float:
    """Return the share of a doc's words that the vocabulary's vectors don't know."""
    words = [token for token in doc if not token.is_space]
    vectors = doc.vocab.vectors
    if not words or not vectors.shape[1]:
        return 0.0
    rows = vectors.find(keys=[token.orth for token in words])
    return float(np.mean(np.asarray(rows) < 0))


def _calibration(predicted: Predicted) -> list[dict[str, Any]] | None:
    """Return how many of the predictions of which score are right; None if texts haven't one label each."""
    task = predicted.task
    if not isinstance(task, TextClasses) or not task.exclusive:
        return None
    scores, right = [], []
    for example in predicted.examples:
        own = {label: example.predicted.cats[label] for label in _learnt(task, example)}
        if own and example.reference.cats:
            best = max(own, key=lambda label: own[label])
            scores.append(own[best])
            right.append(example.reference.cats.get(best, 0.0) >= _HALF)
    bins = np.minimum((np.array(scores) * _BINS).astype(int), _BINS - 1)
    found = []
    for number in range(_BINS):
        places = np.flatnonzero(bins == number)
        if len(places):
            found.append(
                {
                    "from": number / _BINS,
                    "to": (number + 1) / _BINS,
                    "texts": len(places),
                    "score": float(np.mean([scores[n] for n in places])),
                    "right": float(np.mean([right[n] for n in places])),
                }
            )
    return found


def _mistakes(
    predicted: Predicted, judged: Sequence[Judgement | None], most: int
) -> list[dict[str, Any]]:
    wrong = [
        (each.error, n) for n, each in enumerate(judged) if each is not None and each.error > 0
    ]
    worst = sorted(wrong, key=lambda pair: (-pair[0], pair[1]))[:most]
    found = []
    for error, n in worst:
        row, judgement = predicted.rows[n], judged[n]
        assert judgement is not None
        told: dict[str, Any] = {"place": row.source, "text": row.text}
        if row.pair is not None:
            told["pair"] = row.pair
        truth = {"truth": judgement.truth, "prediction": judgement.prediction}
        found.append({**told, **truth, "error": round(error, 6)})
    return found

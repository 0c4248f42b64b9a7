"""What single units do over a corpus: how high each goes, where, and which label each tells best."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc, Span

from seqpipe.errors import ConfigError, DataError
from seqpipe.explanation._encoding import RecurrentLayers

#: So many words go through the encoder at once.
_AT_ONCE: Final = 20_000
#: So many words of each text are drawn to show where states lie, and so many states in all.
_DRAWN: Final = 4
_MOST_DRAWN: Final = 2_000
#: Words on each side in a context.
_AROUND: Final = 6
#: Of the logistic regressions: the weight of the square of a slope, how far a step may go, when it's over, how many numbers are
#: held at once.
_RIDGE: Final = 1e-3
_LONGEST_STEP: Final = 1.0
_TOLERANCE: Final = 1e-8
_MOST_STEPS: Final = 200
_MOST_NUMBERS: Final = 4_000_000


@dataclass(frozen=True, eq=False)
class Activations:
    """How active units are over texts.

    Attributes:
        units: Their names.
        means: Of each unit over the words of each text, `[T, U]`.
        highest: The highest value in each text, `[T, U]`.
        highest_at: At which word that is.
        lowest: The lowest value.
        lowest_at: At which word that is.
        states: Hidden states of words drawn at random, `[S, U]`.
        texts: The text of each of these, `[S]`.
    """

    units: list[str]
    means: NDArray[np.float64]
    highest: NDArray[np.float32]
    highest_at: NDArray[np.int64]
    lowest: NDArray[np.float32]
    lowest_at: NDArray[np.int64]
    states: NDArray[np.float32]
    texts: NDArray[np.int64]


@dataclass(frozen=True)
class Context:
    """A word at which a unit is at its highest or lowest in a text.

    Attributes:
        value: The unit's hidden state after the word.
        text: The number of the text.
        before: The words before it.
        word: The word.
        after: Those after it.
    """

    value: float
    text: int
    before: str
    word: str
    after: str


def read_units(
    nlp: Language, docs: Sequence[Doc], *, component: str | None = None, seed: int = 0
) -> Activations:
    """Return how active the units of the recurrent layers are over texts: their hidden states after each word.

    Args:
        nlp: The pipeline.
        docs: The texts, without predictions, of one word at least.
        component: The component that reads the encoder's output; None for the last.
        seed: Decides which words' states are kept.

    Raises:
        ConfigError: The pipeline has no recurrent layers.
        DataError: There are no texts, or one has no words.
    """
    if not docs or not all(map(len, docs)):
        raise DataError("units can only be looked at over texts that have words")
    layers = RecurrentLayers(nlp, component)
    generator = np.random.default_rng(seed)
    found = [
        _summed_up(states, generator)
        for batch in _batches(docs)
        for states in _states(layers, batch)
    ]
    means, highest, highest_at, lowest, lowest_at, drawn = zip(*found, strict=True)
    texts = np.repeat(np.arange(len(docs)), [len(each) for each in drawn])
    kept = np.sort(generator.permutation(len(texts))[:_MOST_DRAWN])
    return Activations(
        layers.units(),
        np.stack(means),
        np.stack(highest),
        np.stack(highest_at),
        np.stack(lowest),
        np.stack(lowest_at),
        np.concatenate(drawn)[kept],
        texts[kept],
    )


def _states(layers: RecurrentLayers, batch: Sequence[Doc]) -> list[NDArray[np.float32]]:
    """Return the hidden states of each text, `[words, U]`."""
    together = layers.hidden_states(batch).to("cpu", torch.float32).numpy()
    return np.split(together, np.cumsum([*map(len, batch)])[:-1])


def _batches(docs: Sequence[Doc]) -> Iterator[list[Doc]]:
    batch: list[Doc] = []
    words = 0
    for doc in docs:
        if batch and words + len(doc) > _AT_ONCE:
            yield batch
            batch, words = [], 0
        batch.append(doc)
        words += len(doc)
    yield batch


def _summed_up(
    states: NDArray[np.float32], generator: np.random.Generator
) -> tuple[NDArray[np.generic], ...]:
    drawn = generator.choice(len(states), size=min(_DRAWN, len(states)), replace=False)
    return (
        states.mean(0, dtype=np.float64),
        *(states.max(0), states.argmax(0)),
        *(states.min(0), states.argmin(0)),
        states[np.sort(drawn)],
    )


def unit_number(units: Sequence[str], name: str) -> int:
    """Return the place of a unit among others by its name.

    Raises:
        ConfigError: There's no such unit.
    """
    if name not in units:
        raise ConfigError(
            f"there's no unit {name!r}: there are {len(units)} from {units[0]} to {units[-1]}, named by layer, direction and number",
            setting="unit",
        )
    return list(units).index(name)


def find_contexts(
    activations: Activations, docs: Sequence[Doc], unit: str, *, count: int = 8
) -> tuple[list[Context], list[Context]]:
    """Return where a unit is at its highest, and where at its lowest, with the words around.

    Of each text there's one place, and of places with the same words around, one.

    Args:
        activations: What `read_units` returned of the docs.
        docs: The texts.
        unit: The unit's name.
        count: How many of each.

    Raises:
        ConfigError: There's no such unit.
    """
    number = unit_number(activations.units, unit)
    high, low = activations.highest[:, number], activations.lowest[:, number]
    return (
        _first(
            docs, np.argsort(-high, kind="stable"), activations.highest_at[:, number], high, count
        ),
        _first(docs, np.argsort(low, kind="stable"), activations.lowest_at[:, number], low, count),
    )


def _first(
    docs: Sequence[Doc],
    order: NDArray[np.int64],
    words: NDArray[np.int64],
    values: NDArray[np.float32],
    count: int,
) -> list[Context]:
    """Return the first contexts, each once, though corpora have texts twice."""
    found: dict[tuple[str, str, str], Context] = {}
    for text in map(int, order):
        if len(found) == count:
            break
        each = _context(docs[text], text, int(words[text]), float(values[text]))
        found.setdefault((each.before, each.word, each.after), each)
    return list(found.values())


def _context(doc: Doc, text: int, at: int, value: float) -> Context:
    before, after = doc[max(0, at - _AROUND) : at], doc[at + 1 : at + 1 + _AROUND]
    return Context(value, text, _line(before), doc[at].text, _line(after))


def _line(words: Span) -> str:
    return " ".join(words.text.split())


# One unit as a classifier.


@dataclass(frozen=True)
class UnitClassifier:
    """How well one unit tells a label from all others.

    Attributes:
        label: The label.
        unit: The unit's name.
        slope: By how much the label's log-odds rise with a standard deviation of the unit's mean over a text.
        accuracy: The share of held-out texts of which it says rightly whether they have the label.
        majority: The same for always saying what's more frequent.
        pipeline: The same for the whole pipeline.
        texts: How many texts were held out.
    """

    label: str
    unit: str
    slope: float
    accuracy: float
    majority: float
    pipeline: float
    texts: int


def tell_labels(
    activations: Activations,
    labels: Sequence[str],
    truths: NDArray[np.bool_],
    predicted: NDArray[np.bool_],
    *,
    seed: int = 0,
) -> list[UnitClassifier]:
    """Return for each label the unit that tells it best, as for the "sentiment neuron" of Radford, Jozefowicz & Sutskever (2017).

    For each unit and label, a logistic regression of one number, the unit's mean over the words of a text, is fitted to a random
    half of the texts. The unit whose regression has the least loss there is scored on the other half.

    Args:
        activations: What `read_units` returned of the texts.
        labels: The labels.
        truths: Whether each text has each label, `[T, L]`.
        predicted: Whether the pipeline says so.
        seed: Decides which half is held out.

    Returns:
        One for each label that some texts of the half for fitting have, and others don't.
    """
    order = np.random.default_rng(seed).permutation(len(truths))
    fitted, held_out = order[: len(order) // 2], order[len(order) // 2 :]
    shares = truths[fitted].mean(0) if len(fitted) else np.zeros(len(labels))
    usable = np.flatnonzero((shares > 0) & (shares < 1))
    if not len(usable):
        return []
    mean, spread = activations.means[fitted].mean(0), activations.means[fitted].std(0)
    scaled = (activations.means - mean) / np.where(spread > 0, spread, 1)
    slopes, intercepts, losses = fit_each(scaled[fitted], truths[fitted][:, usable])
    found = []
    for column, label in enumerate(map(int, usable)):
        unit = int(losses[:, column].argmin())
        says = scaled[held_out, unit] * slopes[unit, column] + intercepts[unit, column] > 0
        truth = truths[held_out, label]
        always = bool(shares[label] > 0.5)
        found.append(
            UnitClassifier(
                labels[label],
                activations.units[unit],
                float(slopes[unit, column]),
                float((says == truth).mean()),
                float((truth == always).mean()),
                float((predicted[held_out, label] == truth).mean()),
                len(held_out),
            )
        )
    return found


def fit_each(
    features: NDArray[np.float64], truths: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Fit a logistic regression of each single feature to each label, by Newton's method.

    What's minimised is the mean of the log loss plus half a thousandth of the square of the slope.

    Args:
        features: `[T, U]`, each with mean 0 and variance 1.
        truths: `[T, L]`; each label has texts with it and without it.

    Returns:
        The slopes, the intercepts and the mean log losses, `[U, L]` each.
    """
    at_once = max(1, _MOST_NUMBERS // max(1, truths.size))
    parts = [
        _fit(features[:, first : first + at_once], truths)
        for first in range(0, features.shape[1], at_once)
    ]
    slopes, intercepts, losses = (np.concatenate(each) for each in zip(*parts, strict=True))
    return slopes, intercepts, losses


def _fit(
    features: NDArray[np.float64], truths: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    x, y = features[:, :, None], truths[:, None, :].astype(np.float64)
    share = np.broadcast_to(y.mean(0), (features.shape[1], truths.shape[1]))
    slope, intercept = np.zeros(share.shape), np.log(share) - np.log1p(-share)
    for _ in range(_MOST_STEPS):
        says = 1 / (1 + np.exp(-np.clip(x * slope + intercept, -500, 500)))
        wrong, weight = says - y, says * (1 - says)
        by_slope = (wrong * x).mean(0) + _RIDGE * slope
        by_intercept = wrong.mean(0)
        a, b, c = (weight * x * x).mean(0) + _RIDGE, (weight * x).mean(0), weight.mean(0) + 1e-12
        determinant = a * c - b * b
        steps = (c * by_slope - b * by_intercept, a * by_intercept - b * by_slope)
        by, other = (np.clip(s / determinant, -_LONGEST_STEP, _LONGEST_STEP) for s in steps)
        slope, intercept = slope - by, intercept - other
        if max(np.abs(by).max(), np.abs(other).max()) < _TOLERANCE:
            break
    logits = x * slope + intercept
    return slope, intercept, (np.logaddexp(0, logits) - y * logits).mean(0)

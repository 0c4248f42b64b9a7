"""What chance decides in a round, for all its slices at once: which words are kept, and how far windows reach.

It draws what cooccurrence.c draws, from the same counters. A slice's numbers follow each other, and how many a window takes
depends on those before; so all slices go on together, sequence by sequence.
"""

import itertools
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqpipe.native import Block, Cooccurrence, Negatives

#: The most inputs of a step that predicts from each, as in cooccurrence.c.
GROUP: Final = 12
#: There's nothing here.
NOTHING: Final = -1

#: What counters go on by (Steele, Lea & Flood 2014).
STRIDE: Final = 0x9E3779B97F4A7C15
_STRIDE: Final = np.uint64(STRIDE)
_FACTORS: Final = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_MASK: Final = (1 << 64) - 1

Integers: TypeAlias = NDArray[np.int64]
_Random: TypeAlias = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Choices:
    """The steps of some slices. The steps of a slice stand in a column; a shorter one has `NOTHING` below.

    Attributes:
        words: Those kept of each slice, its sequences one behind another, `[slices, L]`; `NOTHING` behind them.
        place: Where in `words` the predicted one stands, `[steps, slices]`, or `NOTHING`.
        first: Where the first word around it stands, itself left out, likewise.
        others: How many inputs the whole window has.
        begin: Which of these a step's first is.
        count: How many a step has.
        has_document: Whether the last one of a window is a document, and not a word.
        document: The number of the document, counted from that of the slice's beginning.
        is_measured: Whether the loss of a step counts.
        keys: What the counters of the slices begin with, `[slices]`, as if it had a sign.
        start: From which place in the slice's random numbers on a step draws negatives.
        drawn: How many it draws.
    """

    words: Integers
    place: Integers
    first: Integers
    others: Integers
    begin: Integers
    count: Integers
    has_document: bool
    document: Integers
    is_measured: NDArray[np.bool_]
    keys: Integers
    start: Integers
    drawn: int


def choose(model: Cooccurrence, block: Block, base: int, slices: int, loss_every: int) -> Choices:
    """Return the steps of some slices of a block.

    Args:
        model: What's trained.
        block: Whose slices.
        base: The first slice, counted from the block's.
        slices: How many.
        loss_every: At one of so many words the loss is measured; 0 for none.
    """
    counters = _Counters(model.seed, block.first + base, slices)
    if isinstance(model.targets, Negatives):
        # The pool takes the first ones.
        counters.used += model.targets.pool
    kept, places = _windows(model, block, base, slices, counters)
    return _laid_out(model, kept, _steps(model, places), counters, loss_every)


def _scramble(numbers: _Random) -> _Random:
    numbers = (numbers ^ (numbers >> np.uint64(30))) * _FACTORS[0]
    numbers = (numbers ^ (numbers >> np.uint64(27))) * _FACTORS[1]
    scrambled: _Random = numbers ^ (numbers >> np.uint64(31))
    return scrambled


def _below(numbers: _Random, count: int) -> Integers:
    below = ((numbers >> np.uint64(32)) * np.uint64(count)) >> np.uint64(32)
    signed: Integers = below.astype(np.int64)
    return signed


def _fraction(numbers: _Random) -> NDArray[np.float32]:
    fractions: NDArray[np.float32] = (numbers & np.uint64(0xFFFFFF)).astype(
        np.float32
    ) / np.float32(16777216)
    return fractions


class _Counters:
    """The random numbers of some slices, and how many of them each has used."""

    def __init__(self, seed: int, first: int, slices: int) -> None:
        key = _scramble(np.array([seed & _MASK], dtype=np.uint64) + _STRIDE)
        numbers = np.arange(slices, dtype=np.uint64) + np.uint64(first & _MASK)
        self.keys = _scramble(key + numbers * _STRIDE)
        self.first = first
        self.used = np.zeros(slices, dtype=np.int64)

    def at(self, slices: Integers, places: Integers) -> _Random:
        """Return the numbers in some places of the slices' sequences, from 0."""
        return _scramble(self.keys[slices] + (places + 1).astype(np.uint64) * _STRIDE)


@dataclass(frozen=True, eq=False)
class _Places:
    """Words that are predicted, in an order in which those of a slice follow each other; `[N]` each.

    Attributes:
        slice: Of which slice, from the round's first.
        place: Where it stands among the words kept of the slice.
        first: Where its window begins.
        last: And where the last word of it stands.
        document: Of which sequence of its slice it is.
        start: From which place in the slice's random numbers on it uses them.
    """

    slice: Integers
    place: Integers
    first: Integers
    last: Integers
    document: Integers
    start: Integers

    @classmethod
    def joined(cls, some: list["_Places"]) -> "_Places":
        """Return all of several."""
        names = cls.__dataclass_fields__
        none = np.zeros(0, dtype=np.int64)
        return cls(*(np.concatenate([none, *(getattr(p, n) for p in some)]) for n in names))


def _windows(
    model: Cooccurrence, block: Block, base: int, slices: int, counters: _Counters
) -> tuple[Integers, _Places]:
    """Return the words that each slice keeps, `[slices, L]`, and those that are predicted."""
    bounds = block.bounds[base : base + slices + 1]
    tokens = block.tokens[bounds[0] : bounds[-1]].astype(np.int64)
    owner = np.repeat(np.arange(slices), np.diff(bounds))
    ends = np.cumsum(tokens < 0)
    # An end belongs to what follows it.
    before = np.concatenate([[0], ends])[bounds[:-1] - bounds[0]]
    sequence = ends - before[owner]
    # The first sequences of all slices, then the second ones.
    order = np.argsort(sequence, kind="stable")
    order = order[tokens[order] >= 0]
    tokens, owner, sequence = tokens[order], owner[order], sequence[order]
    stops = np.searchsorted(sequence, np.arange(sequence.max(initial=-1) + 2))
    kept = np.full((slices, int(np.diff(bounds).max(initial=0))), NOTHING, dtype=np.int64)
    counts = np.zeros(slices, dtype=np.int64)
    places = []
    for number, (first, stop) in enumerate(itertools.pairwise(stops)):
        some = slice(int(first), int(stop))
        words, owners = _kept(model, tokens[some], owner[some], counters)
        if not len(words):
            continue
        lengths = np.bincount(owners, minlength=slices)
        within = _ranks(lengths)
        kept[owners, counts[owners] + within] = words
        places.append(_places(model, owners, within, lengths, counts, number, counters))
        counts += lengths
    return kept[:, : int(counts.max(initial=0))], _Places.joined(places)


def _ranks(lengths: Integers) -> Integers:
    """Return 0, 1, ... for each of some lengths, one behind another."""
    starts = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) - np.repeat(starts, lengths)


def _kept(
    model: Cooccurrence, words: Integers, owners: Integers, counters: _Counters
) -> tuple[Integers, Integers]:
    """Return the words of a sequence of each slice that chance keeps, and their slices."""
    keep = model.keep[words]
    is_drawn = keep < 1
    lengths = np.bincount(owners, minlength=len(counters.used))
    ranks: Integers = np.cumsum(is_drawn) - is_drawn
    starts = np.concatenate([ranks, [0]])[np.cumsum(lengths) - lengths]
    numbers = counters.at(owners, counters.used[owners] + ranks - starts[owners])
    counters.used += np.bincount(owners[is_drawn], minlength=len(lengths))
    stays = ~is_drawn | (_fraction(numbers) < keep)
    return words[stays], owners[stays]


def _places(
    model: Cooccurrence,
    owners: Integers,
    within: Integers,
    lengths: Integers,
    counts: Integers,
    number: int,
    counters: _Counters,
) -> _Places:
    """Return what's predicted in a sequence of each slice, given the places of its words in the sequence."""
    reaches, starts = _reaches(model, owners, within, lengths, counters)
    first = np.maximum(0, within - reaches)
    last = np.minimum(lengths[owners] - 1, within + reaches)
    there = np.flatnonzero((first < last) | (model.documents is not None))
    base = counts[owners]
    every = (owners, base + within, base + first, base + last, np.full_like(owners, number), starts)
    return _Places(*(each[there] for each in every))


def _reaches(
    model: Cooccurrence,
    owners: Integers,
    within: Integers,
    lengths: Integers,
    counters: _Counters,
) -> tuple[Integers, Integers]:
    """Return how far each window reaches, and from where on its steps use random numbers."""
    with_words = model.documents is None or model.documents.with_words
    own, drawn = int(with_words), _drawn(model)
    if _most_groups(model, int(lengths.max())) == 1:
        has_step = lengths[owners] > 1 if model.documents is None else np.ones_like(owners, bool)
        at = counters.used[owners] + within * (own + drawn * has_step)
        takes = own + drawn * ((lengths > 1) | (model.documents is not None))
        counters.used += lengths * takes
        if not with_words:
            return np.zeros_like(at), at
        return 1 + _below(counters.at(owners, at), model.window), at + 1
    reaches, starts = np.empty_like(owners), np.empty_like(owners)
    begins = np.cumsum(lengths) - lengths
    for place in range(int(lengths.max())):
        active = np.flatnonzero(lengths > place)
        used = counters.used[active]
        reach = 1 + _below(counters.at(active, used), model.window)
        around = np.minimum(place, reach) + np.minimum(lengths[active] - 1 - place, reach)
        reaches[begins[active] + place], starts[begins[active] + place] = reach, used + 1
        counters.used[active] = used + 1 + drawn * _groups(model, around)
    return reaches, starts


def _drawn(model: Cooccurrence) -> int:
    """Return how many negatives each step draws."""
    if not isinstance(model.targets, Negatives):
        return 0
    # A mean is one input, as a document alone is, and nobody shares its negatives.
    is_shared = not model.is_mean and (model.documents is None or model.documents.with_words)
    return model.targets.drawn if is_shared else model.targets.per_pair


def _most_groups(model: Cooccurrence, length: int) -> int:
    if model.documents is not None and not model.documents.with_words:
        return 1
    around = np.array([min(2 * model.window, length - 1)])
    return max(1, int(_groups(model, around)[0]))


def _groups(model: Cooccurrence, around: Integers) -> Integers:
    """Return how many steps a window of so many words around one has."""
    count = around + (model.documents is not None)
    return np.minimum(1, count) if model.is_mean else -(-count // GROUP)


@dataclass(frozen=True, eq=False)
class _Steps:
    """The steps of all slices: a window's are one behind another; `[N]` each. See `Choices` and `_Places`."""

    slice: Integers
    place: Integers
    first: Integers
    others: Integers
    begin: Integers
    count: Integers
    document: Integers
    start: Integers
    window: Integers


def _steps(model: Cooccurrence, places: _Places) -> _Steps:
    # The place of a window in its slice says which ones are measured.
    order = np.argsort(places.slice, kind="stable")
    places = _Places(*(getattr(places, name)[order] for name in _Places.__dataclass_fields__))
    window = _ranks(np.bincount(places.slice))
    with_words = model.documents is None or model.documents.with_words
    others = (places.last - places.first) * with_words
    groups = _groups(model, others)
    others = others + (model.documents is not None)
    rows = np.repeat(np.arange(len(groups)), groups)
    group = _ranks(groups)
    begin = others[rows] * group // groups[rows]
    return _Steps(
        slice=places.slice[rows],
        place=places.place[rows],
        first=places.first[rows],
        others=others[rows],
        begin=begin,
        count=others[rows] * (group + 1) // groups[rows] - begin,
        document=places.document[rows],
        start=places.start[rows] + group * _drawn(model),
        window=window[rows],
    )


def _laid_out(
    model: Cooccurrence,
    kept: Integers,
    steps: _Steps,
    counters: _Counters,
    loss_every: int,
) -> Choices:
    lengths = np.bincount(steps.slice, minlength=len(kept))
    at = _ranks(lengths), steps.slice
    shape = int(lengths.max(initial=0)), len(kept)

    def table(values: Integers, otherwise: int = 0) -> Integers:
        laid_out = np.full(shape, otherwise, dtype=np.int64)
        laid_out[at] = values
        return laid_out

    predicted = counters.first + steps.slice + steps.window
    is_measured = predicted % loss_every == 0 if loss_every else np.zeros(len(predicted), bool)
    return Choices(
        words=kept,
        place=table(steps.place, NOTHING),
        first=table(steps.first),
        others=table(steps.others),
        begin=table(steps.begin),
        count=table(steps.count),
        has_document=model.documents is not None,
        document=table(steps.document),
        is_measured=table(is_measured.astype(np.int64)) > 0,
        keys=counters.keys.view(np.int64),
        start=table(steps.start),
        drawn=_drawn(model),
    )

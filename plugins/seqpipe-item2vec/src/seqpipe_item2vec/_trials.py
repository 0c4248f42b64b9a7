"""Items taken out of baskets, to be guessed from the rest."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, NamedTuple, TypeAlias

#: Each item of a basket in turn, one of them by chance, or the last one.
Hide: TypeAlias = Literal["each", "random", "last"]


class Trial(NamedTuple):
    """A basket without one of its items.

    Attributes:
        rest: The numbers of the items that are left, each once.
        hidden: The number of the one that's to be guessed.
    """

    rest: tuple[int, ...]
    hidden: int


@dataclass(frozen=True)
class Drawn:
    """Trials, and how many there could have been.

    Attributes:
        trials: Some of those that can be asked.
        baskets: How many baskets had at least two items, known or not.
        hidden: How many items were hidden in them.
        askable: How many of those are known, and stand beside another known one.
    """

    trials: tuple[Trial, ...]
    baskets: int
    hidden: int
    askable: int


def draw_trials(
    baskets: Iterable[Sequence[str]],
    numbers: Mapping[str, int],
    *,
    hide: Hide,
    most: int,
    seed: int,
) -> Drawn:
    """Hide items of baskets; only the trials that are returned are in memory.

    Args:
        baskets: The baskets.
        numbers: The known items.
        hide: Which items of a basket.
        most: How many trials to draw, at random, of all that can be asked.
        seed: For what's drawn.
    """
    draw, kept = Random(seed), list[Trial]()
    count = hidden = askable = 0
    for basket in baskets:
        # The last occurrence of an item, as the last item is one to be guessed.
        items = list(dict.fromkeys(reversed(basket)))[::-1]
        if len(items) < 2:
            continue
        count += 1
        places = _places(len(items), hide, draw)
        hidden += len(places)
        for trial in _trials(items, places, numbers):
            askable += 1
            _sample(kept, trial, seen=askable, most=most, draw=draw)
    return Drawn(tuple(kept), count, hidden, askable)


def _places(length: int, hide: Hide, draw: Random) -> Sequence[int]:
    if hide == "each":
        return range(length)
    return [draw.randrange(length) if hide == "random" else length - 1]


def _trials(
    items: Sequence[str], places: Iterable[int], numbers: Mapping[str, int]
) -> Iterator[Trial]:
    for place in places:
        rest = tuple(numbers[i] for i in items if i in numbers and i != items[place])
        if rest and items[place] in numbers:
            yield Trial(rest, numbers[items[place]])


def _sample(kept: list[Trial], trial: Trial, *, seen: int, most: int, draw: Random) -> None:
    """Keep a trial so that all that were seen are kept with the same chance (reservoir sampling)."""
    if len(kept) < most:
        kept.append(trial)
    elif (place := draw.randrange(seen)) < most:
        kept[place] = trial

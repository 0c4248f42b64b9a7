"""Groups of words: their order, colours and marks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

#: Paul Tol's "bright": distinguishable with any kind of colour vision, on white and on black.
COLOURS: Final = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")

#: Of what's in no group, and of the groups that have no mark of their own.
GREY: Final = "#999999"

#: In a square from -1 to 1; the circle is drawn as one.
SHAPES: Final[Mapping[str, tuple[tuple[float, float], ...]]] = {
    "circle": (),
    "square": ((-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)),
    "triangle": ((0, -1.15), (1.05, 0.75), (-1.05, 0.75)),
    "diamond": ((0, -1.25), (1.05, 0), (0, 1.25), (-1.05, 0)),
    "wedge": ((0, 1.15), (1.05, -0.75), (-1.05, -0.75)),
    "plus": tuple(
        (x, y)
        for x, y in (
            *((-0.4, -1.15), (0.4, -1.15), (0.4, -0.4), (1.15, -0.4), (1.15, 0.4), (0.4, 0.4)),
            *((0.4, 1.15), (-0.4, 1.15), (-0.4, 0.4), (-1.15, 0.4), (-1.15, -0.4), (-0.4, -0.4)),
        )
    ),
}

_UNGROUPED: Final = "no group"
_OTHERS: Final = "other groups"


@dataclass(frozen=True)
class Mark:
    """How the words of a group are drawn."""

    name: str
    colour: str
    shape: str
    size: int


@dataclass(frozen=True)
class Groups:
    """The groups of the words of a picture.

    Attributes:
        marks: One for each group, the largest first; what's in none comes last. One if there are none.
        of_word: For each word its group's place in `marks`.
    """

    marks: tuple[Mark, ...]
    of_word: tuple[int, ...]


def make_groups(words: Sequence[str], groups: Mapping[str, str] | None) -> Groups:
    """Return the groups of words.

    With 6 colours in 6 shapes there are 36 marks. Where there are more groups, the smallest share one.
    """
    if not groups:
        return Groups((Mark("", COLOURS[0], "circle", len(words)),), (0,) * len(words))
    names = [groups.get(word) for word in words]
    counts = Counter(name for name in names if name is not None)
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    most = len(COLOURS) * len(SHAPES)
    own = ordered if len(ordered) <= most else ordered[: most - 1]
    place = {name: number for number, name in enumerate(own)}
    marks = [_mark(name, number, counts[name]) for name, number in place.items()]
    for rest, number in (
        (_OTHERS, sum(counts[name] for name in ordered[len(own) :])),
        (_UNGROUPED, names.count(None)),
    ):
        if number:
            marks.append(Mark(rest, GREY, "circle", number))
    # Where there are both, those in no group come last.
    last = len(marks) - 1
    others = len(own)
    of_word = [last if name is None else place.get(name, others) for name in names]
    return Groups(tuple(marks), tuple(of_word))


def _mark(name: str, number: int, size: int) -> Mark:
    shape = list(SHAPES)[number // len(COLOURS)]
    return Mark(name, COLOURS[number % len(COLOURS)], shape, size)

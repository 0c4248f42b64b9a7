"""Where names stand beside their points, so that none covers another."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from seqpipe.pictures._text import width_of

#: Of a square of the grid by which boxes are found; in pixels.
_CELL: Final = 40.0

#: Where there are more points, they lie so close that names have to cover some.
_MOST_KEPT_CLEAR: Final = 1000


class Box(NamedTuple):
    """A rectangle, in pixels from the top left."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: "Box") -> bool:
        """Say whether the two share more than an edge."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


class Label(NamedTuple):
    """A name beside its point: where its middle line is, and from which side it's written."""

    x: float
    y: float
    anchor: str


class _Taken:
    """Boxes that have been placed, found by where they are."""

    def __init__(self) -> None:
        self._boxes: dict[tuple[int, int], list[tuple[int, Box]]] = defaultdict(list)

    def add(self, box: Box, owner: int) -> None:
        for cell in _cells(box):
            self._boxes[cell].append((owner, box))

    def is_free(self, box: Box, owner: int) -> bool:
        """Say whether no box of another owner is there."""
        return not any(
            other != owner and box.overlaps(there)
            for cell in _cells(box)
            for other, there in self._boxes.get(cell, ())
        )


def place_labels(
    points: Sequence[tuple[float, float]],
    texts: Sequence[str],
    *,
    size: float,
    radius: float,
    frame: Box,
) -> list[Label | None]:
    """Place a name beside each point, to the right if that's free, else to the left, above and so on.

    Those of the first points are placed first. One that would cover a name, leave the frame or, of up to
    1,000, cover another point has None.

    Args:
        points: In pixels.
        texts: The names.
        size: Of the font, in pixels.
        radius: Of a point.
        frame: What names must stay in.
    """
    dots, names = _Taken(), _Taken()
    kept_clear = points if len(points) <= _MOST_KEPT_CLEAR else []
    for number, (x, y) in enumerate(kept_clear):
        dots.add(Box(x - radius, y - radius, x + radius, y + radius), number)
    labels: list[Label | None] = []
    for number, (point, text) in enumerate(zip(points, texts, strict=True)):
        labels.append(None)
        for label, box in _candidates(point, width_of(text) * size, size, radius):
            if _is_in(box, frame) and names.is_free(box, -1) and dots.is_free(box, number):
                names.add(box, number)
                labels[-1] = label
                break
    return labels


def _candidates(
    point: tuple[float, float], width: float, size: float, radius: float
) -> Iterator[tuple[Label, Box]]:
    x, y = point
    side, rise = radius + 0.2 * size, radius + 0.5 * size
    slant = 0.7 * rise
    for dx, dy, anchor in (
        *((side, 0.0, "start"), (-side, 0.0, "end"), (0.0, -rise, "middle"), (0.0, rise, "middle")),
        *((slant / 2, -slant, "start"), (slant / 2, slant, "start")),
        *((-slant / 2, -slant, "end"), (-slant / 2, slant, "end")),
    ):
        left = x + dx - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        box = Box(left, y + dy - 0.5 * size, left + width, y + dy + 0.5 * size)
        yield Label(x + dx, y + dy, anchor), box


def _is_in(box: Box, frame: Box) -> bool:
    return (
        box.left >= frame.left
        and box.right <= frame.right
        and box.top >= frame.top
        and box.bottom <= frame.bottom
    )


def _cells(box: Box) -> Iterator[tuple[int, int]]:
    for column in range(int(box.left // _CELL), int(box.right // _CELL) + 1):
        for row in range(int(box.top // _CELL), int(box.bottom // _CELL) + 1):
            yield column, row

"""A picture as SVG: text stays text, and nothing else is needed to see it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple
from xml.sax.saxutils import escape, quoteattr

from seqpipe.pictures._groups import SHAPES, Groups, Mark, make_groups
from seqpipe.pictures._project import Projection
from seqpipe.pictures._text import PictureError, shown, width_of

# The placement of names beside their points, so that none covers another.

#: Of a square of the grid by which boxes are found; in pixels.
_CELL: Final = 40.0

#: Where there are more points, they lie so close that names have to cover some.
_MAX_UNCOVERED: Final = 1000


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
    kept_clear = points if len(points) <= _MAX_UNCOVERED else []
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


_FONT: Final = "system-ui, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif"
_INK: Final = "#222222"
_MARGIN: Final = 24.0
_TITLE: Final = 20.0
_LEGEND: Final = 13.0
_LINE: Final = 20.0
_MIN_SIZE: Final = 200


def draw_svg(
    projection: Projection,
    *,
    title: str = "",
    groups: Mapping[str, str] | None = None,
    width: int = 1000,
    height: int = 750,
) -> str:
    """Draw a picture as an SVG document.

    Names stand where there's room, those of the first words first. Each point shows its name where it's
    pointed at, and those of a group have its colour and form.

    Args:
        projection: Words and where they are.
        title: Stands above.
        groups: The group of each word; a word may have none.
        width: Of the picture, in pixels.
        height: The same.

    Raises:
        PictureError: It's less than 200 pixels wide or high.
    """
    if min(width, height) < _MIN_SIZE:
        raise PictureError(f"a picture of {width} × {height} is too small; 200 × 200 is the least")
    marks = make_groups(projection.words, groups)
    frame = _frame(marks, width, height, has_title=bool(title), has_groups=bool(groups))
    points = _points(projection, frame)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" font-family="{_FONT}" fill="{_INK}">',
        f"<title>{_text(title or 'Words in a plane', 200)}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    if title:
        lines.append(_line(_MARGIN, _MARGIN + _TITLE / 2, title, _TITLE, most=width // 12))
    lines += _draw_points(projection, marks, points)
    lines += _draw_labels(projection, points, frame)
    if groups:
        lines += _draw_legend(marks.marks, frame)
    return "\n".join([*lines, "</svg>", ""])


def _frame(marks: Groups, width: int, height: int, *, has_title: bool, has_groups: bool) -> Box:
    """Return where points and names may be: below the title, to the left of the legend."""
    widest = max((width_of(shown(mark.name)) for mark in marks.marks), default=0.0)
    legend = min(widest * _LEGEND + 3 * _MARGIN, width / 3) if has_groups else 0.0
    top = _MARGIN + (1.5 * _TITLE if has_title else 0.0)
    return Box(_MARGIN, top, width - _MARGIN - legend, height - _MARGIN)


def _points(projection: Projection, frame: Box) -> list[tuple[float, float]]:
    """Return the points in pixels: as large as the frame lets them be, with room for names."""
    points = projection.points
    x, y = (frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2
    space = (frame.right - frame.left - 100, frame.bottom - frame.top - 30)
    # The points fill their square in one direction; in the other there may be more room.
    scale = min(
        side / extent
        for side, extent in zip(space, (points.max(0) - points.min(0)).clip(1e-9), strict=True)
    )
    return [(x + scale * px, y - scale * py) for px, py in points.tolist()]


def _radius(projection: Projection) -> float:
    return max(1.5, 5.0 - len(projection.words) / 200)


def _draw_points(
    projection: Projection, groups: Groups, points: list[tuple[float, float]]
) -> Iterator[str]:
    radius = _radius(projection)
    # Small groups lie above large ones, and in a group the first words above the others.
    sizes = [groups.marks[group].size for group in groups.of_word]
    order = sorted(range(len(points)), key=lambda number: (-sizes[number], -number))
    yield '<g stroke="#ffffff" stroke-width="0.75">'
    for number in order:
        mark = groups.marks[groups.of_word[number]]
        name = _text(projection.words[number], 200)
        yield f"{_mark(mark, *points[number], radius)}<title>{name}</title></g>"
    yield "</g>"


def _mark(mark: Mark, x: float, y: float, radius: float) -> str:
    """Draw a mark, and leave its group open."""
    start = f'<g fill="{mark.colour}" transform="translate({x:.1f} {y:.1f})">'
    if not SHAPES[mark.shape]:
        return f'{start}<circle r="{radius:.2g}"/>'
    corners = " ".join(f"{radius * cx:.2f},{radius * cy:.2f}" for cx, cy in SHAPES[mark.shape])
    return f'{start}<polygon points="{corners}"/>'


def _draw_labels(
    projection: Projection, points: list[tuple[float, float]], frame: Box
) -> Iterator[str]:
    size = max(9.0, 13.0 - len(points) / 100)
    texts = [shown(word) for word in projection.words]
    labels = place_labels(points, texts, size=size, radius=_radius(projection) + 1, frame=frame)
    yield (
        f'<g font-size="{size:g}" stroke="#ffffff" stroke-width="3" stroke-linejoin="round" '
        'paint-order="stroke" pointer-events="none">'
    )
    for text, label in zip(texts, labels, strict=True):
        if label:
            yield _label(text, label, size)
    yield "</g>"


def _label(text: str, label: Label, size: float) -> str:
    # Not `dominant-baseline`, which some programs don't know.
    anchor = "" if label.anchor == "start" else f" text-anchor={quoteattr(label.anchor)}"
    return f'<text x="{label.x:.1f}" y="{label.y + 0.35 * size:.1f}"{anchor}>{escape(text)}</text>'


def _draw_legend(marks: tuple[Mark, ...], frame: Box) -> Iterator[str]:
    x = frame.right + _MARGIN
    for number, mark in enumerate(marks):
        y = frame.top + _LINE * (number + 0.5)
        if y > frame.bottom:
            return
        yield f"{_mark(mark, x, y, 5)}</g>"
        yield _line(x + 12, y, f"{shown(mark.name, 30)} ({mark.size})", _LEGEND, most=50)


def _line(x: float, y: float, text: str, size: float, *, most: int) -> str:
    return (
        f'<text x="{x:g}" y="{y + 0.35 * size:g}" font-size="{size:g}">{_text(text, most)}</text>'
    )


def _text(text: str, most: int) -> str:
    return escape(shown(text, most))

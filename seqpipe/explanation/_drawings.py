"""Drawings of gates, units and states as SVG, with their numbers under the pointer."""

import re
from collections.abc import Sequence
from html import escape
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.explanation._colours import LEVELS, hexadecimal, level_of, png, scale
from seqpipe.explanation._gates import Strip
from seqpipe.explanation._neurons import Trace
from seqpipe.explanation._similarity import similar_order
from seqpipe.explanation._trajectories import Trajectory

_WIDTH: Final = 900
_LEFT: Final = 104
_RIGHT: Final = 12
#: Pixels from one written word to the next, at least, and of a column and of a unit at most.
_APART: Final = 13
_WIDEST: Final = 26
_TALLEST: Final = 6
_HEIGHT: Final = 150
#: So many units have a pixel each.
_MOST_HEIGHT: Final = 400
_WORDS: Final = 78
_LONGEST: Final = 12
_INK: Final = "#222222"
_SOFT: Final = "#5f5f5f"
_EDGE: Final = "#d5d5d5"
_FONT: Final = 'font-family="system-ui, Segoe UI, DejaVu Sans, Arial, sans-serif" font-size="11"'
#: Okabe and Ito's palette, which those who are colour-blind tell apart.
_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_GREY: Final = "#999999"
_OTHERS: Final = "other labels"
#: What isn't a character of XML 1.0 (section 2.2), even as a reference.
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def unit_order(strips: Sequence[Strip]) -> list[int]:
    """Return the order in which the units of one cell are drawn: like ones side by side, by all gates together."""
    return similar_order(np.concatenate([strip.values for strip in strips]).T)


def bounds(strip: Strip) -> tuple[float, float]:
    """Return the numbers that the first and the last colour stand for."""
    if strip.is_share:
        return 0.0, 1.0
    most = float(np.abs(strip.values).max()) or 1.0
    if strip.function == "relu":
        return 0.0, most
    return (-1.0, 1.0) if most <= 1 else (-most, most)


def levels_of(strip: Strip, order: Sequence[int]) -> NDArray[np.uint8]:
    """Return the level of each unit at each word, `[units, words]`, in the order in which units are drawn."""
    return level_of(strip.values.T[list(order)], *bounds(strip))


def draw_strips(strips: Sequence[Strip], words: Sequence[str], order: Sequence[int]) -> str:
    """Draw the gates and states of one cell one above the other: a row for each unit, a column for each word."""
    step = min(_WIDEST, (_WIDTH - _LEFT - _RIGHT) / len(words))
    height = max(min(_HEIGHT, _TALLEST * len(order)), min(_MOST_HEIGHT, len(order)))
    parts: list[str] = []
    top = 4.0
    for strip in strips:
        parts.append(_strip(strip, words, order, top, step, height))
        top += height + 12
    parts.append(_words(words, top - 4, step))
    return _svg(top + _WORDS, parts, f"gates of the cell {strips[0].place}")


def _strip(
    strip: Strip,
    words: Sequence[str],
    order: Sequence[int],
    top: float,
    step: float,
    height: float,
) -> str:
    low, high = bounds(strip)
    palette = scale(diverging=low < 0)
    width = step * len(words)
    picture = png(levels_of(strip, order), palette)
    name = _escaped(strip.name)
    columns = "".join(
        f'<rect x="{_LEFT + i * step:.2f}" y="{top:.1f}" width="{step:.2f}" height="{height:.1f}" fill="none" pointer-events="all">'
        f"<title>{_title(strip, words, i)}</title></rect>"
        for i in range(len(words))
    )
    return (
        f'<text x="{_LEFT - 10}" y="{top + 12:.1f}" text-anchor="end" fill="{_INK}">{name}</text>'
        f'<text x="{_LEFT - 10}" y="{top + 26:.1f}" text-anchor="end" fill="{_SOFT}">{_range(low, high)}</text>'
        f"{_key(palette, top + 32)}"
        f'<g class="strip"><image x="{_LEFT}" y="{top:.1f}" width="{width:.2f}" height="{height:.1f}" preserveAspectRatio="none" '
        f'image-rendering="pixelated" href="{picture}"/>{columns}</g>'
    )


def _title(strip: Strip, words: Sequence[str], word: int) -> str:
    values = strip.values[word]
    return _escaped(
        f"{words[word]} (word {word}), {strip.name}: mean {values.mean():.2f}, {values.min():.2f} to {values.max():.2f}"
    )


def _escaped(text: str) -> str:
    """Return a text as XML has it; characters that XML forbids become U+FFFD."""
    return escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text))


def _range(low: float, high: float) -> str:
    return f"{low:.3g} to {high:.3g}".replace("-", "\N{MINUS SIGN}")


def _key(palette: NDArray[np.uint8], top: float) -> str:
    picture = png(np.arange(LEVELS, dtype=np.uint8)[None], palette)
    return f'<image x="{_LEFT - 74}" y="{top:.1f}" width="64" height="6" preserveAspectRatio="none" href="{picture}"/>'


def _words(words: Sequence[str], top: float, step: float) -> str:
    """Write the words below their columns, as many as there's room for."""
    every = max(1, int(np.ceil(_APART / step)))
    return "".join(
        f'<text transform="translate({_LEFT + (i + 0.5) * step + 4:.1f} {top + 6:.1f}) rotate(-60)" text-anchor="end" fill="{_INK}">'
        f"{_escaped(_short(words[i]))}</text>"
        for i in range(0, len(words), every)
    )


def _short(word: str, most: int = _LONGEST) -> str:
    shown = " ".join(word.split())
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def draw_trace(trace: Trace, words: Sequence[str]) -> str:
    """Draw a unit's hidden state over the words of a text."""
    values = trace.values[: len(words)]
    step = min(_WIDEST, (_WIDTH - _LEFT - _RIGHT) / len(words))
    most = max(1.0, float(np.abs(values).max()))
    middle, reach = 64.0, 58.0
    colours = scale(diverging=True)
    levels = level_of(values, -most, most)
    bars = "".join(
        f'<rect x="{_LEFT + i * step:.2f}" y="{min(middle, middle - reach * value / most):.1f}" width="{max(step - 1, 0.6 * step):.2f}" '
        f'height="{max(abs(reach * value / most), 0.5):.1f}" fill="{hexadecimal(colours[level])}" stroke="{_SOFT}" stroke-width="{0.4 if step > 6 else 0}">'
        f"<title>{_escaped(words[i])} (word {i}): {value:+.3f}</title></rect>"
        for i, (value, level) in enumerate(zip(values, levels, strict=True))
    )
    axis = "".join(
        f'<text x="{_LEFT - 10}" y="{middle - reach * share + 4:.1f}" text-anchor="end" fill="{_SOFT}">{_number(share * most)}</text>'
        f'<line x1="{_LEFT - 5}" x2="{_LEFT + step * len(words):.1f}" y1="{middle - reach * share:.1f}" y2="{middle - reach * share:.1f}" '
        f'stroke="{_EDGE}"/>'
        for share in (1, 0, -1)
    )
    return _svg(
        130 + _WORDS, [axis, bars, _words(words, 122, step)], f"unit {trace.unit} over the text"
    )


def _number(value: float) -> str:
    return f"{value:.2g}".replace("-", "\N{MINUS SIGN}")


def draw_trajectory(trajectory: Trajectory, words: Sequence[str], labels: Sequence[str]) -> str:
    """Draw the trajectory of the state in the plane: from dark to light, with states of other texts behind it."""
    size, legend = 560.0, 40.0
    points = trajectory.points[: len(words)]
    every = np.concatenate([points, trajectory.others])
    middle, spans = (every.max(0) + every.min(0)) / 2, np.ptp(every, axis=0)
    # Both axes have the same scale.
    room = np.array([_WIDTH - 140, size - 40]) / np.maximum(spans, 1e-9)
    zoom = float(room.min())

    def placed(at: NDArray[np.float64]) -> NDArray[np.float64]:
        moved = (at - middle) * zoom * np.array([1.0, -1.0])
        return np.asarray(moved + np.array([_WIDTH / 2, size / 2]))

    names = sorted({label for label in labels if label}, key=lambda n: (-labels.count(n), n))
    colours = dict(zip(names, _COLOURS, strict=False))
    legend_of = colours | ({_OTHERS: _GREY} if len(names) > len(_COLOURS) else {})
    others = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4" fill="{colours.get(label, _GREY)}" fill-opacity="0.35"><title>{_escaped(label)}</title></circle>'
        for (x, y), label in zip(placed(trajectory.others), labels, strict=True)
    )
    keys = "".join(
        f'<circle cx="{20 + 125 * i}" cy="{size + 18:.0f}" r="5" fill="{colour}"/>'
        f'<text x="{30 + 125 * i}" y="{size + 22:.0f}" fill="{_INK}">{_escaped(_short(name, 17))}</text>'
        for i, (name, colour) in enumerate(legend_of.items())
    )
    axes = (
        f'<text x="{_WIDTH - 8}" y="{size - 4:.0f}" text-anchor="end" fill="{_SOFT}">first component, {trajectory.shares[0]:.0%} of the variance</text>'
        f'<text x="14" y="10" transform="rotate(90 14 10)" fill="{_SOFT}">second component, {trajectory.shares[1]:.0%}</text>'
    )
    return _svg(
        size + legend,
        [axes, others, _path(placed(points), words), keys],
        "the trajectory of the hidden state",
    )


def _path(points: NDArray[np.float64], words: Sequence[str]) -> str:
    colours = scale(diverging=False)
    at = (np.linspace(0, 0.92, len(points)) * (LEVELS - 1)).astype(int)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{hexadecimal(colours[level])}" stroke="#ffffff"><title>{_escaped(words[i])} (word {i})</title></circle>'
        for i, ((x, y), level) in enumerate(zip(points, at, strict=True))
    )
    return f'<polyline points="{line}" fill="none" stroke="{_SOFT}" stroke-width="0.8" stroke-opacity="{1 if len(points) < 60 else 0.4}"/>{dots}{_names(points, words)}'


def _names(points: NDArray[np.float64], words: Sequence[str]) -> str:
    """Write words beside their points where there's room, the first and the last at any rate."""
    taken: list[tuple[float, float, float]] = []
    written = []
    for i in sorted(range(len(words)), key=lambda i: (0 < i < len(words) - 1, i)):
        name, (x, y) = _short(words[i]), points[i]
        left, right = x + 6, x + 8 + 6.5 * len(name)
        if any(left < end and start < right and abs(y - other) < 11 for start, end, other in taken):
            continue
        taken.append((left, right, y))
        written.append(
            f'<text x="{left:.1f}" y="{y + 4:.1f}" fill="{_INK}" stroke="#ffffff" stroke-width="3" paint-order="stroke">{_escaped(name)}</text>'
        )
    return "".join(written)


def _svg(height: float, parts: Sequence[str], label: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" width="{_WIDTH}" height="{height:.0f}" role="img" '
        f'aria-label="{_escaped(label)}" {_FONT}>{"".join(parts)}</svg>'
    )

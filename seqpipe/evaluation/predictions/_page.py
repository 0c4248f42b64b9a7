"""An evaluation as a page: one file that loads nothing and runs nothing."""

import math
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment

from seqpipe.pages import source_hash

#: Of classes, in a matrix: more would be too small to read.
_MAX_CLASSES: Final = 30
_MAX_ROWS: Final = 200
_BEGINNING: Final = 160
_LONGEST: Final = 5000


def draw_page(
    evaluated: Mapping[str, Any],
    *,
    title: str,
    other: str = "",
    history: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Draw an evaluation as an HTML page.

    Args:
        evaluated: What `seqpipe.run.Evaluated.to_json` returns.
        title: Stands above.
        other: What the pipeline is called that it's compared with.
        history: A line for each evaluation of the training on the dev part, as in report.json; none for no curves.
    """
    heads = evaluated["heads"]
    style = _read("page.css")
    template = Environment(autoescape=True, trim_blocks=True).from_string(_read("page.html.jinja"))
    return template.render(
        title=title,
        style=style,
        style_hash=source_hash(style),
        texts=evaluated["texts"],
        skipped=len(evaluated["skipped"]),
        other=other,
        curves=[draw_history(history)] if len(history) > 1 else [],
        heads=[
            _head(name if len(heads) > 1 else "", head, evaluated["comparison"].get(name))
            for name, head in heads.items()
        ],
    )


def _read(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _head(
    name: str, head: Mapping[str, Any], comparison: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return what the template shows of a component."""
    figures, main = head["figures"], head["main"]
    numbers = {k: v for k, v in figures.items() if isinstance(v, int | float)}
    ranges = {k: _range(v) for k, v in head["intervals"].items()}
    error = figures.get("calibration_error")
    return {
        "name": name,
        "main_name": main,
        "main": _number(figures.get(main)),
        "main_interval": ranges.get(main, ""),
        "figures": [(k, _number(v), ranges.get(k, "")) for k, v in numbers.items() if k != main],
        "comparison": comparison and _comparison(comparison),
        "classes": _classes(figures),
        "confusion": _confusion(figures.get("confusion")),
        "calibration": head["calibration"] and draw_calibration(head["calibration"]),
        "calibration_error": "" if error is None else _number(error),
        "slices": [
            {
                "by": each["by"],
                "low": each["from"],
                "high": each["to"],
                "texts": each["texts"],
                "value": _number(each.get(main)),
            }
            for each in head["slices"]
        ],
        "mistakes": [_mistake(each) for each in head["mistakes"]],
    }


def _number(value: Any) -> str:
    if not isinstance(value, int | float):
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _range(interval: Sequence[float]) -> str:
    return f"[{interval[0]:.4f}, {interval[1]:.4f}]"


def _comparison(comparison: Mapping[str, Any]) -> dict[str, Any]:
    rows = [
        (name, f"{each['difference']:+.4f}", _range(each["interval"]))
        for name, each in comparison["differences"].items()
    ]
    return {"rows": rows, "test": told_test(comparison["right"])}


def told_test(test: Mapping[str, Any] | None) -> str:
    """Return McNemar's test in words."""
    if test is None:
        return ""
    return (
        f"Only the first is right about {test['only_first']:,} texts, only the second about {test['only_second']:,}; "
        f"McNemar's exact test: p = {test['p']:.3g}."
    )


def _classes(figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = figures.get("classes") or figures.get("labels") or {}
    if not isinstance(found, Mapping):
        return []
    rows = []
    for label, score in found.items():
        if not isinstance(score, Mapping) or "f" not in score:
            return []
        count = score.get("texts", score.get("count", 0))
        numbers = {key: f"{score[key]:.3f}" for key in ("precision", "recall", "f")}
        rows.append({"label": label, **numbers, "width": round(104 * score["f"]), "count": count})
    return sorted(rows, key=lambda row: -row["count"])[:_MAX_ROWS]


def _confusion(confusion: Mapping[str, Mapping[str, int]] | None) -> dict[str, Any] | None:
    if not confusion:
        return None
    totals = {label: sum(row.values()) for label, row in confusion.items()}
    labels = sorted(confusion, key=lambda label: -totals[label])[:_MAX_CLASSES]
    left = len(confusion) - len(labels)
    rows = [
        {
            "label": label,
            "cells": [
                {
                    "label": other,
                    "count": confusion[label].get(other, 0),
                    "right": label == other,
                    "share": round(
                        math.sqrt(confusion[label].get(other, 0) / max(1, totals[label])), 3
                    ),
                }
                for other in labels
            ],
        }
        for label in labels
    ]
    return {"labels": labels, "rows": rows, "more": f"and {left:,} rarer classes" if left else ""}


def _mistake(each: Mapping[str, Any]) -> dict[str, str]:
    text = str(each["text"])
    beginning = " ".join(text.split())
    return {
        "place": str(each["place"]),
        "truth": told_value(each["truth"]),
        "prediction": told_value(each["prediction"]),
        "beginning": beginning[:_BEGINNING] + ("…" if len(beginning) > _BEGINNING else ""),
        "text": text[:_LONGEST] + ("…" if len(text) > _LONGEST else ""),
        "pair": str(each.get("pair", ""))[:_LONGEST],
    }


def told_value(value: Any) -> str:
    """Return a truth or a prediction of a `Judgement` in words."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {number:.4g}" for name, number in value.items())
    return (", ".join(map(str, value)) or "none") if isinstance(value, list) else str(value)


# Pictures.

_WIDTH: Final = 640
_HEIGHT: Final = 220
_MARGIN: Final = 56


def draw_calibration(bins: Sequence[Mapping[str, Any]]) -> str:
    """Draw how many predictions of each score are right, as SVG."""
    size, left = 260, _MARGIN
    most = max(each["texts"] for each in bins)

    def place(score: float, right: float) -> tuple[str, str]:
        return f"{left + score * size:.1f}", f"{10 + (1 - right) * size:.1f}"

    marks = []
    for each in bins:
        x, y = place(each["score"], each["right"])
        radius = 3 + 9 * math.sqrt(each["texts"] / most)
        told = f"{each['texts']:,} texts with scores from {each['from']:.1f} to {each['to']:.1f}: {each['right']:.0%} right"
        marks.append(
            f'<circle class="fill-main" fill-opacity="0.75" cx="{x}" cy="{y}" r="{radius:.1f}"><title>{told}</title></circle>'
        )
    ticks = []
    for tick in (0, 0.5, 1):
        x, y = place(tick, tick)
        ticks.append(f'<text x="{x}" y="{size + 26}" text-anchor="middle">{tick:g}</text>')
        ticks.append(
            f'<text x="{left - 8}" y="{float(y) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        )
    (x0, y0), (x1, y1) = place(0, 0), place(1, 1)
    parts = [
        f'<rect class="axis" fill="none" x="{left}" y="10" width="{size}" height="{size}"/>',
        f'<line class="axis" x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}"/>',
        *ticks,
        *marks,
        f'<text x="{left + size / 2}" y="{size + 44}" text-anchor="middle">score</text>',
        f'<text x="14" y="{10 + size / 2}" text-anchor="middle" transform="rotate(-90 14 {10 + size / 2})">right</text>',
    ]
    return _svg(left + size + 16, size + 52, "Calibration", parts)


def draw_history(history: Sequence[Mapping[str, Any]]) -> str:
    """Draw the curves of a training as SVG: the loss, and the score of the dev part, by step."""
    steps = [line["step"] for line in history]
    parts = [
        f'<rect class="axis" fill="none" x="{_MARGIN}" y="10" width="{_WIDTH - 2 * _MARGIN}" height="{_HEIGHT}"/>'
    ]
    kept = max((n for n, line in enumerate(history) if line.get("is_best")), default=None)
    curves = (("loss", "other", "start", 4), ("score", "main", "end", _WIDTH - 4))
    for key, style, anchor, x in curves:
        values = [line.get(key) for line in history]
        known = [value for value in values if isinstance(value, int | float)]
        if len(known) < 2:
            continue
        low, high = min(known), max(known)
        points = list(_points(steps, values, low, high))
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        parts.append(f'<polyline class="{style}" fill="none" stroke-width="2" points="{path}"/>')
        for value, y in ((high, 20), (low, _HEIGHT + 8)):
            parts.append(f'<text x="{x}" y="{y}" text-anchor="{anchor}">{value:.3g}</text>')
        middle = 10 + _HEIGHT / 2
        parts.append(f'<text x="{x}" y="{middle}" text-anchor="{anchor}">{key}</text>')
        if key == "score" and kept is not None and kept < len(points):
            px, py = points[kept]
            told = f"step {steps[kept]:,}: {values[kept]:.4f}"
            parts.append(
                f'<circle class="fill-main" cx="{px:.1f}" cy="{py:.1f}" r="4.5"><title>{told}</title></circle>'
            )
    for step in (steps[0], steps[-1]):
        px = _across(step, steps)
        parts.append(f'<text x="{px:.1f}" y="{_HEIGHT + 28}" text-anchor="middle">{step:,}</text>')
    parts.append(f'<text x="{_WIDTH / 2}" y="{_HEIGHT + 28}" text-anchor="middle">step</text>')
    return _svg(_WIDTH, _HEIGHT + 36, "Curves of the training", parts)


def _across(step: int, steps: Sequence[int]) -> float:
    return _MARGIN + (step - steps[0]) / max(1, steps[-1] - steps[0]) * (_WIDTH - 2 * _MARGIN)


def _points(
    steps: Sequence[int], values: Sequence[Any], low: float, high: float
) -> Iterator[tuple[float, float]]:
    for step, value in zip(steps, values, strict=True):
        if isinstance(value, int | float):
            share = (value - low) / (high - low) if high > low else 0.5
            yield _across(step, steps), 10 + (1 - share) * (_HEIGHT - 16) + 8


def _svg(width: float, height: float, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    )

"""What neurons do, as a page: one file that loads nothing, and as drawings by themselves."""

import base64
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment

from seqpipe.explanation._drawings import (
    bounds,
    draw_strips,
    draw_trace,
    draw_trajectory,
    levels_of,
    unit_order,
)
from seqpipe.explanation._gates import Strip
from seqpipe.explanation._neurons import Neurons, Trace
from seqpipe.pages import json_in_script, source_hash


def draw_neurons(neurons: Neurons, *, title: str) -> str:
    """Draw what neurons do as an HTML page, with the number of each unit at each word under the pointer.

    Args:
        neurons: What's drawn.
        title: Stands above.
    """
    style, script = _read("page.css") + _read("neurons.css"), _read("neurons.js")
    cells = [_cell(strips, neurons.words) for strips in _by_cell(neurons)]
    trajectory = neurons.trajectory
    template = Environment(autoescape=True, trim_blocks=True).from_string(
        _read("neurons.html.jinja")
    )
    return template.render(
        title=title,
        style=style,
        style_hash=source_hash(style),
        script=script,
        script_hash=source_hash(script),
        shown=_shown(neurons),
        texts=neurons.texts,
        classifiers=neurons.classifiers,
        traces=[_trace(trace, neurons.words) for trace in neurons.traces],
        trajectory=draw_trajectory(trajectory, neurons.words, neurons.labels) if trajectory else "",
        cells=cells,
        data=json_in_script(
            {"words": list(neurons.words), "cells": [cell["data"] for cell in cells]}
        ),
    )


def draw_all(neurons: Neurons) -> dict[str, str]:
    """Return each drawing as an SVG by itself, by its name: the gates of each cell, units, the trajectory of the state."""
    found = {}
    for strips in _by_cell(neurons):
        found[f"gates-{strips[0].place}"] = draw_strips(strips, neurons.words, unit_order(strips))
    if neurons.words:
        for trace in neurons.traces:
            found[f"unit-{trace.unit}"] = draw_trace(trace, neurons.words)
    if neurons.trajectory is not None:
        found["states"] = draw_trajectory(neurons.trajectory, neurons.words, neurons.labels)
    return found


def _shown(neurons: Neurons) -> str:
    rest = f" … and {neurons.left_out:,} words more" if neurons.left_out else ""
    return neurons.text + rest


def _read(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _by_cell(neurons: Neurons) -> Iterator[list[Strip]]:
    for place in dict.fromkeys(strip.place for strip in neurons.strips):
        yield [strip for strip in neurons.strips if strip.place == place]


def _trace(trace: Trace, words: Sequence[str]) -> dict[str, Any]:
    drawing = draw_trace(trace, words) if len(trace.values) else ""
    return {**vars(trace), "drawing": drawing}


def _cell(strips: Sequence[Strip], words: Sequence[str]) -> dict[str, Any]:
    order = unit_order(strips)
    place = str(strips[0].place)
    return {
        "place": place,
        "units": len(order),
        "drawing": draw_strips(strips, words, order),
        "data": {
            "place": place,
            "order": order,
            "strips": [
                {
                    "name": strip.name,
                    "low": bounds(strip)[0],
                    "high": bounds(strip)[1],
                    "levels": base64.b64encode(levels_of(strip, order).tobytes()).decode("ascii"),
                }
                for strip in strips
            ],
        },
    }

"""Axes to draw on, without matplotlib's global state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqpipe.errors import SeqpipeError

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class PlotError(SeqpipeError):
    """A figure that can't be drawn."""


def axes_or_new(axes: Axes | None) -> Axes:
    """Return the axes given, or those of a new figure.

    Raises:
        PlotError: matplotlib isn't installed.
    """
    if axes is not None:
        return axes
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise PlotError('Plots need matplotlib: pip install "seqpipe[plot]"') from error
    return Figure(layout="constrained").subplots()

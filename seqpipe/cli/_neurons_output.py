"""Prints what neurons do."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqpipe.explanation import Context, Neurons, Strip, UnitClassifier
from seqpipe.reporting import escaped

#: A gate is closed below the first, and open above the second.
_CLOSED: Final = 0.1
_OPEN: Final = 0.9


def print_neurons(console: Console, neurons: Neurons) -> None:
    """Print how far gates open, which units tell labels, and where units are at their highest."""
    if neurons.strips:
        shown = f"{len(neurons.words):,} words"
        rest = f" of {len(neurons.words) + neurons.left_out:,}" if neurons.left_out else ""
        console.print(Text(f"gates over {shown}{rest}", "bold"))
        console.print(_gates(neurons.strips))
    if neurons.classifiers:
        held_out = neurons.classifiers[0].texts
        console.print(
            Text(
                f"the unit that tells each label best: accuracy on {held_out:,} of {neurons.texts:,} texts",
                "bold",
            )
        )
        console.print(_classifiers(neurons.classifiers))
    for trace in neurons.traces:
        _print_contexts(console, f"{trace.unit} is highest at", trace.highest)
        _print_contexts(console, f"{trace.unit} is lowest at", trace.lowest)


def _gates(strips: Sequence[Strip]) -> Table:
    table = _table("cell", "gate", "units", "mean", f"below {_CLOSED}", f"above {_OPEN}")
    for strip in strips:
        values = strip.values
        shares = (
            [f"{(values < _CLOSED).mean():.0%}", f"{(values > _OPEN).mean():.0%}"]
            if strip.is_share
            else ["", ""]
        )
        table.add_row(
            str(strip.place),
            escaped(strip.name),
            str(values.shape[1]),
            f"{values.mean():.3f}",
            *shares,
        )
    return table


def _classifiers(classifiers: Sequence[UnitClassifier]) -> Table:
    table = _table("label", "unit", "accuracy", "majority", "pipeline")
    for each in classifiers:
        figures = [f"{x:.4f}" for x in (each.accuracy, each.majority, each.pipeline)]
        side = "high" if each.slope > 0 else "low"
        table.add_row(escaped(each.label), f"{each.unit}, {side}", *figures)
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number > 1 else "left")
    return table


def _print_contexts(console: Console, heading: str, contexts: Sequence[Context]) -> None:
    if not contexts:
        return
    console.print(Text(heading, "bold"))
    for each in contexts:
        line = Text(f"  {each.value:+.3f}  {escaped(each.before)} ")
        line.append(f"[{escaped(each.word)}]", "bold")
        line.append(f" {escaped(each.after)}")
        console.print(line)

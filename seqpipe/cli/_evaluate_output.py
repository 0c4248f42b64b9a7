"""Prints an evaluation."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqpipe.cli._run_output import class_table, label_table
from seqpipe.evaluation.predictions import told_test, told_value
from seqpipe.messages import plural
from seqpipe.reporting import escaped

_MISTAKES: Final = 5
_BEGINNING: Final = 70
_SKIPPED: Final = 5


def print_evaluation(console: Console, found: Mapping[str, Any], *, other: str) -> None:
    """Print what came of an evaluation.

    Args:
        console: Where to.
        found: What `seqpipe.run.Evaluated.to_json` returns.
        other: What the pipeline is called that it's compared with.
    """
    console.print(plural(found["texts"], "text"))
    for place, problem in found["skipped"][:_SKIPPED]:
        console.print(f"skipped {escaped(place)}: {escaped(problem)}", soft_wrap=True)
    if (left := len(found["skipped"]) - _SKIPPED) > 0:
        console.print(f"{plural(left, 'more row')} skipped")
    for name, head in found["heads"].items():
        if len(found["heads"]) > 1:
            console.print(f"\n{escaped(name)}:", style="bold")
        _print_head(console, head)
        if comparison := found["comparison"].get(name):
            _print_comparison(console, comparison, other)
    if not found["heads"]:
        for figure, value in found["spacy"].items():
            if isinstance(value, float):
                console.print(f"{escaped(figure)} {value:.4f}")


def _print_head(console: Console, head: Mapping[str, Any]) -> None:
    figures = head["figures"]
    if {"classes", "confusion", "ranked"} <= figures.keys():
        console.print(class_table(figures))
    elif isinstance(labels := figures.get("labels"), Mapping) and labels:
        console.print(label_table(labels))
    for name, value in figures.items():
        if isinstance(value, float):
            low, high = head["intervals"].get(name, (None, None))
            range = "" if low is None else f"   95 %: {low:.4f} to {high:.4f}"
            console.print(f"{escaped(name)} {value:.4f}{range}")
    if head["slices"]:
        console.print(_slices(head["slices"], head["main"]))
    _print_mistakes(console, head["mistakes"])


def _slices(slices: Sequence[Mapping[str, Any]], main: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    for column in ("texts by", "from", "to", "texts", escaped(main)):
        table.add_column(column, justify="left" if column == "texts by" else "right")
    for each in slices:
        value = each.get(main)
        shown = "–" if value is None else f"{value:.4f}"
        table.add_row(each["by"], each["from"], each["to"], f"{each['texts']:,}", shown)
    return table


def _print_mistakes(console: Console, mistakes: Sequence[Mapping[str, Any]]) -> None:
    if not mistakes:
        return
    console.print("the worst mistakes:", style="bold")
    for each in mistakes[:_MISTAKES]:
        said = f"{told_value(each['truth'])} → {told_value(each['prediction'])}"
        console.print(Text(f"  {escaped(each['place'])}: {escaped(said)}"), soft_wrap=True)
        beginning = " ".join(str(each["text"]).split())
        more = "…" if len(beginning) > _BEGINNING else ""
        console.print(Text(f"    {escaped(beginning[:_BEGINNING])}{more}"), soft_wrap=True)


def _print_comparison(console: Console, comparison: Mapping[str, Any], other: str) -> None:
    console.print(f"{escaped(other)} in comparison:", style="bold", soft_wrap=True)
    for name, each in comparison["differences"].items():
        low, high = each["interval"]
        console.print(
            f"  {escaped(name)} {each['difference']:+.4f}   95 %: {low:+.4f} to {high:+.4f}"
        )
    if told := told_test(comparison["right"]):
        console.print(f"  {told}", soft_wrap=True)

"""Prints what was measured of a pipeline, or of two side by side."""

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from seqpipe.benchmarking import Benchmark, Interval, Measured
from seqpipe.messages import plural
from seqpipe.reporting import escaped

#: Returns a number of what was measured; None where it isn't known.
_Figure = Callable[[Measured], float | None]


def print_benchmark(console: Console, found: Benchmark) -> None:
    """Print the figures, each model's in a column.

    Args:
        console: Where to.
        found: What was measured.
    """
    drawn = " of words drawn from those that the model knows" if found.is_drawn else ""
    repeats = len(found.measured[0].speeds)
    measured = f"{plural(found.texts, 'text')}{drawn}, {plural(found.words, 'word')}"
    console.print(f"{measured}; {plural(repeats, 'repeat')}", soft_wrap=True)
    if found.unusable:
        left_out = plural(len(found.unusable), "text")
        console.print(f"{left_out} left out: {escaped(found.unusable[0])}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    for each in found.measured:
        table.add_column(escaped(each.model), justify="right", overflow="fold")
    if found.ratio is not None:
        table.add_column("ratio", justify="right")
    _add_speed(table, found)
    for batch in found.measured[0].latencies:
        for percent in found.measured[0].percentiles(batch):
            name = f"latency of {plural(batch, 'text')}, p{percent}"
            _add(table, name, found.measured, _latency(batch, percent), "{:,.2f} ms")
    _add(table, "load time", found.measured, lambda each: each.load_seconds, "{:.2f} s")
    _add(table, "peak memory", found.measured, lambda each: _mega(each.peak_memory), "{:,.0f} MB")
    _add(
        table,
        "  before loading",
        found.measured,
        lambda each: _mega(each.memory_before),
        "{:,.0f} MB",
    )
    _add(table, "size on disk", found.measured, lambda each: _mega(each.size), "{:,.2f} MB")
    console.print(table)


def _add_speed(table: Table, found: Benchmark) -> None:
    speeds = [each.words_per_second for each in found.measured]
    ratio = [] if found.ratio is None else [found.ratio]
    table.add_row(
        "words per second",
        *(f"{speed.value:,.0f}" for speed in speeds),
        *(f"{each.value:.3f}" for each in ratio),
        style="bold",
    )
    table.add_row(
        "  95 %",
        *(_range(speed, "{:,.0f}") for speed in speeds),
        *(_range(each, "{:.3f}") for each in ratio),
    )


def _range(interval: Interval, form: str) -> str:
    return f"{form.format(interval.low)} to {form.format(interval.high)}"


def _latency(batch: int, percent: int) -> _Figure:
    return lambda each: each.percentiles(batch)[percent] * 1000


def _mega(size: int | None) -> float | None:
    return None if size is None else size / 1e6


def _add(table: Table, name: str, measured: Sequence[Measured], figure: _Figure, form: str) -> None:
    values = [figure(each) for each in measured]
    cells = ["–" if value is None else form.format(value) for value in values]
    if len(values) > 1:
        one, other = values
        cells.append("–" if one is None or not other else f"{one / other:.2f}")
    table.add_row(name, *cells)

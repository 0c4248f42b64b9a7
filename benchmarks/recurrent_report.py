"""Results as tables on a terminal, as JSON, and as a page."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

from recurrent_floor import Peaks
from recurrent_peers import PACKED, PADDED, PLAIN, SEQPIPE
from recurrent_targets import Verdict
from recurrent_timing import Row
from rich.table import Table


def milliseconds(seconds: float | None) -> str:
    """Write a time with three digits or more."""
    if seconds is None:
        return ""
    return f"{1000 * seconds:#.3g}".rstrip(".") if seconds < 1 else f"{1000 * seconds:.0f}"


def ratio(time: float | None, peer: float | None) -> str:
    """Write one time relative to another."""
    if time is None or peer is None:
        return ""
    return f"{time / peer:.2f}" if time < 10 * peer else f"{time / peer:,.0f}"


def draw_row(row: Row) -> Table:
    """Draw a row: each peer, and its time relative to torch.nn's fastest, the loop's, and the floor."""
    limits = f"arithmetic {milliseconds(row.floor.arithmetic)} ms, memory {milliseconds(row.floor.memory)} ms"
    table = Table("peer", title=f"{row.case}\nfloor: {limits}", title_justify="left")
    for column in ("ms", "÷ torch.nn", "÷ plain", "÷ floor", "first, s"):
        table.add_column(column, justify="right")
    for name, timing in row.timings.items():
        star = "*" if timing.error is None else ""
        table.add_row(
            name + star,
            milliseconds(timing.median),
            ratio(timing.median, row.median(PADDED, PACKED)),
            ratio(timing.median, row.median(PLAIN)),
            ratio(timing.median, row.floor.seconds),
            f"{timing.first:.2f}",
        )
    table.caption = "\n".join(f"{name}: {why}" for name, why in row.skipped.items())
    table.caption_justify = "left"
    return table


def draw_verdicts(verdicts: Sequence[Verdict]) -> Table:
    """Draw the targets, each of their rows with the figure."""
    table = Table("target", "row", title="Targets: seqpipe's time relative to the peer's")
    for column in ("at most", "is", ""):
        table.add_column(column, justify="right")
    for target, group in groupby(verdicts, key=lambda each: each.target):
        table.add_section()
        for number, each in enumerate(group):
            name = "" if number else target
            table.add_row(name, str(each.case), f"{each.limit:.2f}", _figure(each), each.word)
    return table


def _figure(verdict: Verdict) -> str:
    return "" if verdict.figure is None else f"{verdict.figure:.2f}"


def collect(
    context: dict[str, Any], peaks: Peaks, rows: Sequence[Row], verdicts: Sequence[Verdict]
) -> dict[str, Any]:
    """Put all figures together, with what they depend on."""
    return {
        **context,
        "peaks": {"operations_per_second": peaks.operations, "bytes_per_second": peaks.moved},
        "rows": [_describe_row(row) for row in rows],
        "targets": [verdict.as_dict() for verdict in verdicts],
    }


def _describe_row(row: Row) -> dict[str, Any]:
    case = asdict(row.case)
    case["shape"] = row.case.shape._asdict()
    return {
        "row": str(row.case),
        **case,
        "floor": {**asdict(row.floor), "seconds": row.floor.seconds},
        "peers": [{"peer": name, **timing.as_dict()} for name, timing in row.timings.items()],
        "skipped": row.skipped,
    }


def write_json(path: Path, result: dict[str, Any]) -> None:
    """Write all figures."""
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def write_page(path: Path, result: dict[str, Any], rows: Sequence[Row]) -> None:
    """Write the page of results."""
    path.write_text("\n".join(_page(result, rows)) + "\n", encoding="utf-8")


def _page(result: dict[str, Any], rows: Sequence[Row]) -> Iterator[str]:
    machine, peaks = result["machine"], result["peaks"]
    yield f"# Recurrent engines, {result['date'][:10]}\n"
    yield "Written by this command; `benchmarks/README.md` says what's measured and how:\n"
    yield f"    {result['command']}\n"
    yield "**Machine.** " + "; ".join(_describe_machine(machine, result["threads"])) + ".\n"
    versions = (f"{name} {version}" for name, version in result["versions"].items() if version)
    yield "**Versions.** " + ", ".join(versions) + ".\n"
    operations = ", ".join(
        f"{value / 1e9:,.0f} billion operations per second in {dtype}"
        for dtype, value in peaks["operations_per_second"].items()
    )
    copied = f"{peaks['bytes_per_second'] / 1e9:,.1f} GB per second copied"
    yield f"**Floors** are for {operations}, and {copied}, both measured in the same run.\n"
    yield "## Targets\n"
    yield from _target_lines(result["targets"])
    yield "\n## All rows\n"
    yield "Medians in milliseconds. A row is the cell, batch x steps x input width x width, and what's run.\n"
    yield from _row_lines(rows)
    yield from _skipped_lines(rows)


def _describe_machine(machine: dict[str, Any], threads: int) -> Iterator[str]:
    yield f"{machine['gpu']}, {machine['processor']}" if machine["gpu"] else machine["processor"]
    yield f"{machine['cores']} cores, torch's threads: {threads}"
    yield f"{machine['system']}, Python {machine['python']}"


def _lines(header: Sequence[str], left: int, body: Iterable[Sequence[str]]) -> Iterator[str]:
    """Write a table whose first columns, so many, stand left."""
    rules = ["---"] * left + ["---:"] * (len(header) - left)
    for cells in (header, rules, *body):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _target_lines(targets: Sequence[dict[str, Any]]) -> Iterator[str]:
    body = (
        (
            each["target"],
            each["row"],
            f"{each['limit']:.2f}",
            "" if each["figure"] is None else f"{each['figure']:.2f}",
            each["verdict"],
        )
        for each in targets
    )
    yield from _lines(("target", "row", "at most", "is", "verdict"), 2, body)


def _row_lines(rows: Sequence[Row]) -> Iterator[str]:
    """Write a line for each row and a column for each peer that ran in any."""
    peers = list(dict.fromkeys(name for row in rows for name in row.timings))
    ratios = ("÷ torch.nn", "÷ plain", "÷ floor")
    body = (_row_cells(row, peers) for row in rows)
    yield from _lines(("row", *peers, "floor", *(f"seqpipe {r}" for r in ratios)), 1, body)
    yield "\n`*`: not the same cell, but torch's LSTM as a yardstick."


def _row_cells(row: Row, peers: Sequence[str]) -> list[str]:
    ours = row.median(SEQPIPE)
    times = []
    for name in peers:
        timing = row.timings.get(name)
        star = "*" if timing and timing.error is None else ""
        times.append(milliseconds(row.median(name)) + star)
    relative_to = (row.median(PADDED, PACKED), row.median(PLAIN), row.floor.seconds)
    ratios = [ratio(ours, peer) for peer in relative_to]
    return [str(row.case), *times, milliseconds(row.floor.seconds), *ratios]


def _skipped_lines(rows: Sequence[Row]) -> Iterator[str]:
    reasons: dict[tuple[str, str], int] = {}
    for row in rows:
        for skipped in row.skipped.items():
            reasons[skipped] = reasons.get(skipped, 0) + 1
    if reasons:
        yield "\n## What didn't run\n"
        body = ((name, why, str(count)) for (name, why), count in reasons.items())
        yield from _lines(("peer", "reason", "rows"), 2, body)

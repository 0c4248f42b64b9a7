"""Prints what was found out about data."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from seqpipe.cli.plugins._screen import counted
from seqpipe.data import Duplicate, Found, Guess, Leak, Report, Scan, Summary
from seqpipe.parts.readers import Row
from seqpipe.reporting import escaped

#: How many of a kind are shown; the rest is in the JSON.
_SHOWN: Final = 10
_LABELS: Final = 10
_PLACES: Final = 3
_SAMPLE: Final = 40
_NAME: Final = 24
#: The width of the columns beside a name and its samples, with what's between.
_FIGURES: Final = 28
#: No line of a text is longer, however wide the terminal is.
_BEGINNING: Final = 160
_COLUMNS: Final = 20
_INDENT: Final = 4


def print_report(console: Console, report: Report) -> None:
    """Print everything but mistakes, which take longer to find."""
    for scanned, guess in report.files.values():
        _print_file(console, scanned, guess)
    if report.section:
        console.print(Text("To paste into a pipeline file:\n", "bold"))
        # Not wrapped, so that it can be copied.
        console.print(Text(report.section), soft_wrap=True)
    for name, summary in report.summaries.items():
        _print_summary(console, name, summary, is_cut=report.parts[name].is_cut)
        _print_duplicates(console, report.duplicates[name])
        console.print()
    for leak in report.leaks:
        _print_leak(console, leak)


def _print_file(console: Console, scanned: Scan, guess: Guess) -> None:
    console.print(Text(escaped(scanned.path), "bold"), soft_wrap=True)
    size = f"{'the first ' if scanned.is_cut else ''}{counted(scanned.count, 'line')}, {_size(scanned.size)}"
    facts = {
        "size": f"{size}; the rest wasn't looked at (--lines)" if scanned.is_cut else size,
        "encoding": f"{scanned.encoding} ({scanned.why})",
        "format": guess.format,
        **guess.roles,
    }
    grid = Table.grid(padding=(0, 2))
    grid.add_column(min_width=10)
    grid.add_column(overflow="fold")
    for key, value in facts.items():
        grid.add_row(f"  {escaped(key)}", escaped(value))
    console.print(grid)
    if guess.columns:
        console.print()
        console.print(_column_table(guess, console.width))
    console.print()


def _column_table(guess: Guess, width: int) -> Table:
    table = _table("  column", "filled", "different", "values such as")
    table.columns[-1].justify = "left"
    shown = guess.columns[:_COLUMNS]
    names = [_short(str(column.name), _NAME) for column in shown]
    room = max(width - max(map(len, names)) - _FIGURES, _NAME)
    for name, column in zip(names, shown, strict=True):
        samples = " | ".join(_short(sample, room // 2) for sample in column.samples)
        filled = f"{column.filled / (column.rows or 1):.0%}"
        table.add_row(f"  {name}", filled, f"{column.distinct:,}", _short(samples, room))
    if (left := len(guess.columns) - _COLUMNS) > 0:
        table.add_row(f"  and {left:,} more")
    return table


def _print_summary(console: Console, name: str, summary: Summary, *, is_cut: bool) -> None:
    first = "the first " if is_cut else ""
    title = f"{name}: {first}{counted(summary.rows, 'row')}"
    if is_cut:
        title += ", and only these were looked at (--lines)"
    console.print(Text(title, "bold"))
    if summary.labels:
        several = f", {counted(summary.several, 'row')} with several" if summary.several else ""
        console.print(f"  {counted(len(summary.labels), 'label')}{several}")
        console.print(_counts(summary.labels, summary.rows))
    for kind, counts in summary.marks.items():
        console.print(f"  {escaped(kind)}: {counted(len(counts), 'value')}")
        console.print(_counts(counts, sum(counts.values())))
    if summary.numbers:
        least, mean, most = summary.numbers
        console.print(f"  numbers from {least:g} to {most:g}, {mean:g} on average")
    lengths = _table("  length", "least", "1st quartile", "median", "3rd quartile", "greatest")
    for what, found in (("characters", summary.characters), ("words", summary.words)):
        lengths.add_row(f"  {what}", *(f"{each:,}" for each in found.quartiles))
    console.print(lengths)
    console.print(f"  longest: {escaped(summary.characters.longest)}")
    if unusable := sum(len(problem.places) for problem in summary.problems):
        console.print(Text(f"  {counted(unusable, 'row')} can't be used", "yellow"))
    for problem in summary.problems[:_SHOWN]:
        _print_indented(console, f"{len(problem.places):,}: {escaped(problem.text)}", 4)
        _print_indented(console, _listed(problem.places), 6)
    if (left := len(summary.problems) - _SHOWN) > 0:
        console.print(f"    and {counted(left, 'other problem')}")


def _counts(counts: Mapping[str, int], total: int) -> Table:
    """Return a table of the most frequent values, and the rarest."""
    table = _table("  ", "", "")
    items = list(counts.items())
    half = _LABELS // 2
    shown = items if len(items) <= _LABELS + 1 else [*items[:half], *items[-half:]]
    for number, (label, count) in enumerate(shown):
        if number == half and len(shown) < len(items):
            table.add_row(f"    … {len(items) - len(shown):,} more …", "", "")
        table.add_row(f"    {_short(label, _SAMPLE)}", f"{count:,}", f"{count / total:.1%}")
    table.show_header = False
    return table


def _print_duplicates(console: Console, found: Sequence[Duplicate]) -> None:
    if not found:
        console.print("  no duplicates")
        return
    rows = sum(len(each.rows) for each in found)
    disagreeing = sum(each.disagrees for each in found)
    texts = counted(len(found), "duplicate text")
    console.print(f"  {texts}, in {rows:,} rows (except for case and white space)")
    if disagreeing:
        told = f"  labelled differently: {disagreeing:,}"
        console.print(Text(told, "yellow"))
    for each in found[: min(_SHOWN, disagreeing or _PLACES)]:
        _print_texts(console, each.rows[0])
        for row in each.rows[:_PLACES]:
            labels = f" ({', '.join(row.labels)})" if row.labels else ""
            console.print(f"      {escaped(row.source + labels)}", soft_wrap=True)
        if (left := len(each.rows) - _PLACES) > 0:
            console.print(f"      and {left:,} more")
    if (left := disagreeing - _SHOWN) > 0:
        console.print(f"    and {left:,} more: see --json")


def _print_leak(console: Console, leak: Leak) -> None:
    if not leak.pairs:
        console.print(f"no text of {leak.part} is in {leak.other}\n")
        return
    are = "is" if len(leak.pairs) == 1 else "are"
    told = f"{counted(len(leak.pairs), 'row')} of {leak.part} ({leak.share:.1%}) {are} in {leak.other} too:"
    console.print(Text(told, "yellow"))
    for row, other in leak.pairs[:_PLACES]:
        console.print(f"  {escaped(row.source)} is {escaped(other.source)}", soft_wrap=True)
        _print_texts(console, row)
    if (left := len(leak.pairs) - _PLACES) > 0:
        console.print(f"  and {left:,} more: see --json")
    console.print()


def print_mistakes(console: Console, found: Found) -> None:
    """Print labels that look like mistakes, the surest ones."""
    judged = counted(found.judged, "row")
    if found.mistakes:
        look = "looks like a mistake" if len(found.mistakes) == 1 else "look like mistakes"
        told = f"{counted(len(found.mistakes), 'label')} of {judged} {look}; {found.share:.1%} are estimated to be"
    else:
        told = f"no label of {judged} looks like a mistake"
    console.print(Text(told, "bold"))
    if found.left_out:
        rare = _listed(found.left_out)
        _print_indented(console, f"not judged, with fewer than five different texts: {rare}", 2)
    for mistake in found.mistakes[: 2 * _SHOWN]:
        labels = f"{escaped(mistake.given)} → {escaped(mistake.suggested)}"
        place = escaped(mistake.row.source)
        console.print(f"  {place}  {labels}  ({mistake.margin:+.2f})", soft_wrap=True)
        _print_texts(console, mistake.row)
    if (left := len(found.mistakes) - 2 * _SHOWN) > 0:
        console.print(f"  and {left:,} more: see --json")


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, name in enumerate(names):
        justify = "right" if place else "left"
        table.add_column(name, justify=justify, no_wrap=True, overflow="ellipsis")  # type: ignore[arg-type]
    return table


def _print_texts(console: Console, row: Row) -> None:
    """Print the beginning of a text, as much as a line has room for; of a pair, of both."""
    room = max(min(console.width, _BEGINNING) - _INDENT, _NAME)
    for text in (row.text, row.pair):
        if text is not None:
            line = Text(" " * _INDENT + _short(text, room), "dim")
            console.print(line, no_wrap=True, overflow="ellipsis")


def _print_indented(console: Console, text: str, indent: int) -> None:
    console.print(Padding(Text(text), (0, 0, 0, indent)))


def _listed(places: Sequence[str]) -> str:
    more = f" and {len(places) - _PLACES:,} more" if len(places) > _PLACES else ""
    return escaped(", ".join(places[:_PLACES])) + more


def _short(text: str, most: int) -> str:
    """Return the beginning of a text on one line."""
    line = escaped(" ".join(text[: 4 * most].split()))
    return line if len(line) <= most else line[: most - 1] + "…"


def _size(size: int) -> str:
    units: Iterable[tuple[int, str]] = ((1_000_000, "MB"), (1_000, "kB"))
    return next(
        (f"{size / unit:,.1f} {name}" for unit, name in units if size >= unit), f"{size:,} B"
    )

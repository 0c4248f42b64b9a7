"""Prints lists of runs, and how two of them differ."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from seqpipe.messages import as_json, plural
from seqpipe.reporting import escaped
from seqpipe.run import MISSING, PastRun

#: So many settings have columns of their own.
_MOST: Final = 4
_MOST_SCORES: Final = 1
#: Columns of what isn't shown on a terminal, so that nothing is folded.
_WIDE: Final = 1000


def print_runs(
    console: Console,
    runs: Sequence[PastRun],
    differences: Mapping[str, Sequence[Any]],
    folder: Path,
) -> None:
    """Print a line for each run."""
    if not console.is_terminal:
        console.width = _WIDE
    if not runs:
        console.print(f"no runs in {escaped(folder)}", soft_wrap=True)
        return
    counts: dict[str, int] = {}
    for run in runs:
        for name in run.test:
            counts[name] = counts.get(name, 0) + 1
    scores = sorted(counts, key=lambda name: -counts[name])[:_MOST_SCORES]
    names = list(differences)[:_MOST]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("run", overflow="fold")
    for column in ("ended", "dev", *(f"test {name}" for name in scores), "time"):
        table.add_column(escaped(column), justify="right", overflow="fold")
    for name in names:
        key = name.rpartition(".")[2]
        is_clear = sum(other.rpartition(".")[2] == key for other in names) == 1
        table.add_column(escaped(key if is_clear else name), overflow="fold")
    for n, run in enumerate(runs):
        values = [_shown(differences[name][n]) for name in names]
        figures = [_number(run.score), *(_number(run.test.get(name)) for name in scores)]
        time = MISSING if run.seconds is None else f"{run.seconds:.0f} s"
        ended = run.ended.strftime("%Y-%m-%d %H:%M")
        table.add_row(escaped(_name(run.folder, folder)), ended, *figures, time, *values)
    console.print(table)
    if (left := len(differences) - len(names)) > 0:
        console.print(
            f"and {plural(left, 'more setting')} in which they differ: `seqpipe runs diff A B` shows those of two, --json all",
            soft_wrap=True,
        )


def print_difference(
    console: Console, first: PastRun, second: PastRun, differences: Mapping[str, Sequence[Any]]
) -> None:
    """Print the settings and the scores in which two runs differ."""
    if not differences:
        console.print("the settings are the same")
    for name, (one, other) in differences.items():
        console.print(f"{escaped(name)}: {_shown(one)} → {_shown(other)}")
    figures = {"dev score": (first.score, second.score)}
    figures |= {f"test {n}": (first.test.get(n), second.test.get(n)) for n in first.test}
    for name, (a, b) in figures.items():
        if a is not None and b is not None:
            console.print(f"{escaped(name)}: {a:.4f} → {b:.4f} ({b - a:+.4f})")


def _name(run: Path, folder: Path) -> str:
    return str(run.relative_to(folder)) if run != folder else str(run)


def _number(value: float | None) -> str:
    return MISSING if value is None else f"{value:.4f}"


def _shown(value: Any) -> str:
    return MISSING if value == MISSING else escaped(as_json(value))

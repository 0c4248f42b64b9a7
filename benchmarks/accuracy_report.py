"""Results of the benchmark of accuracy, as tables on a terminal and as a page."""

import statistics
from collections.abc import Iterator, Sequence
from typing import Any, Final

from page_lines import duration, environment_lines, failures, marked, seed_range, table_lines
from rich.table import Table
from text_sets import SETS

_COLUMNS: Final = (
    "mean",
    "min-max",
    "seeds",
    "training, s",
    "texts/s",
    "on disk, MB",
    "memory, MB",
)


def summarise(cells: Sequence[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return the figures of each system on a set over its seeds, the best mean first.

    Scores are means with their range; times, sizes and memory are medians.
    """
    mine = [cell for cell in cells if cell["set"] == name and "score" in cell]
    summaries = []
    for system in dict.fromkeys(cell["system"] for cell in mine):
        runs = [cell for cell in mine if cell["system"] == system]
        scores = [run["score"] for run in runs]
        medians = {
            key: statistics.median(run[key] for run in runs)
            for key in ("train_seconds", "texts_per_second", "bytes", "memory")
        }
        spread = {"mean": statistics.mean(scores), "min": min(scores), "max": max(scores)}
        seeds = sorted(run["seed"] for run in runs)
        summaries.append({"system": system, **spread, "seeds": seeds, **medians})
    return sorted(summaries, key=lambda each: -each["mean"])


def draw_table(cells: Sequence[dict[str, Any]], name: str) -> Table:
    """Draw the systems on a set for a terminal."""
    table = Table(title=f"{name}, {SETS[name].metric}")
    table.add_column("system", overflow="fold")
    for column in _COLUMNS:
        table.add_column(column, justify="right")
    for each in summarise(cells, name):
        table.add_row(each["system"], *_figures(each))
    return table


def page(result: dict[str, Any]) -> str:
    """Return the page of results, in Markdown."""
    return "\n".join(_page_lines(result)) + "\n"


def _page_lines(result: dict[str, Any]) -> Iterator[str]:
    cells = result["cells"]
    sets = [name for name in SETS if any(cell["set"] == name for cell in cells)]
    yield "# Accuracy of text classifiers\n"
    yield (
        "Written by `benchmarks/accuracy.py`; [its description](../../benchmarks/README.md) says what each system is, "
        "and what's measured and how. All figures are in the JSON file of the same name.\n"
    )
    for environment in result["environments"]:
        yield from environment_lines(environment, cells)
    yield "## All sets\n"
    yield "Means over seeds; accuracy, or where texts have several labels, P@1.\n"
    yield from _overview(cells, sets)
    for name in sets:
        yield from _set_lines(result, name)
    yield from failures(cells)


def _overview(cells: Sequence[dict[str, Any]], sets: Sequence[str]) -> Iterator[str]:
    means = {
        name: {each["system"]: each["mean"] for each in summarise(cells, name)} for name in sets
    }
    systems = dict.fromkeys(system for of_set in means.values() for system in of_set)
    body = []
    for name in sets:
        best = max(means[name].values(), default=None)
        figures = [marked(means[name].get(system), best) for system in systems]
        body.append([f"{name}, P@1" if SETS[name].metric == "P@1" else name, *figures])
    yield from table_lines(["set", *systems], body)


def _set_lines(result: dict[str, Any], name: str) -> Iterator[str]:
    yield f"\n## {name}\n"
    rows = result["sets"][name]
    counts = ", ".join(f"{rows[part]:,} {part}" for part in ("train", "dev", "test"))
    yield (
        f"{SETS[name].about[0].upper()}{SETS[name].about[1:]}: {counts}. "
        f"Scores are {SETS[name].metric}.\n"
    )
    body = [[each["system"], *_figures(each)] for each in summarise(result["cells"], name)]
    yield from table_lines(["system", *_COLUMNS], body)


def _figures(each: dict[str, Any]) -> list[str]:
    return [
        f"{each['mean']:.3f}",
        f"{each['min']:.3f}-{each['max']:.3f}",
        seed_range(each["seeds"]),
        duration(each["train_seconds"]),
        f"{each['texts_per_second']:,.0f}",
        f"{each['bytes'] / 1e6:,.1f}",
        f"{each['memory'] / 1e6:,.0f}",
    ]

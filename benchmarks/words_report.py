"""Results of the benchmark of words, as tables on a terminal and as a page."""

import statistics
from collections.abc import Iterator, Sequence
from typing import Any, Final

from page_lines import duration, environment_lines, failures, marked, seed_range, table_lines
from rich.table import Table
from word_sets import WORD_SETS

_COLUMNS: Final = ("seeds", "training, s", "words/s", "on disk, MB", "memory, MB")


def summarise(cells: Sequence[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return the figures of each system on a set over its seeds, the best mean of the first measure first.

    Scores are means with their range, by measure; times, sizes and memory are medians.
    """
    mine = [cell for cell in cells if cell["set"] == name and "score" in cell]
    measures = WORD_SETS[name].measures
    summaries = []
    for system in dict.fromkeys(cell["system"] for cell in mine):
        runs = [cell for cell in mine if cell["system"] == system]
        medians = {
            key: statistics.median(run[key] for run in runs)
            for key in ("train_seconds", "words_per_second", "bytes", "memory")
        }
        spreads = {
            measure: _spread([run["scores"][measure] for run in runs]) for measure in measures
        }
        seeds = sorted(run["seed"] for run in runs)
        summaries.append({"system": system, "scores": spreads, "seeds": seeds, **medians})
    return sorted(summaries, key=lambda each: -each["scores"][measures[0]][0])


def _spread(scores: Sequence[float]) -> tuple[float, float, float]:
    return statistics.mean(scores), min(scores), max(scores)


def draw_table(cells: Sequence[dict[str, Any]], name: str) -> Table:
    """Draw the systems on a set for a terminal."""
    table = Table(title=name)
    table.add_column("system", overflow="fold")
    for column in _columns(name):
        table.add_column(column, justify="right")
    for each in summarise(cells, name):
        table.add_row(each["system"], *_figures(each))
    return table


def page(result: dict[str, Any]) -> str:
    """Return the page of results, in Markdown."""
    return "\n".join(_page_lines(result)) + "\n"


def _page_lines(result: dict[str, Any]) -> Iterator[str]:
    cells = result["cells"]
    sets = [name for name in WORD_SETS if any(cell["set"] == name for cell in cells)]
    yield "# Tasks of words\n"
    yield (
        "Written by `benchmarks/words.py`; [its description](../../benchmarks/README.md) says what each system is, "
        "and what's measured and how. All figures are in the JSON file of the same name.\n"
    )
    for environment in result["environments"]:
        yield from environment_lines(environment, cells)
    yield "## All sets\n"
    yield "Means over seeds.\n"
    yield from _overview(cells, sets)
    for name in sets:
        yield from _set_lines(result, name)
    yield from failures(cells)


def _overview(cells: Sequence[dict[str, Any]], sets: Sequence[str]) -> Iterator[str]:
    means = {
        (name, measure): {
            each["system"]: each["scores"][measure][0] for each in summarise(cells, name)
        }
        for name in sets
        for measure in WORD_SETS[name].measures
    }
    systems = dict.fromkeys(system for of_set in means.values() for system in of_set)
    body = []
    for (name, measure), of_set in means.items():
        best = max(of_set.values(), default=None)
        body.append(
            [f"{name}, {measure}", *(marked(of_set.get(system), best) for system in systems)]
        )
    yield from table_lines(["set", *systems], body)


def _set_lines(result: dict[str, Any], name: str) -> Iterator[str]:
    yield f"\n## {name}\n"
    rows = result["sets"][name]
    counts = ", ".join(f"{rows[part]:,} {part}" for part in ("train", "dev", "test"))
    about = WORD_SETS[name].about
    yield f"{about[0].upper()}{about[1:]}: {counts}.\n"
    body = [[each["system"], *_figures(each)] for each in summarise(result["cells"], name)]
    yield from table_lines(["system", *_columns(name)], body)


def _columns(name: str) -> list[str]:
    scores = [column for measure in WORD_SETS[name].measures for column in (measure, "min-max")]
    return [*scores, *_COLUMNS]


def _figures(each: dict[str, Any]) -> list[str]:
    scores = [
        figure
        for mean, low, high in each["scores"].values()
        for figure in (f"{mean:.3f}", f"{low:.3f}-{high:.3f}")
    ]
    return [
        *scores,
        seed_range(each["seeds"]),
        duration(each["train_seconds"]),
        f"{each['words_per_second']:,.0f}",
        f"{each['bytes'] / 1e6:,.1f}",
        f"{each['memory'] / 1e6:,.0f}",
    ]

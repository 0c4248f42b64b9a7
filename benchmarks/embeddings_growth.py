"""What a corpus twice as long costs each peer of the benchmark of embeddings.

Beside a longer corpus, which has more words to know, there's one of the same text written twice: trained
with twice the `min_count`, it has the same words, so what it costs beyond twice is no larger tables' doing.
"""

import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

#: What's compared of two trainings.
WHAT = ("seconds", "processor", "memory", "known")


def compare_growth(
    runs: Sequence[dict[str, Any]], base: str, others: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Return how many times the trainings on the first corpus those on each other one took, by seed."""
    found = {tuple(run[key] for key in ("model", "peer", "seed", "corpus")): run for run in runs}
    kinds = dict.fromkeys((run["model"], run["peer"]) for run in runs)
    seeds = sorted({run["seed"] for run in runs})
    for model, peer in kinds:
        for other in others:
            pairs = [
                (found[model, peer, seed, base], found[model, peer, seed, other]) for seed in seeds
            ]
            ratios = {key: [more[key] / once[key] for once, more in pairs] for key in WHAT}
            yield {"model": model, "peer": peer, "corpus": other, **ratios}


def growth_table(growth: Sequence[dict[str, Any]]) -> Table:
    """Show the median of each ratio, and all of those of the time."""
    table = Table(
        "model", "peer", "corpus", title="What a corpus twice as long takes, times the first"
    )
    for column in (*WHAT, "seconds, by seed"):
        table.add_column(column, justify="right")
    for row in growth:
        medians = (f"{statistics.median(row[key]):.2f}" for key in WHAT)
        by_seed = ", ".join(f"{ratio:.2f}" for ratio in row["seconds"])
        table.add_row(row["model"], row["peer"], row["corpus"], *medians, by_seed)
    return table

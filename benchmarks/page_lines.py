"""What pages of results are made of: the machine, tables, ranges of seeds, and what failed."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

_LONGEST_ERROR: Final = 300


def environment_lines(
    environment: dict[str, Any], cells: Sequence[dict[str, Any]]
) -> Iterator[str]:
    """Yield where some of the cells were measured, and with which versions."""
    machine = environment["machine"]
    count = sum(cell["environment"] == environment["number"] for cell in cells)
    versions = ", ".join(f"{name} {version}" for name, version in environment["versions"].items())
    yield (
        f"**Measured** from {environment['date']} on, {count} trainings: {machine['processor']}, "
        f"{machine['cores']} cores, of which each system may use {environment['threads']}; "
        f"{machine['system']}, Python {machine['python']}; {versions}.\n"
    )


def marked(mean: float | None, best: float | None) -> str:
    """Return a score, in bold if it's the best; nothing if there's none."""
    if mean is None:
        return ""
    return f"**{mean:.3f}**" if mean == best else f"{mean:.3f}"


def duration(seconds: float) -> str:
    """Return seconds, with a decimal if they're few."""
    return f"{seconds:.1f}" if seconds < 100 else f"{seconds:,.0f}"


def seed_range(seeds: Sequence[int]) -> str:
    """Return seeds in ascending order as a range, if they're one."""
    first, last = seeds[0], seeds[-1]
    if len(seeds) > 2 and list(seeds) == list(range(first, last + 1)):
        return f"{first}-{last}"
    return ", ".join(map(str, seeds))


def failures(cells: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield a list of the cells that failed, and why."""
    failed = [cell for cell in cells if "error" in cell]
    if failed:
        yield "\n## Failed\n"
    for cell in failed:
        why = " ".join(cell["error"].replace("`", "'").split())[:_LONGEST_ERROR]
        yield f"- {cell['set']}, {cell['system']}, seed {cell['seed']}: `{why}`"


def table_lines(header: Sequence[str], body: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table, its first column to the left, the others to the right."""
    rules = ["---"] + ["---:"] * (len(header) - 1)
    for cells in (header, rules, *body):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

"""Prints what a model was, and what it is now that it's smaller."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from seqpipe.reporting import escaped
from seqpipe.shrinking import Shrunk, format_size

_VOCABULARY: Final = "vocab/"
_EMBEDDER: Final = "vocab/embedder"


def print_shrunk(console: Console, shrunk: Shrunk, scores: Mapping[str, Any] | None) -> None:
    """Print sizes and scores before and after.

    Args:
        console: Where to.
        shrunk: What was done.
        scores: "before" and "after", figures of each head by its name; None if nothing was scored.
    """
    before, after = _by_part(shrunk.before), _by_part(shrunk.after)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    for column in ("before", "after", ""):
        table.add_column(column, justify="right")
    for part in sorted(before, key=lambda part: -before[part]):
        table.add_row(escaped(part), *_sizes(before[part], after.get(part, 0)))
    table.add_row("in all", *_sizes(sum(before.values()), sum(after.values())), style="bold")
    for figure, old, new in _figures(scores or {}):
        table.add_row(escaped(figure), f"{old:.4f}", f"{new:.4f}", f"{new - old:+.4f}")
    console.print(f"shrunk: {shrunk.settings}")
    console.print(table)


def _by_part(sizes: Mapping[str, int]) -> dict[str, int]:
    """Return the sizes of the folders of components, of the embedder, of the rest of the vocabulary, and of other files together."""
    parts: defaultdict[str, int] = defaultdict(int)
    for name, size in sizes.items():
        if name.startswith(_VOCABULARY):
            part = "word vectors" if name.startswith(f"{_EMBEDDER}/") else "vocabulary"
        else:
            part = name.partition("/")[0] if "/" in name else "config, tokenizer and others"
        parts[part] += size
    return dict(parts)


def _sizes(before: int, after: int) -> tuple[str, str, str]:
    share = f"{after / before:.0%}" if before else ""
    return format_size(before), format_size(after), share


def _figures(scores: Mapping[str, Any]) -> list[tuple[str, float, float]]:
    """Return the figures that both models have, with the name of the head where there are several."""
    if not scores:
        return []
    before, after = scores["before"], scores["after"]
    return [
        (figure if len(before) == 1 else f"{head} {figure}", value, after[head][figure])
        for head, figures in before.items()
        for figure, value in figures.items()
        if isinstance(value, float) and isinstance(after[head].get(figure), float)
    ]

"""Prints neighbours of words."""

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console

from seqpipe.cli.embeddings._evaluation_output import make_table, number
from seqpipe.reporting import escaped

#: How much of a sentence is shown on either side of a word.
_AROUND: Final = 28


def print_neighbours(console: Console, report: Mapping[str, Any]) -> None:
    """Print a table for each word that has a vector, and two for each word in a sentence."""
    tables = []
    for found in (each for each in report["words"] if "error" not in each):
        title = found["word"] if found["known"] else f"{found['word']} (unknown: by sub-words)"
        rows = [(each["word"], number(each["score"])) for each in found["neighbours"]]
        tables.append(make_table(title, ("cosine",), rows))
    for found in report.get("contexts", ()):
        for title, key in (
            (f"{found['word']} elsewhere", "same_word"),
            ("other words", "other_words"),
        ):
            rows = [(_snippet(each), number(each["score"])) for each in found[key]]
            tables.append(make_table(f"{title}, nearest to: {found['text']}", ("cosine",), rows))
    for i, table in enumerate(tables):
        if i:
            console.print()
        console.print(table)
    if "corpus" in report:
        console.print(f"\ncorpus: {escaped(report['corpus'])}")


def _snippet(found: Mapping[str, Any]) -> str:
    text, start, end = found["text"], found["start"], found["end"]
    before, after = text[:start], text[end:]
    if len(before) > _AROUND:
        before = f"…{before[-_AROUND:]}"
    if len(after) > _AROUND:
        after = f"{after[:_AROUND]}…"
    return f"{before}[{found['word']}]{after}"

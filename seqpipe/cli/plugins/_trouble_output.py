"""Prints what keeps a plugin or a part from being used."""

import textwrap
from typing import Any

from rich.console import Console

from seqpipe.cli.plugins._screen import print_prose
from seqpipe.plugins import Trouble


def print_trouble(console: Console, trouble: Trouble, *, indent: int, traceback: bool) -> None:
    """Print the reason, what would probably help and, if that's wished, where it went wrong."""
    print_prose(console, trouble.reason, indent=indent)
    if trouble.fix:
        print_prose(console, f"try: {trouble.fix}", indent=indent, style="cyan")
    if trouble.traceback and traceback:
        console.print()
        console.print(textwrap.indent(trouble.traceback, " " * indent), style="dim")
        console.print()


def trouble_to_json(trouble: Trouble | None) -> dict[str, Any]:
    """Return it in terms of JSON, under the same names for everything that may have any."""
    return {
        "reason": trouble.reason if trouble else None,
        "fix": (trouble.fix or None) if trouble else None,
        "traceback": (trouble.traceback or None) if trouble else None,
    }

"""What ``seqpipe embeddings picture`` prints."""

from pathlib import Path
from typing import Final

from rich.console import Console

from seqpipe.cli.plugins._screen import counted
from seqpipe.pictures import Projection
from seqpipe.reporting import escaped

#: So many of the words that are left out are named.
_NAMED: Final = 10


def print_picture(console: Console, projection: Projection, path: Path, *, more: int) -> None:
    """Print what was drawn and what wasn't.

    Args:
        console: Prints it.
        projection: What was drawn.
        path: Where to.
        more: How many words were chosen beside these.
    """
    console.print(
        f"{escaped(path)}: {counted(len(projection.words), 'word')} by {projection.method}"
    )
    if more:
        console.print(f"{more:,} more aren't shown; --most shows more")
    if left_out := projection.left_out:
        named = ", ".join(map(repr, left_out[:_NAMED]))
        rest = f" and {len(left_out) - _NAMED:,} more" if len(left_out) > _NAMED else ""
        console.print(f"without a vector, and not shown: {named}{rest}")

"""The console that commands print on, and what they print: JSON, columns, prose and a spinner."""

import contextlib
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from seqpipe.reporting import escaped, escaped_lines

#: Longer lines of prose are hard to read.
_MAX_WIDTH: Final = 100
#: Shorter ones too, however little room there is.
_MIN_WIDTH: Final = 20
#: Anything but a plain paragraph keeps its lines.
_LAID_OUT: Final = re.compile(r"^(\s|[-*+>|]\s|\d+[.)]\s)|`{3}", re.MULTILINE)


class SafeConsole(Console):
    """A console for untrusted text: labels, words, docstrings, messages of exceptions.

    Control characters, and characters that the stream's encoding lacks, are shown as escape sequences.
    Line breaks and tabs stay: text for a single line has to be passed to `escaped` before.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text for layout, already escaped, so that columns get the right widths."""
        return super().render_str(self._shown(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield what's written, with text that didn't pass through `render_str` escaped too."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=self._shown(segment.text))

    def _shown(self, text: str) -> str:
        return escaped_lines(text).encode(self.encoding, "backslashreplace").decode(self.encoding)


def make_console(
    stream: TextIO | None = None, *, quiet: bool = False, soft_wrap: bool = True
) -> Console:
    """Return a console that doesn't interpret markup.

    Args:
        stream: The stream to print on; by default stdout.
        quiet: Whether to print nothing.
        soft_wrap: Whether lines are printed as they are, so that no name is broken or cut.
    """
    return SafeConsole(
        file=stream or sys.stdout,
        quiet=quiet,
        soft_wrap=soft_wrap,
        highlight=False,
        markup=False,
        emoji=False,
    )


def counted(count: int, word: str) -> str:
    """Return "1 part", "2 parts"."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    print(json.dumps(value, indent=2, allow_nan=False))


def print_columns(console: Console, rows: Iterable[Sequence[Text]], *, indent: int = 2) -> None:
    """Print rows with aligned columns."""
    rows = list(rows)
    widths = [max(cell.cell_len for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        line = Text(" " * indent)
        for cell, width in zip(row, widths, strict=True):
            line.append_text(cell).append(" " * (width - cell.cell_len + 2))
        line.rstrip()
        console.print(line)


def print_prose(console: Console, text: str, *, indent: int = 0, style: str = "") -> None:
    """Print paragraphs, wrapped to the width of a terminal; elsewhere lines stay as they are.

    Formulas, lists and code are never wrapped.
    """
    width = max(min(console.width, _MAX_WIDTH) - indent, _MIN_WIDTH)
    for i, paragraph in enumerate(re.split(r"\n\s*\n", text.strip("\n"))):
        if i:
            console.print()
        for line in _broken(paragraph, width) if console.is_terminal else paragraph.splitlines():
            console.print(Text(" " * indent + line, style))


def _broken(paragraph: str, width: int) -> list[str]:
    if _LAID_OUT.search(paragraph):
        return paragraph.splitlines()
    return textwrap.wrap(paragraph, width, break_long_words=False, break_on_hyphens=False)


@contextlib.contextmanager
def waiting(text: str, console: Console | None = None) -> Iterator[Callable[[str], None]]:
    """Show a spinner on a terminal, and yield a function that changes its text.

    Args:
        text: What's being done.
        console: The console that's printed on meanwhile, whose lines go above the spinner.
    """
    if console is None or console.quiet or not console.is_terminal:
        console = make_console(sys.stderr)
    if not console.is_terminal:
        # The spinner takes a while to import.
        yield lambda text: None
        return
    with console.status(Text(escaped(text))) as status:
        yield lambda text: status.update(Text(escaped(text)))

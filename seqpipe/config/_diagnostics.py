"""What's wrong with a pipeline file: as data, as an error, and as the text that people read."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from seqpipe.config._places import Place
from seqpipe.config._snippet import snippet
from seqpipe.config._text import plural
from seqpipe.errors import ConfigError
from seqpipe.reporting import escaped

#: Dresses a text by its role ("error", "place", "gutter", "mark", "note", "help"), as with a colour.
Style = Callable[[str, str], str]

#: A file with more problems than this is no pipeline file, or has one problem many times.
LIMIT = 50
#: How many of them are printed: they take some five lines each.
_SHOWN = 20


@dataclass(frozen=True)
class Diagnostic:
    """One problem.

    Attributes:
        message: What's wrong, in one line.
        place: Where.
        label: Stands beside the underlined stretch: what to do there.
        also: Further places that belong to it, each with a label.
        help: Further lines: what's allowed, where to read on.
    """

    message: str
    place: Place | None = None
    label: str = ""
    also: tuple[tuple[Place, str], ...] = ()
    help: tuple[str, ...] = ()


class PipelineFileError(ConfigError):
    """A pipeline file with problems, all of them; its text shows each with its place.

    Attributes:
        diagnostics: The problems, in the order of the file.
        source: What the file is called in messages.
        more: Whether there are more problems than these.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic], source: str, more: bool = False) -> None:
        self.diagnostics = tuple(sorted(diagnostics, key=_order))
        self.source = source
        self.more = more
        self.setting = None
        # Not `super()`: an error that's of a plugin's class too would be given to that class, which may
        # take other arguments.
        Exception.__init__(self, render(self))


class Problems:
    """Collects the problems of a file, up to a limit."""

    class Enough(Exception):
        """There are more problems than anyone reads."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.found: list[Diagnostic] = []

    def add(self, diagnostic: Diagnostic) -> None:
        """Note a problem.

        Raises:
            Problems.Enough: The limit is reached; to be passed to `error`.
        """
        if len(self.found) == LIMIT:
            raise Problems.Enough
        self.found.append(diagnostic)

    def raise_any(self, more: bool = False) -> None:
        """Raise what was found.

        Raises:
            PipelineFileError: Something was.
        """
        if self.found:
            raise PipelineFileError(self.found, self.source, more)


def plain(role: str, text: str) -> str:
    """Return the text as it is: the style without colours."""
    return text


def render(error: PipelineFileError, style: Style = plain) -> str:
    """Return the text of the problems of an error, each with its lines of the file underlined.

    Of many, the first are shown, and the rest are counted.
    """
    blocks = [_render_one(diagnostic, style) for diagnostic in error.diagnostics[:_SHOWN]]
    count = len(error.diagnostics)
    if count > _SHOWN:
        blocks.append(f"and {count - _SHOWN} more")
    more = "more than " if error.more else ""
    blocks.append(style("error", f"{more}{plural(count, 'error')} in {escaped(error.source)}"))
    return "\n\n".join(blocks)


def _render_one(diagnostic: Diagnostic, style: Style) -> str:
    places = [(diagnostic.place, diagnostic.label)] if diagnostic.place else []
    places += diagnostic.also
    width = max((len(str(place.line)) for place, _ in places if place.line), default=1)
    lines = [f"{style('error', 'error:')} {escaped(diagnostic.message)}"]
    for order, (place, label) in enumerate(places):
        lines += snippet(place, escaped(label), width=width, first=order == 0, style=style)
    bar = style("gutter", " " * width + " |")
    if diagnostic.help and places:
        lines.append(bar)
    for text in diagnostic.help:
        lines.append(
            f"{style('gutter', ' ' * width + ' =')} {style('help', 'help:')} {escaped(text)}"
        )
    return "\n".join(lines)


def _order(diagnostic: Diagnostic) -> tuple[float, int]:
    place = diagnostic.place
    if place is None or place.line is None:
        return (float("inf"), 0)
    return (place.line, place.column)

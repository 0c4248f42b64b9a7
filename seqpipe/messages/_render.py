"""What's wrong and where, as records; collected for a file, and rendered as an error, for a terminal, and as JSON.

Columns are counted as a terminal shows them: a tab as four spaces, a wide character as two, a
combining one as none. Invisible characters, and those that change the text's direction, are escaped.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from seqpipe.errors import ConfigError
from seqpipe.messages._text import columns, plural, show
from seqpipe.reporting import escaped

#: What the place of a command-line override is called.
COMMAND_LINE = "command line"


@dataclass(frozen=True)
class Place:
    """A span of one line.

    Attributes:
        source: The file's path, as it was given, or "command line".
        line: Counted from 1; None for a whole file, and for the command line.
        column: In characters, counted from 1.
        length: In characters; a place has at least one.
        text: The line it's on, without its end; empty if there's none to show.
    """

    source: str
    line: int | None = None
    column: int = 1
    length: int = 1
    text: str = ""


@dataclass(frozen=True)
class Source:
    """The lines of a file, for making places in it."""

    name: str
    lines: tuple[str, ...]

    def place(self, line: int, column: int, length: int = 1) -> Place:
        """Return a place in one line, cut off where the line ends."""
        text = self.lines[line - 1]
        length = max(1, min(length, len(text) - column + 1))
        return Place(self.name, line, column, length, text)

    def whole(self) -> Place:
        """Return the place of the file as such."""
        return Place(self.name)


@dataclass(frozen=True)
class Diagnostic:
    """One problem.

    Attributes:
        message: What's wrong, in one line.
        place: Where.
        label: Shown beside the underlined span: what to do there.
        also: Related places, each with a label.
        help: Further lines: what's allowed, where to read on.
    """

    message: str
    place: Place | None = None
    label: str = ""
    also: tuple[tuple[Place, str], ...] = ()
    help: tuple[str, ...] = ()


#: Styles a text by its role ("error", "place", "gutter", "mark", "note", "help"), such as with a colour.
Style = Callable[[str, str], str]

#: How many problems are printed: each takes about five lines.
_MAX_SHOWN = 20
#: How much of a line is shown, in columns.
_MAX_COLUMNS = 96
#: How much of a line that's too long is shown before the underlined span, in columns.
_MAX_COLUMNS_BEFORE = 32
_CUT = "…"


def plain(role: str, text: str) -> str:
    """Return the text as it is: the style without colours."""
    return text


def _render(
    diagnostics: Sequence[Diagnostic], source: str, more: bool, style: Style = plain
) -> str:
    """Return the text of a file's problems, each with its underlined lines of the file.

    If there are many, the first ones are shown and the rest counted.
    """
    blocks = [_render_one(diagnostic, style) for diagnostic in diagnostics[:_MAX_SHOWN]]
    count = len(diagnostics)
    if count > _MAX_SHOWN:
        blocks.append(f"and {count - _MAX_SHOWN} more")
    above = "more than " if more else ""
    blocks.append(style("error", f"{above}{plural(count, 'error')} in {escaped(source)}"))
    return "\n\n".join(blocks)


def _render_one(diagnostic: Diagnostic, style: Style) -> str:
    places = [(diagnostic.place, diagnostic.label)] if diagnostic.place else []
    places += diagnostic.also
    width = max((len(str(place.line)) for place, _ in places if place.line), default=1)
    lines = [f"{style('error', 'error:')} {escaped(diagnostic.message)}"]
    for order, (place, label) in enumerate(places):
        lines += snippet(place, escaped(label), width=width, is_primary=order == 0, style=style)
    bar = style("gutter", " " * width + " |")
    if diagnostic.help and places:
        lines.append(bar)
    for text in diagnostic.help:
        lines.append(
            f"{style('gutter', ' ' * width + ' =')} {style('help', 'help:')} {escaped(text)}"
        )
    return "\n".join(lines)


def snippet(
    place: Place, label: str, *, width: int, is_primary: bool, style: Callable[[str, str], str]
) -> list[str]:
    """Return the lines that show a place.

    Args:
        place: What to show.
        label: Shown beside the underlined span.
        width: The number of digits that the gutter leaves room for.
        is_primary: Whether it's the place of the problem itself, rather than a related one.
        style: Styles texts by their role.
    """
    arrow = "-->" if is_primary else ":::"
    lines = [f"{style('gutter', ' ' * width + arrow)} {style('place', _position(place))}"]
    if not place.text:
        return [*lines, f"{style('gutter', ' ' * width + ' =')} {label}"] if label else lines
    bar = style("gutter", " " * width + " |")
    number = style("gutter", f"{place.line or '':>{width}} |")
    text, start, length = _window(place)
    role = "mark" if is_primary else "note"
    marks = style(role, f"{('^' if is_primary else '-') * length} {label}".rstrip())
    return [*lines, bar, f"{number} {text}".rstrip(), f"{bar} {' ' * start}{marks}"]


def _position(place: Place) -> str:
    if place.line is None:
        return show(place.source)
    return f"{show(place.source)}:{place.line}:{place.column}"


def _window(place: Place) -> tuple[str, int, int]:
    """Return what's shown of a line, and the column and length of the underlined span in it."""
    begin = place.column - 1
    before = show(_tail(place.text[max(0, begin - _MAX_COLUMNS) : begin], begin > _MAX_COLUMNS))
    marked = show(place.text[begin : begin + min(place.length, _MAX_COLUMNS)])
    after = show(place.text[begin + place.length :][:_MAX_COLUMNS])
    if columns(before) + columns(marked) + columns(after) <= _MAX_COLUMNS and begin <= _MAX_COLUMNS:
        rest = place.text[begin + place.length + _MAX_COLUMNS :]
        return before + marked + after + (_CUT if rest else ""), columns(before), _length(marked)
    before = _fit_right(before, _MAX_COLUMNS_BEFORE)
    marked = _fit_left(marked, _MAX_COLUMNS - columns(before))
    after = _fit_left(after, max(1, _MAX_COLUMNS - columns(before) - columns(marked)))
    return before + marked + after, columns(before), _length(marked)


def _tail(text: str, is_cut: bool) -> str:
    return _CUT + text if is_cut else text


def _length(marked: str) -> int:
    return max(1, columns(marked))


def _fit_left(text: str, room: int) -> str:
    """Keep the beginning."""
    if columns(text) <= room:
        return text
    while text and columns(text) > room - 1:
        text = text[:-1]
    return text + _CUT


def _fit_right(text: str, room: int) -> str:
    """Keep the end."""
    if columns(text) <= room:
        return text
    while text and columns(text) > room - 1:
        text = text[1:]
    return _CUT + text


#: A file with more problems than this isn't a pipeline file, or has the same problem many times.
MAX_PROBLEMS = 50


class PipelineFileError(ConfigError):
    """A pipeline file has problems; the message shows each of them with its place.

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
        # Not `super()`: an error that's an instance of a plugin's class too would call that class's
        # constructor, which may take other arguments.
        Exception.__init__(self, _render(self.diagnostics, source, more))

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are pickled by their text, which isn't what this one is made of.
        return type(self), (self.diagnostics, self.source, self.more)


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
            Problems.Enough: The limit is reached; to be caught by whoever collects.
        """
        if len(self.found) == MAX_PROBLEMS:
            raise Problems.Enough
        self.found.append(diagnostic)

    def raise_any(self, more: bool = False) -> None:
        """Raise the problems, if there are any.

        Raises:
            PipelineFileError: There are problems.
        """
        if self.found:
            raise PipelineFileError(self.found, self.source, more)


def render(error: PipelineFileError, style: Style = plain) -> str:
    """Return the text of an error's problems, each with its underlined lines of the file."""
    return _render(error.diagnostics, error.source, error.more, style)


def to_json(error: PipelineFileError) -> list[dict[str, Any]]:
    """Return the problems of an error as JSON values, such as for an editor.

    Returns:
        For each problem its message, label, help, and places: each with the source, and the line, column and length in
        characters, counted from 1; a line of None is the whole file, or the command line.
    """
    return [
        {
            "message": each.message,
            "label": each.label,
            "help": list(each.help),
            "places": [
                {
                    "source": place.source,
                    "line": place.line,
                    "column": place.column,
                    "length": place.length,
                    "label": label,
                }
                for place, label in [
                    *([(each.place, each.label)] if each.place else []),
                    *each.also,
                ]
            ],
        }
        for each in error.diagnostics
    ]


def _order(diagnostic: Diagnostic) -> tuple[float, int]:
    place = diagnostic.place
    if place is None or place.line is None:
        return (float("inf"), 0)
    return (place.line, place.column)

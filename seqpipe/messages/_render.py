"""The problems of a file as an error, as text for a terminal, and as data for other programs.

Columns are counted as a terminal shows them: a tab as four blanks, a wide character as two, a
combining one as none. Characters that don't show, or that turn the text around, are spelt out.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from seqpipe.errors import ConfigError
from seqpipe.messages._diagnostic import Diagnostic, Place
from seqpipe.messages._text import columns, plural, show
from seqpipe.reporting import escaped

#: Dresses a text by its role ("error", "place", "gutter", "mark", "note", "help"), as with a colour.
Style = Callable[[str, str], str]

#: How many of them are printed: they take some five lines each.
_SHOWN = 20
#: The widest stretch of a line that's shown, in columns.
_ROOM = 96
#: How much of it stands before the underlined stretch, at most, in a line that's too long.
_BEFORE = 32
_CUT = "…"


def plain(role: str, text: str) -> str:
    """Return the text as it is: the style without colours."""
    return text


def _render(
    diagnostics: Sequence[Diagnostic], source: str, more: bool, style: Style = plain
) -> str:
    """Return the text of problems of a file, each with its lines of the file underlined.

    Of many, the first are shown, and the rest are counted.
    """
    blocks = [_render_one(diagnostic, style) for diagnostic in diagnostics[:_SHOWN]]
    count = len(diagnostics)
    if count > _SHOWN:
        blocks.append(f"and {count - _SHOWN} more")
    above = "more than " if more else ""
    blocks.append(style("error", f"{above}{plural(count, 'error')} in {escaped(source)}"))
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


def snippet(
    place: Place, label: str, *, width: int, first: bool, style: Callable[[str, str], str]
) -> list[str]:
    """Return the lines that show a place.

    Args:
        place: What to show.
        label: Stands beside the underlined stretch.
        width: The number of digits that the gutter leaves room for.
        first: Whether it's the place of the problem itself, not one that belongs to it.
        style: Dresses texts by their role.
    """
    arrow = "-->" if first else ":::"
    lines = [f"{style('gutter', ' ' * width + arrow)} {style('place', _position(place))}"]
    if not place.text:
        return [*lines, f"{style('gutter', ' ' * width + ' =')} {label}"] if label else lines
    bar = style("gutter", " " * width + " |")
    number = style("gutter", f"{place.line or '':>{width}} |")
    text, start, length = _window(place)
    role = "mark" if first else "note"
    marks = style(role, f"{('^' if first else '-') * length} {label}".rstrip())
    return [*lines, bar, f"{number} {text}".rstrip(), f"{bar} {' ' * start}{marks}"]


def _position(place: Place) -> str:
    if place.line is None:
        return show(place.source)
    return f"{show(place.source)}:{place.line}:{place.column}"


def _window(place: Place) -> tuple[str, int, int]:
    """Return what's shown of a line, and the column and length of the stretch in it."""
    begin = place.column - 1
    before = show(_tail(place.text[max(0, begin - _ROOM) : begin], begin > _ROOM))
    marked = show(place.text[begin : begin + min(place.length, _ROOM)])
    after = show(place.text[begin + place.length :][:_ROOM])
    if columns(before) + columns(marked) + columns(after) <= _ROOM and begin <= _ROOM:
        rest = place.text[begin + place.length + _ROOM :]
        return before + marked + after + (_CUT if rest else ""), columns(before), _length(marked)
    before = _fit_right(before, _BEFORE)
    marked = _fit_left(marked, _ROOM - columns(before))
    after = _fit_left(after, max(1, _ROOM - columns(before) - columns(marked)))
    return before + marked + after, columns(before), _length(marked)


def _tail(text: str, cut: bool) -> str:
    return _CUT + text if cut else text


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


#: A file with more problems than this is no pipeline file, or has one problem many times.
LIMIT = 50


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
        Exception.__init__(self, _render(self.diagnostics, source, more))


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


def render(error: PipelineFileError, style: Style = plain) -> str:
    """Return the text of the problems of an error, each with its lines of the file underlined."""
    return _render(error.diagnostics, error.source, error.more, style)


def to_json(error: PipelineFileError) -> list[dict[str, Any]]:
    """Return the problems of an error as JSON can hold them, such as for an editor.

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

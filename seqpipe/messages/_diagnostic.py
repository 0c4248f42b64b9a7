"""What's wrong, and where, as data: the renderers decide how it looks."""

from dataclasses import dataclass

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

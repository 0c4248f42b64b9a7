"""A file with problems as an error, and how its problems are collected."""

from collections.abc import Iterable

from seqpipe.errors import ConfigError
from seqpipe.messages._diagnostic import Diagnostic
from seqpipe.messages._render import Style, plain
from seqpipe.messages._render import render as render_problems

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
        Exception.__init__(self, render_problems(self.diagnostics, source, more=more))


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
    """Return the text of the problems of an error; see `seqpipe.messages.render`."""
    return render_problems(error.diagnostics, error.source, more=error.more, style=style)


def _order(diagnostic: Diagnostic) -> tuple[float, int]:
    place = diagnostic.place
    if place is None or place.line is None:
        return (float("inf"), 0)
    return (place.line, place.column)

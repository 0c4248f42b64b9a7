"""How a run reports its progress, and how untrusted text is escaped for the terminal."""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final

_CONTROLS: Final = (
    "\x00-\x1f\x7f-\x9f"  # C0 and C1, so that ESC, CR and LF are among them
    "\u2028\u2029"  # they break lines too
    "\u202a-\u202e\u2066-\u2069"  # they change the direction of the text that follows
    "\ud800-\udfff"  # lone surrogates, which no encoding has
)
_UNSAFE: Final = re.compile(f"[{_CONTROLS}]")
_UNSAFE_IN_LINES: Final = re.compile(f"(?![\n\t])[{_CONTROLS}]")


def escaped(text: object) -> str:
    r"""Return a text as a single line that can't control a terminal.

    Control characters, such as ESC, a line break or a bidirectional override, become Python's escape
    sequences: `\x1b`, `\n`, `\u202e`. An escaped text stays as it is.
    """
    return _UNSAFE.sub(_escape, str(text))


def escaped_lines(text: object) -> str:
    """Return the text escaped as by `escaped`, but with its line breaks and tabs."""
    return _UNSAFE_IN_LINES.sub(_escape, str(text))


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


@dataclass(frozen=True)
class Progress:
    """How far a stage has got.

    Attributes:
        fraction: The part of the stage that's done, 0 to 1; None if that's unknown.
        epoch: The pass over the data, from 1.
        loss: The mean loss since the last evaluation, or since the start.
        score: The latest score on the dev part.
        words_per_second: The stage's speed.
        unit: What the speed counts.
    """

    fraction: float | None = None
    epoch: int | None = None
    loss: float | None = None
    score: float | None = None
    words_per_second: float | None = None
    unit: str = "words"


class Reporter(ABC):
    """Receives the stages of a run and their progress."""

    @abstractmethod
    def stage(self, name: str) -> None:
        """A stage begins; the one before it has ended."""

    @abstractmethod
    def progress(self, progress: Progress) -> None:
        """The stage has made progress."""

    @abstractmethod
    def note(self, text: str) -> None:
        """Something worth its own line has happened."""


class Silent(Reporter):
    """Reports nothing."""

    def stage(self, name: str) -> None:
        """Report nothing."""

    def progress(self, progress: Progress) -> None:
        """Report nothing."""

    def note(self, text: str) -> None:
        """Report nothing."""

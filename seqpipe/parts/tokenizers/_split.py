"""Tokenizers that need no language: by white space, by a regular expression, by character."""

import re

from seqpipe.errors import ConfigError


class Whitespace:
    """Split at white space, and nowhere else."""

    def __call__(self, text: str) -> list[str]:
        """Return the words of `text`."""
        return text.split()


class Characters:
    """Make every character that isn't white space a word: a Unicode code point, not a grapheme."""

    def __call__(self, text: str) -> list[str]:
        """Return the words of `text`."""
        return [character for character in text if not character.isspace()]


class Regex:
    r"""Make every match of a regular expression a word.

    What lies between two matches isn't lost: each run of it without white space is a word too.

    Args:
        pattern: The expression; the default takes runs of letters, digits and underscores, and
            each other character by itself.

    Attributes:
        pattern: As given.

    Raises:
        ConfigError: The pattern isn't a regular expression.
    """

    def __init__(self, *, pattern: str = r"\w+|[^\w\s]") -> None:
        self.pattern = pattern
        try:
            self._pattern = re.compile(pattern)
        except re.error as error:
            raise ConfigError(f"{pattern!r} isn't a regular expression: {error}") from error

    def __call__(self, text: str) -> list[str]:
        """Return the words of `text`."""
        pieces: list[str] = []
        end = 0
        for match in self._pattern.finditer(text):
            start = match.start()
            if start > end:
                pieces.append(text[end:start])
            pieces.append(match.group())
            end = match.end()
        # All are split at once, as one by one takes as long as all else.
        return " ".join([*pieces, text[end:]]).split()

"""Words as they're shown: such that any word can be, and does nothing else."""

import re
import unicodedata
from typing import Final

from seqpipe.errors import SeqpipeError


class PictureError(SeqpipeError):
    """A picture that can't be drawn: too few words, numbers that aren't finite, or a method whose package isn't there."""


#: What XML can't hold, what moves text about, and what ends a line.
_UNSHOWABLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)

_WIDE: Final = 1.0
_NARROW_LETTERS: Final = frozenset("fijltI.,:;'!|()[]{}`- ")
_BROAD_LETTERS: Final = frozenset("mwMW@%")


def shown(word: str, most: int = 40) -> str:
    r"""Return a word as it's shown: cut to a number of characters, and what can't be shown as ``\n``."""
    cut = word if len(word) <= most else f"{word[: most - 1]}…"
    return _UNSHOWABLE.sub(lambda found: ascii(found[0])[1:-1], cut)


def width_of(text: str) -> float:
    """Return about how wide a text is in a sans-serif font, in units of the font's size."""
    return sum(map(_width, text))


def _width(char: str) -> float:
    if char in _NARROW_LETTERS:
        return 0.34
    if char in _BROAD_LETTERS:
        return 0.9
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(char) in ("W", "F"):
        return _WIDE
    return 0.7 if char.isupper() else 0.58

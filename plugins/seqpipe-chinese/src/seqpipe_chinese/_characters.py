"""Words by character, with what belongs together kept together."""

import re
import unicodedata
from typing import Final

# Patterns over the kinds of characters, one letter for each; see `_kind`.
# A joiner makes one symbol of the two beside it, as in the emoji of a family.
_JOINED: Final = re.compile("zo")
_RUNS: Final = re.compile("l[lmz]*|e+|d+|rr?[mz]*|[^s][mz]*")
_SINGLE: Final = re.compile("e+|d+|rr?[mz]*|[^s][mz]*")


class Characters:
    """Make every Chinese character a word, and every punctuation mark.

    Latin letters and digits, full-width ones too, go together in runs. So do ellipses and dashes,
    which Chinese writes with two characters. Accents and variation selectors stay with the
    character before them, and the parts of an emoji together. Every other character is a word by
    itself. The time it takes grows with the text's length.

    Args:
        latin_runs: Whether a run of Latin letters and digits is one word, rather than each of them.
    """

    def __init__(self, *, latin_runs: bool = True) -> None:
        self._pattern = _RUNS if latin_runs else _SINGLE

    def __call__(self, text: str) -> list[str]:
        """Return the words of `text`."""
        kinds = _JOINED.sub("mm", "".join(map(_KINDS.__getitem__, text)))
        return [text[m.start() : m.end()] for m in self._pattern.finditer(kinds)]


class _Kinds(dict[str, str]):
    """The kinds of the characters seen so far."""

    def __missing__(self, character: str) -> str:
        kind = self[character] = _kind(character)
        return kind


_KINDS: Final = _Kinds()


def _kind(character: str) -> str:
    """Return the kind of a character.

    - "s": white space
    - "l": a Latin letter or a digit
    - "h": another letter, such as a Chinese character
    - "m": a mark on the character before, or the tone of an emoji's skin
    - "z": the zero-width joiner
    - "r": half a flag
    - "e", "d": an ellipsis, a dash
    - "o": any other
    """
    if character.isspace():
        return "s"
    if character in _SPECIAL:
        return _SPECIAL[character]
    category = unicodedata.category(character)
    if category == "Nd" or "LATIN" in unicodedata.name(character, "").split():
        return "l"
    if category.startswith("M") or "\U0001f3fb" <= character <= "\U0001f3ff":
        return "m"
    if "\U0001f1e6" <= character <= "\U0001f1ff":
        return "r"
    return "h" if character.isalpha() else "o"


_SPECIAL: Final = {"\u200d": "z"} | dict.fromkeys("…⋯", "e") | dict.fromkeys("—―─", "d")

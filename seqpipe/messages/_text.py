"""Words for messages: quoting, counting, lists, and the name that was probably meant."""

import difflib
import json
import unicodedata
from collections.abc import Iterable, Sequence

#: Longer words aren't misspelt names.
_MAX_NAME_LENGTH = 80
#: How many characters of a quoted text are shown.
_MAX_QUOTED = 60


_TAB = "    "


def show(text: str) -> str:
    """Return the text with tabs as spaces, and invisible or direction-changing characters escaped."""
    if text.isprintable():
        return text
    return "".join(_show(character) for character in text)


def columns(text: str) -> int:
    """Return how many columns a terminal needs for a text that `show` returned."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def quote(text: object) -> str:
    """Return a text in quotes, shortened and safe to print."""
    shown = show(str(text)[: _MAX_QUOTED + 1])
    return f'"{shown}"' if len(shown) <= _MAX_QUOTED else f'"{shown[:_MAX_QUOTED]}…"'


def as_json(value: object) -> str:
    """Return a value as a pipeline file writes it, on one line and short."""
    text = show(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= _MAX_QUOTED else text[:_MAX_QUOTED] + "…"


def plural(count: int, word: str) -> str:
    """Return "1 error", "2 errors"."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def one_of(words: Sequence[str]) -> str:
    """Return "a", "a or b", "a, b or c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def listed(names: Iterable[str], most: int = 24) -> str:
    """Return the names with commas, the first `most` of them."""
    names = list(names)
    more = f", … ({len(names) - most} more)" if len(names) > most else ""
    return ", ".join(show(name) for name in names[:most]) + more


def did_you_mean(names: Sequence[str]) -> str:
    """Return the question, or nothing if there's no name."""
    return f"did you mean {one_of([quote(name) for name in names])}?" if names else ""


def nearest(word: str, names: Iterable[str]) -> list[str]:
    """Return the names that were probably meant by a word, at most three, the likeliest first.

    These are the names with the smallest edit distance, if that's small for the word's length; else
    similar ones, or those that have the word as a part ("epochs": "max_epochs").
    """
    if not 0 < len(word) <= _MAX_NAME_LENGTH:
        return []
    names = sorted({name for name in names if name != word})
    same = [name for name in names if _plain(name) == _plain(word)]
    if same:
        return same[:3]
    distances = {name: _distance(word, name) for name in names if abs(len(name) - len(word)) <= 3}
    fewest = min(distances.values(), default=99)
    if fewest <= max(1, min(3, len(word) // 3)):
        return [name for name in names if distances.get(name) == fewest][:3]
    alike = difflib.get_close_matches(word, names, n=1, cutoff=0.7)
    return alike or [name for name in names if len(word) > 3 and word in name.split("_")][:3]


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _distance(a: str, b: str) -> int:
    """Count insertions, deletions, changes and swaps of neighbours (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]


def _show(character: str) -> str:
    if character == "\t":
        return _TAB
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code > 0xFF else f"\\x{code:02x}"


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1

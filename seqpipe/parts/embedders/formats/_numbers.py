"""Lines of words and numbers, read many at a time and strictly."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError

#: What numbers are written with. Anything else makes the lines be looked at one by one.
_DIGITS: Final = b"0123456789+-.eE "


@dataclass(frozen=True)
class Place:
    """Where lines stand.

    Attributes:
        name: The file's.
        line: The number of the first line.
    """

    name: str
    line: int

    def refusal(self, after: int, problem: str) -> SavedModelError:
        """Return the error about the line that stands `after` lines below the first one."""
        return SavedModelError(f"{self.name}:{self.line + after}: {problem}")


def parse_lines(
    lines: Sequence[bytes], width: int, place: Place
) -> tuple[list[bytes], NDArray[np.float32]]:
    """Return the words that lines begin with, and the numbers that follow.

    A word may hold spaces, as in some files; what's before the last `width` numbers is the word, unless that
    would leave a number at its end.

    Args:
        lines: Without their ends. A space may follow the last number.
        width: How many numbers a line has.
        place: Where the lines stand.

    Returns:
        The words `[N]` and the numbers `[N, width]`.

    Raises:
        SavedModelError: A line has another number of columns, or something else than numbers.
    """
    if not lines:
        return [], np.zeros((0, width), dtype=np.float32)
    values = _parse_alike(lines, width)
    if values is None:
        words, values = _parse_each(lines, width, place)
    else:
        words = [line[: line.find(b" ")] for line in lines]
    if not np.isfinite(values).all():
        row = int(np.isfinite(values).all(axis=1).argmin())
        raise place.refusal(row, "a number isn't finite")
    return words, values


def _parse_alike(lines: Sequence[bytes], width: int) -> NDArray[np.float32] | None:
    """Return the numbers of lines, if all are written the same way and as usual."""
    is_followed = lines[0].endswith(b" ")
    spaces = width + is_followed
    if any(line.count(b" ") != spaces for line in lines):
        return None
    rests = [line[line.find(b" ") + 1 :] for line in lines]
    text = (b"" if is_followed else b" ").join(rests)
    if text.translate(None, _DIGITS) or b"  " in text or text.startswith(b" "):
        return None
    values = _parse(text)
    if values is None or len(values) != len(lines) * width:
        return None
    return values.reshape(len(lines), width)


def _parse(text: bytes) -> NDArray[np.float32] | None:
    with warnings.catch_warnings():
        # Up to numpy 2.2 what's no number is a warning.
        warnings.simplefilter("error", DeprecationWarning)
        try:
            return np.fromstring(text, dtype=np.float32, sep=" ")
        except (ValueError, DeprecationWarning):
            return None


def _parse_each(
    lines: Sequence[bytes], width: int, place: Place
) -> tuple[list[bytes], NDArray[np.float32]]:
    words = []
    values = np.empty((len(lines), width), dtype=np.float32)
    with np.errstate(over="ignore"):
        for row, line in enumerate(lines):
            word, numbers = _columns(line, width, place, row)
            words.append(word)
            values[row] = numbers
    return words, values


def _columns(line: bytes, width: int, place: Place, row: int) -> tuple[bytes, list[float]]:
    columns = line.removesuffix(b" ").split(b" ")
    word, numbers = columns[:-width], [to_number(column) for column in columns[-width:]]
    if not word or any(to_number(part) is not None for part in word[1:]):
        found = f"{len(columns) - 1} columns follow the word, and there should be {width}"
        raise place.refusal(row, found)
    found_numbers = [number for number in numbers if number is not None]
    if len(found_numbers) < width:
        wrong = columns[-width:][numbers.index(None)]
        raise place.refusal(row, f"{wrong[:40]!r} stands where a number should")
    return b" ".join(word), found_numbers


def to_number(text: bytes) -> float | None:
    """Return the number that a text is; None if it's none."""
    # Python takes more for a number than files have.
    if not text or b"_" in text or text != text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        return None

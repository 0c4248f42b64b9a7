"""Lines of words and numbers, read many at a time and strictly."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError

#: What numbers are written with. Anything else makes the lines be looked at one by one.
_DIGITS: Final = b"0123456789+-.eE "

#: What divides columns, in runs of any length and in any mixture.
_SEPARATORS: Final = re.compile(rb"[ \t]+")

#: What may follow a line's last column.
BLANKS: Final = b" \t\r"


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


def split_columns(line: bytes) -> list[bytes]:
    """Return the columns of a line: what blanks and tabs divide. The first is empty if one leads."""
    return _SEPARATORS.split(line.rstrip(BLANKS))


def parse_lines(
    lines: Sequence[bytes], width: int, place: Place
) -> tuple[list[bytes], NDArray[np.float32]]:
    """Return the words that lines begin with, and the numbers that follow.

    Blanks and tabs divide columns. A word may hold some, as in some files; what's before the last `width` numbers
    is the word, unless that would leave a number at its end.

    Args:
        lines: Without their ends, and without blanks there.
        width: How many numbers a line has.
        place: Where the lines stand.

    Returns:
        The words `[N]` and the numbers `[N, width]`.

    Raises:
        SavedModelError: A line has another number of columns, or something else than finite numbers.
    """
    if not lines:
        return [], np.zeros((0, width), dtype=np.float32)
    words, values = _parse_alike(lines, width) or _parse_each(lines, width, place)
    if not np.isfinite(values).all():
        row = int(np.isfinite(values).all(axis=1).argmin())
        wrong = next(c for c in split_columns(lines[row])[-width:] if not _fits(c))
        raise place.refusal(row, f"a number isn't finite in single precision: {wrong[:40]!r}")
    return words, values


def _parse_alike(
    lines: Sequence[bytes], width: int
) -> tuple[list[bytes], NDArray[np.float32]] | None:
    """Return the words and numbers of lines, if all are written the same way and as usual."""
    if any(b"\t" in line for line in lines):
        lines = [line.replace(b"\t", b" ") for line in lines]
    if any(line.count(b" ") != width for line in lines):
        return None
    text = b" ".join([line[line.find(b" ") + 1 :] for line in lines])
    if text.translate(None, _DIGITS) or b"  " in text or text.startswith(b" "):
        return None
    values = _parse(text)
    if values is None or len(values) != len(lines) * width:
        return None
    return [line[: line.find(b" ")] for line in lines], values.reshape(len(lines), width)


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
            word, numbers = _word_and_numbers(line, width, place, row)
            words.append(word)
            values[row] = numbers
    return words, values


def _word_and_numbers(line: bytes, width: int, place: Place, row: int) -> tuple[bytes, list[float]]:
    columns = split_columns(line)
    # A blank may lead the line; where it's all that stands before the numbers, the word is empty.
    if not columns[0] and len(columns) > width + 1 and not is_written_number(columns[1]):
        del columns[0]
    parts, last = columns[:-width], columns[-width:]
    if not parts or any(is_written_number(part) for part in parts[1:]):
        found = f"{len(columns) - 1} columns follow the word, and there should be {width}"
        raise place.refusal(row, found)
    numbers = [number for column in last if (number := to_number(column)) is not None]
    if len(numbers) < width:
        wrong = next(column for column in last if to_number(column) is None)
        raise place.refusal(row, f"{wrong[:40]!r} stands where a number should{hint(wrong)}")
    word = _before(line, last)
    if len(parts) > 1 and b"\r" in word:
        raise place.refusal(row, "a carriage return stands in it: lines must end in \\n or \\r\\n")
    if b"\t" in word:
        raise place.refusal(row, f"a tab stands in the word {word[:40]!r}: only blanks may")
    return word, numbers


def _before(line: bytes, columns: Sequence[bytes]) -> bytes:
    """Return what stands before the last columns of a line, blanks within it as they are."""
    end = len(line)
    for column in reversed(columns):
        end = line.rindex(column, 0, end)
    return line[:end].strip(b" \t")


def to_number(text: bytes) -> float | None:
    """Return the number that a text is; None if it's none."""
    # Python takes more for a number than files have.
    if not text or b"_" in text or text != text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        return None


def is_written_number(text: bytes) -> bool:
    """Say whether a text is a number, and no part of a word: not `nan`, `inf` and `infinity` without a sign."""
    return to_number(text) is not None and not text.isalpha()


def _fits(text: bytes) -> bool:
    with np.errstate(over="ignore"):
        return bool(np.isfinite(np.float32(to_number(text))))


def hint(text: bytes) -> str:
    """Return what to do about a text that would be a number in another notation, as the end of a message."""
    if re.fullmatch(rb"[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?", text):
        return ": write it with a point, as decimal commas aren't read"
    if b"," in text or b";" in text:
        return ": columns are divided by blanks or tabs"
    if re.fullmatch(rb"[+-]?0[xX][0-9a-fA-F.]+([pP][+-]?[0-9]+)?", text):
        return ": write it in decimal, as hexadecimal numbers aren't read"
    return ""

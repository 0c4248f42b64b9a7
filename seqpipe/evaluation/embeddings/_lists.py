"""Lists of words and sentences, in the forms that they're handed round in.

A line of a list is blank, a remark that begins with ``#``, or an entry. Its cells are divided by tabs if
it has one, else by commas if it has two, else by white space.
"""

import math
from collections.abc import Iterator
from pathlib import PurePath
from typing import NamedTuple

from seqpipe.errors import DataError
from seqpipe.formats import COMPRESSED_SUFFIXES
from seqpipe.parts.readers import open_lines


class Line(NamedTuple):
    """An entry: where it stands ("pairs.txt:3"), and its text without white space around it."""

    where: str
    text: str


class RatedPair(NamedTuple):
    """Two words or sentences, and how much alike people find them."""

    first: str
    second: str
    rating: float


def list_name(path: str) -> str:
    """Return what a list is called in scores: the name of its file, without its suffixes."""
    name = PurePath(path.replace("\\", "/").rpartition(":")[2]).name
    for suffix in COMPRESSED_SUFFIXES:
        name = name.removesuffix(suffix)
    return PurePath(name).stem or path


def named_lists(paths: str | list[str]) -> dict[str, str]:
    """Return paths by the names of their lists; of lists with one name, the later by their paths."""
    found: dict[str, str] = {}
    for path in [paths] if isinstance(paths, str) else paths:
        name = list_name(path)
        found[path if name in found else name] = path
    return found


def read_entries(path: str) -> Iterator[Line]:
    """Yield the entries of a list.

    Raises:
        DataError: The file isn't there or can't be read.
    """
    for number, line in enumerate(open_lines(path), start=1):
        text = line.strip()
        if text and not text.startswith("#"):
            yield Line(f"{path}:{number}", text)


def read_rows(path: str) -> Iterator[Line]:
    """Yield the rows of a table as they stand: cells may be empty, and begin with any sign.

    Raises:
        DataError: The file isn't there or can't be read.
    """
    for number, text in enumerate(open_lines(path), start=1):
        if text.strip():
            yield Line(f"{path}:{number}", text)


def cells(text: str) -> list[str]:
    """Return the cells of an entry."""
    if "\t" in text:
        return [cell.strip() for cell in text.split("\t")]
    if text.count(",") >= 2:
        return [cell.strip() for cell in text.split(",")]
    return text.split()


def read_rated_pairs(path: str) -> list[RatedPair]:
    """Return the pairs of a list: two words and a number that's higher the more alike they are.

    The first line may name its columns. The number is the third cell, or that of the column
    "SimLex999" in SimLex as its authors publish it.

    Raises:
        DataError: A line is something else, or there's none.
    """
    pairs: list[RatedPair] = []
    column = 2
    for index, line in enumerate(read_entries(path)):
        found = cells(line.text)
        if not index and _is_header(found):
            column = found.index("SimLex999") if "SimLex999" in found else column
        else:
            pairs.append(_rated_pair(found, column, line.where))
    return not_empty(pairs, path, "a pair of words with a number")


def read_pairs(path: str) -> list[tuple[str, str]]:
    """Return the pairs of words of a list, the first two cells of each line.

    Raises:
        DataError: A line has fewer, or there's none.
    """
    pairs = []
    for line in read_entries(path):
        found = [cell for cell in cells(line.text) if cell]
        if len(found) < 2:
            raise DataError(f"{line.where}: it should be two words, and is {line.text!r}")
        pairs.append((found[0], found[1]))
    return not_empty(pairs, path, "a pair of words")


def not_empty(found: list, path: str, what: str) -> list:  # type: ignore[type-arg]
    """Return what was found.

    Raises:
        DataError: It's nothing.
    """
    if not found:
        raise DataError(f"{path} has no entry; each line should be {what}")
    return found


def number_of(text: str) -> float | None:
    """Return the finite number that a cell shows, or None if it's something else."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _is_header(found: list[str]) -> bool:
    return len(found) > 2 and all(number_of(cell) is None for cell in found[2:])


def _rated_pair(found: list[str], column: int, where: str) -> RatedPair:
    rating = number_of(found[column]) if len(found) > column else None
    if rating is None or not (found[0] and found[1]):
        raise DataError(
            f"{where}: it should be two words and a number, and is {' | '.join(found)!r}"
        )
    return RatedPair(found[0], found[1], rating)

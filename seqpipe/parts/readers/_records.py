"""From lines to the cells of a table, with the line that each row starts on."""

import csv
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from seqpipe.parts.readers._problem import ProblemError

#: The module `csv` keeps one limit for the whole process.
_LIMIT_LOCK: Final = threading.Lock()
_NO_LIMIT: Final = min(sys.maxsize, 2**31 - 1)  # it's a C long, of 32 bits on Windows

_NO_QUOTES: Final = "if quotes are ordinary characters in this file, set quote = null"


@dataclass(frozen=True)
class TableRow:
    """A row's cells, or what's wrong with it; `line` counts physical lines from 1."""

    line: int
    cells: tuple[str, ...]
    problem: ProblemError | None = None


def parse_table(lines: Sequence[str], *, delimiter: str, quote: str | None) -> list[TableRow]:
    """Return all rows but blank ones.

    A row that can't be parsed, by a quote left open say, takes one line with it: parsing starts
    again on the line after the one it began on.
    """
    # A list, not a generator: one left half-way would keep the lock.
    with _any_field_size():
        return [row for row in _rows(lines, delimiter, quote) if not _is_blank(row)]


def _rows(lines: Sequence[str], delimiter: str, quote: str | None) -> Iterator[TableRow]:
    start = 0
    while start < len(lines):
        begin = start
        rest = (lines[index] for index in range(begin, len(lines)))
        reader = csv.reader(
            rest,
            delimiter=delimiter,
            quotechar=quote,
            quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
            strict=True,
        )
        try:
            for cells in reader:
                yield TableRow(line=start + 1, cells=tuple(cells))
                start = begin + reader.line_num
        except csv.Error as error:
            yield TableRow(line=start + 1, cells=(), problem=_problem(error))
            start += 1


def _is_blank(row: TableRow) -> bool:
    return row.problem is None and len(row.cells) < 2 and not "".join(row.cells).strip()


def _problem(error: csv.Error) -> ProblemError:
    words = str(error)
    if "unexpected end of data" in words:
        problem = f"a quote is opened here and never closed; {_NO_QUOTES}"
        return ProblemError(problem, by_setting=True)
    if "expected after" in words:
        return ProblemError(
            "a quoted cell goes on after its closing quote; a quote may be left open, or one inside "
            f"the cell may not be doubled; {_NO_QUOTES}",
            by_setting=True,
        )
    if "NUL" in words:  # Python 3.10; later ones let it through
        return ProblemError("it holds a NUL character; take it out, or name the right encoding")
    return ProblemError(f"it can't be read: {words}")


@contextmanager
def _any_field_size() -> Iterator[None]:
    with _LIMIT_LOCK:
        before = csv.field_size_limit(_NO_LIMIT)
        try:
            yield
        finally:
            csv.field_size_limit(before)

"""From a table of who did what to what each did."""

import contextlib
import csv
import itertools
import math
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timezone
from operator import itemgetter

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers import Stream, open_lines

from seqpipe_item2vec._baskets import check_character


class Histories(Stream):
    """Read a table whose rows say which user took which item, and put each user's items together.

    The rows may stand in any order. They're sorted in a temporary file, so there may be more of them than fit
    into memory. The users come in the order of their names.

    Args:
        path: The file: a plain path, ``package:NAME/below`` or ``data:below``. One that ends in .gz,
            .bz2 or .xz is decompressed.
        user: The column of users, or of sessions, by its name in the header.
        item: The column of items.
        time: The column of times, numbers or dates as in ISO 8601, by which a user's items are put in
            order; None leaves them in the order of the file.
        delimiter: What stands between cells: one character.
        encoding: The file's encoding.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        path: str,
        *,
        user: str = "user",
        item: str = "item",
        time: str | None = None,
        delimiter: str = ",",
        encoding: str = "utf-8",
    ) -> None:
        if not path:
            raise ConfigError("the reader's path is empty; name a file")
        check_character(delimiter, "delimiter")
        if len({user, item, time}) < 3:
            raise ConfigError("user, item and time name the same column; each has its own")
        self._path = path
        self._columns = [name for name in (user, item, time) if name is not None]
        self._delimiter = delimiter
        self._encoding = encoding

    def stream(self) -> Iterator[list[str]]:
        """Yield the items of one user after another.

        Raises:
            DataError: The file isn't there, can't be read or lacks a column, has no rows, or has one
                that can't be used.
        """
        # A database without a name is a temporary file of its own, which is in memory while it's small.
        with contextlib.closing(sqlite3.connect("")) as database:
            database.execute("CREATE TABLE taken (user TEXT, item TEXT, time REAL)")
            database.executemany("INSERT INTO taken VALUES (?, ?, ?)", self._rows())
            rows = database.execute("SELECT user, item FROM taken ORDER BY user, time, rowid")
            empty = True
            for _, group in itertools.groupby(rows, key=itemgetter(0)):
                empty = False
                yield [item for _, item in group]
        if empty:
            raise DataError(f"{self._path} holds no rows")

    def _rows(self) -> Iterator[tuple[str, str, float]]:
        lines = open_lines(self._path, encoding=self._encoding)
        rows = csv.reader(lines, delimiter=self._delimiter, strict=True)
        try:
            places = self._places(next(rows, []))
            for cells in rows:
                if cells:
                    yield self._row(cells, places, rows.line_num)
        except csv.Error as error:
            raise DataError(f"{self._path}:{rows.line_num} can't be read: {error}") from error

    def _places(self, header: list[str]) -> list[int]:
        names = [name.strip() for name in header]
        for column in self._columns:
            if names.count(column) != 1:
                raise DataError(
                    f'{self._path}:1: the header names "{column}" {names.count(column)} times, and it '
                    f"should once; it has {', '.join(names) or 'no names'}"
                )
        return [names.index(column) for column in self._columns]

    def _row(self, cells: list[str], places: list[int], line: int) -> tuple[str, str, float]:
        found = [cells[place].strip() if place < len(cells) else "" for place in places]
        for name, cell in zip(self._columns, found, strict=True):
            if not cell:
                raise DataError(f'{self._path}:{line}: there\'s nothing in the column "{name}"')
        time = 0.0 if len(found) < 3 else self._seconds(found[2], line)
        return found[0], found[1], time

    def _seconds(self, text: str, line: int) -> float:
        seconds = _read_time(text)
        if not math.isfinite(seconds):
            raise DataError(
                f"{self._path}:{line}: {text!r} isn't a time; it should be a number, or a date such as "
                "2024-12-31 or 2024-12-31T23:59:59"
            )
        return seconds


def _read_time(text: str) -> float:
    """Return a time as a number; NaN if it's none."""
    with contextlib.suppress(ValueError):
        return float(text)
    with contextlib.suppress(ValueError, OverflowError):
        # Python 3.10 doesn't know the Z.
        date = datetime.fromisoformat(text.removesuffix("Z"))
        return (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp()
    return math.nan

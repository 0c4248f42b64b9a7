"""Comma- or tab-separated tables."""

import csv
import os
import sys
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers._collect import (
    Parsed,
    ProblemError,
    Record,
    collect,
    join_texts,
    missing,
    printable,
)
from seqpipe.parts.readers._contract import OnBadRow, Reader, ReadResult
from seqpipe.parts.readers._files import encoding_problem, read_files
from seqpipe.parts.readers._paths import data_suffix, is_pattern
from seqpipe.parts.readers._settings import check_settings

# Parsing.

#: The module `csv` keeps one limit for the whole process.
_LIMIT_LOCK: Final = threading.Lock()
_NO_LIMIT: Final = min(sys.maxsize, 2**31 - 1)  # it's a C long, of 32 bits on Windows

#: How the problem begins of a row that reaches the end of the file.
UNCLOSED_QUOTE: Final = "a quote is opened here and never closed"
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


#: A row that's longer than this, in lines or in characters, has a quote that's never closed.
_MOST_LINES: Final = 100_000
_MOST_CHARACTERS: Final = 100_000_000


def stream_table(lines: Iterable[str], *, delimiter: str, quote: str | None) -> Iterator[TableRow]:
    """Yield the rows that `parse_table` returns, as the lines come; only those of one row are kept."""
    waiting = deque[str]()
    rest = iter(lines)
    number = 1
    while True:
        taken: list[str] = []
        with _any_field_size():
            row = _first_row(_taking(waiting, rest, taken), delimiter, quote)
        if not taken:
            return
        used = 1 if isinstance(row, ProblemError) else len(taken)
        waiting.extendleft(reversed(taken[used:]))
        found = (
            TableRow(line=number, cells=(), problem=row)
            if isinstance(row, ProblemError)
            else TableRow(line=number, cells=row)
        )
        number += used
        if not _is_blank(found):
            yield found


def _taking(waiting: deque[str], rest: Iterator[str], taken: list[str]) -> Iterator[str]:
    """Yield lines, noting those that are taken, up to the most that a row may have."""
    size = 0
    while len(taken) < _MOST_LINES and size < _MOST_CHARACTERS:
        line = waiting.popleft() if waiting else next(rest, None)
        if line is None:
            return
        taken.append(line)
        size += len(line)
        yield line


def _first_row(
    lines: Iterator[str], delimiter: str, quote: str | None
) -> tuple[str, ...] | ProblemError:
    """Return the cells of the row that begins with the first line, or what's wrong with it."""
    try:
        return tuple(next(_csv_reader(lines, delimiter, quote), ()))
    except csv.Error as error:
        return _problem(error)


def _csv_reader(lines: Iterator[str], delimiter: str, quote: str | None) -> Any:
    return csv.reader(
        lines,
        delimiter=delimiter,
        quotechar=quote,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        strict=True,
    )


def _rows(lines: Sequence[str], delimiter: str, quote: str | None) -> Iterator[TableRow]:
    start = 0
    while start < len(lines):
        begin = start
        rest = (lines[index] for index in range(begin, len(lines)))
        reader = _csv_reader(rest, delimiter, quote)
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
        problem = f"{UNCLOSED_QUOTE}; {_NO_QUOTES}"
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


_DELIMITERS: Final = {".csv": ",", ".tsv": "\t", ".tab": "\t"}


@dataclass(frozen=True)
class _Columns:
    """Where text and label stand in each row, from 0, and how many cells a row has."""

    texts: tuple[int, ...]
    label: int
    width: int
    pair: int | None = None


class Csv(Reader):
    r"""Read a table with one text per row; blank lines are passed over.

    Args:
        path: A file, a folder of files (.csv, .tsv, .tab), or a pattern for files: a plain path, ``package:NAME/below`` or
            ``data:below``. Files that end in .gz, .bz2, .xz or .zst are decompressed. Each has a header of its own.
        text: The text's column, by its name in the header or its number from 1; of several, the
            texts that aren't empty are joined with a blank.
        label: The label's column, likewise.
        pair: The column of the second text, likewise, where texts come in pairs.
        delimiter: What stands between cells: one character, or None for "," in a file .csv and
            "\t" in a file .tsv.
        header: Whether the first row names the columns. If not, columns are given by number.
        quote: What stands around a cell that holds the delimiter or a line end, doubled if inside
            it: one character, or None where the file knows no quotes.
        label_separator: What stands between several labels in one cell, or None for one label.
        encoding: The file's encoding, or several to be tried in turn.
        on_bad_row: What to do with a row that can't be used: "error" or "skip".

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        path: str,
        *,
        text: str | int | list[str | int] = "text",
        label: str | int = "label",
        pair: str | int | None = None,
        delimiter: str | None = None,
        header: bool = True,
        quote: str | None = '"',
        label_separator: str | None = None,
        encoding: str | list[str] = "utf-8",
        on_bad_row: OnBadRow = "error",
    ) -> None:
        self._settings = check_settings(path=path, encoding=encoding, on_bad_row=on_bad_row)
        self.on_bad_row = on_bad_row
        self._text = list(text) if isinstance(text, list) else [text]
        self._label = label
        self._pair = pair
        self._header = header
        #: None: what each file's suffix says.
        self._delimiter = delimiter or _delimiter_of(path)
        if self._delimiter is not None:
            _one_character(self._delimiter, "delimiter")
        self._quote = None if quote is None else _one_character(quote, "quote")
        self._label_separator = label_separator
        if not self._text:
            raise ConfigError('text is an empty list; name at least one column, such as "text"')
        for column in self._text:
            _check_column(column, header=header, setting="text")
        _check_column(label, header=header, setting="label")
        if pair is not None:
            _check_column(pair, header=header, setting="pair")
        if self._quote == self._delimiter:
            raise ConfigError(f"delimiter and quote are both {self._quote!r}; they must differ")
        if label_separator == "":
            raise ConfigError("label_separator is empty; leave it out if a row has one label")

    def read(self) -> ReadResult:
        """Read every row.

        Raises:
            DataError: The file isn't there, can't be read or lacks a column; a row is bad and the
                policy is "error"; or all rows are bad.
        """
        return collect(self._records(), settings=self._settings)

    def _records(self) -> Iterator[Record]:
        for path, lines in read_files(self._settings, suffixes=tuple(_DELIMITERS)):
            delimiter = self._delimiter or _DELIMITERS.get(data_suffix(path))
            if delimiter is None:
                raise DataError(_unknown_delimiter(path))
            rows = parse_table(lines, delimiter=delimiter, quote=self._quote)
            if not rows:
                raise DataError(f"{printable(path)} is empty")
            columns = self._columns(rows[0], path)
            for row in rows[1:] if self._header else rows:
                yield f"{path}:{row.line}", partial(self._parse, row, columns)

    def _columns(self, first: TableRow, path: str) -> _Columns:
        where = f"{printable(path)}:{first.line}"
        problem = first.problem or self._encoding_problem(first)
        if problem:
            raise DataError(f"{where}: {problem}")
        names = [cell.strip() for cell in first.cells]
        try:
            texts = tuple(_index(column, names) for column in self._text)
            label = _index(self._label, names)
            pair = None if self._pair is None else _index(self._pair, names)
        except ProblemError as missing_column:
            raise DataError(f"{where}: {missing_column}") from missing_column
        if label in texts:
            raise DataError(f"{where}: column {label + 1} is named as text and as label")
        if pair is not None and pair in (*texts, label):
            raise DataError(f"{where}: column {pair + 1} is named as `pair`, and as something else")
        return _Columns(texts=texts, label=label, width=len(names), pair=pair)

    def _parse(self, row: TableRow, columns: _Columns) -> Parsed:
        if problem := row.problem or self._encoding_problem(row):
            raise problem
        if len(row.cells) != columns.width:
            first = "the header" if self._header else "the first row"
            raise ProblemError(
                f"it has {len(row.cells)} cells where {first} has {columns.width}; "
                "a cell that holds the delimiter needs quotes"
            )
        text = join_texts(row.cells[index] for index in columns.texts)
        pair = None if columns.pair is None else row.cells[columns.pair]
        return Parsed(text, self._labels(row.cells[columns.label]), pair=pair)

    def _labels(self, cell: str) -> list[str]:
        if self._label_separator is None:
            return [cell]
        return [label for label in cell.split(self._label_separator) if label.strip()]

    def _encoding_problem(self, row: TableRow) -> ProblemError | None:
        joined = (self._delimiter or ",").join(row.cells)
        problem = encoding_problem(joined, encodings=self._settings.encodings)
        return ProblemError(problem) if problem else None


def _index(column: str | int, names: Sequence[str]) -> int:
    if isinstance(column, int):
        if column > len(names):
            raise ProblemError(f"there is no column {column}, only {len(names)}")
        return column - 1
    if column not in names:
        raise ProblemError(missing(column, names, what="column"))
    if Counter(names)[column] > 1:
        raise ProblemError(
            f'{Counter(names)[column]} columns are named "{column}"; give the one you mean by its '
            "number, from 1"
        )
    return names.index(column)


def _check_column(column: str | int, *, header: bool, setting: str) -> None:
    if isinstance(column, bool) or (isinstance(column, int) and column < 1):
        message = f"{column!r} isn't a column; columns are counted from 1"
        raise ConfigError(message, setting=setting)
    if isinstance(column, str) and not header:
        message = f'without a header no column is named "{column}"; give columns by number, from 1'
        raise ConfigError(message, setting=setting)


def _delimiter_of(path: str) -> str | None:
    """Return the delimiter; None of what may be a folder, or files with several suffixes."""
    suffix = data_suffix(path)
    if not suffix or is_pattern(suffix) or path.endswith(("/", os.sep)):
        return None
    if suffix in _DELIMITERS:
        return _DELIMITERS[suffix]
    # A folder may have a dot in its name.
    if not Path(path).is_dir():
        raise ConfigError(_unknown_delimiter(path))
    return None


def _unknown_delimiter(path: str) -> str:
    return (
        f"{printable(path)} ends in neither .csv nor .tsv, so its delimiter isn't known; "
        'give it, such as delimiter = ","'
    )


def _one_character(value: str, what: str) -> str:
    if len(value) != 1 or value in "\r\n\0":
        raise ConfigError(f"{what} is {value!r}; it should be one character, and no line end")
    return value

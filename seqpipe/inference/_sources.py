"""Records out of files and standard input, one after another, with all their columns: whatever's wrong with one is said of it."""

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Literal, TypeAlias, get_args

from seqpipe.errors import ConfigError, DataError
from seqpipe.formats import READ_FAILURES, opener_of
from seqpipe.inference._records import Record
from seqpipe.messages import one_of, plural, show
from seqpipe.parts.readers import (
    check_encoding,
    data_suffix,
    locate_files,
    stream_table,
    table_rows,
)

#: What records are read from and written to.
Format: TypeAlias = Literal["lines", "jsonl", "csv", "tsv", "parquet"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)

STDIN: Final = "-"
_SUFFIXES: Final[Mapping[str, Format]] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".arrow": "parquet",
    ".feather": "parquet",
    ".txt": "lines",
}
DELIMITERS: Final[Mapping[str, str]] = {"csv": ",", "tsv": "\t"}
#: The number of bytes that identify a compression.
_MAGIC: Final = 6
_SHOWN: Final = 200


@dataclass(frozen=True)
class Item:
    """A record of a file.

    Attributes:
        place: Where it stands, such as "reviews.csv:17".
        record: The record; of one that can't be read, the text of its line.
        problem: Why it can't be read, or an empty string.
    """

    place: str
    record: Record
    problem: str = ""


@dataclass(frozen=True)
class Reading:
    """How files are read.

    Attributes:
        format: The format; None: what a file's name ends in, or else how it begins.
        encoding: The encoding of texts.
        delimiter: What stands between a table's cells; None for a comma in "csv", a tab in "tsv".
        quote: What stands around cells with a delimiter or a line end; None if there's nothing.
        header: Whether the first row of a table names the columns. Otherwise their names are numbers from 1.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    format: Format | None = None
    encoding: str = "utf-8"
    delimiter: str | None = None
    quote: str | None = '"'
    header: bool = True

    def __post_init__(self) -> None:
        check_encoding(self.encoding)
        for setting, value in (("delimiter", self.delimiter), ("quote", self.quote)):
            if value is not None and (len(value) != 1 or value in "\r\n\0"):
                raise ConfigError(
                    f"`{setting}` is {value!r}; it should be one character, and no line end",
                    setting=setting,
                )


class Input:
    """A file that's read from its beginning to its end, or standard input.

    Args:
        path: The file's path, or "-".
        reading: How it's read.
        stream: What's read in the place of the file.

    Raises:
        DataError: It can't be opened.
    """

    def __init__(self, path: str, reading: Reading, stream: IO[bytes] | None = None) -> None:
        self.path = path
        self._reading = reading
        self._raw: Any = None if stream is not None else _open(Path(path), path)
        self._stream = stream
        self.format: Format = reading.format or _SUFFIXES.get(data_suffix(path)) or self._sniffed()
        self.columns: Sequence[str] | None = None

    def _sniffed(self) -> Format:
        """Return the format by the first line: an object of JSON, or a text."""
        if self._stream is not None:
            # The stream goes on after it.
            first = self._stream.readline()
            self._stream = io.BufferedReader(_Again(first, self._stream))
        else:
            with (
                _open(Path(self.path), self.path) as raw,
                self._decompressed(raw) as opened,
            ):
                first = opened.readline()
        beginning = first.removeprefix(b"\xef\xbb\xbf").lstrip()
        return "jsonl" if beginning.startswith(b"{") else "lines"

    @property
    def position(self) -> int | None:
        """How many bytes of the file have been read; None if that's unknown."""
        if self._raw is None or self._raw.closed:
            return None
        return int(self._raw.tell())

    def close(self) -> None:
        """Close the file, which what decompresses it doesn't do; a stream stays as it is."""
        if self._raw is not None:
            self._raw.close()

    def items(self) -> Iterator[Item]:
        """Yield the records; blank lines are passed over.

        Raises:
            DataError: The file can't be read any further.
        """
        if self.format == "parquet":
            yield from self._of_table_file()
            return
        shown = "stdin" if self.path == STDIN else self.path
        number = 0
        try:
            with self._text() as text:
                numbered = self._numbered(text)
                for number, record, problem in numbered:
                    yield Item(f"{shown}:{number}", record, problem)
        except UnicodeError as error:
            raise DataError(
                f"{show(shown)}: it isn't of the encoding {self._reading.encoding} past line {number}: {error}"
            ) from error
        except READ_FAILURES as error:
            raise DataError(f"{show(shown)} can't be read past line {number}: {error}") from error
        finally:
            self.close()

    def _text(self) -> io.TextIOWrapper:
        stream = self._stream if self._stream is not None else self._decompressed(self._raw)
        # A byte that isn't of the encoding spoils its record, and not the file.
        return io.TextIOWrapper(
            stream,
            encoding=self._reading.encoding,
            errors="surrogateescape",
            newline="",
        )

    def _decompressed(self, raw: Any) -> Any:
        opener = opener_of(raw.read(_MAGIC))
        raw.seek(0)
        try:
            return raw if opener is None else opener(raw)
        except ImportError as error:
            raise DataError(f"{show(self.path)}: {error}") from error

    def _numbered(self, text: Iterable[str]) -> Iterator[tuple[int, Record, str]]:
        lines = _without_mark(text)
        if self.format == "jsonl":
            return self._objects(lines)
        if self.format == "lines":
            return self._lines(lines)
        return self._rows(lines)

    def _lines(self, lines: Iterable[str]) -> Iterator[tuple[int, Record, str]]:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                text = line.rstrip("\r\n")
                yield number, text, self._encoding_problem(text)

    def _objects(self, lines: Iterable[str]) -> Iterator[tuple[int, Record, str]]:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            if problem := self._encoding_problem(line):
                yield number, line.rstrip("\r\n"), problem
                continue
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield number, line.rstrip("\r\n"), f"it isn't JSON: {error}"
                continue
            problem = "" if isinstance(value, dict) else "it's JSON, and no object"
            yield number, value if isinstance(value, dict) else line.rstrip("\r\n"), problem

    def _rows(self, lines: Iterable[str]) -> Iterator[tuple[int, Record, str]]:
        reading = self._reading
        delimiter = reading.delimiter or DELIMITERS[self.format]
        names: Sequence[str] | None = None
        for row in stream_table(lines, delimiter=delimiter, quote=reading.quote):
            line = delimiter.join(row.cells)
            problem = str(row.problem or "") or self._encoding_problem(line)
            if names is None:
                if problem:
                    raise DataError(f"{show(self.path)}:{row.line}: {problem}")
                names = self._names(row.cells)
                if reading.header:
                    continue
            if not problem and len(row.cells) != len(names):
                first = "header" if reading.header else "first row"
                problem = (
                    f"it has {plural(len(row.cells), 'cell')} where the {first} has {len(names)}"
                )
            yield row.line, line if problem else dict(zip(names, row.cells, strict=True)), problem

    def _names(self, cells: Sequence[str]) -> Sequence[str]:
        names = [cell.strip() for cell in cells]
        if not self._reading.header:
            names = [str(number) for number in range(1, len(cells) + 1)]
        if double := next((name for name in names if names.count(name) > 1), None):
            raise DataError(
                f"{show(self.path)} has two columns that are called {show(double)!r}: rename one of them"
            )
        self.columns = names
        return names

    def _of_table_file(self) -> Iterator[Item]:
        if self._stream is not None:
            raise DataError("Parquet can't be read from standard input: name a file")
        self._raw.close()
        for place, row in table_rows(self.path):
            if isinstance(row, str):
                yield Item(place, "", row)
            else:
                yield Item(place, row)

    def _encoding_problem(self, text: str) -> str:
        # As the codec marks what it can't read.
        bad = next((c for c in text if "\udc80" <= c <= "\udcff"), None)
        if bad is None:
            return ""
        return f"the byte 0x{ord(bad) - 0xDC00:02X} isn't of the encoding {self._reading.encoding}; name the right one"


class _Again(io.RawIOBase):
    """A stream whose first line is read again."""

    def __init__(self, first: bytes, rest: IO[bytes]) -> None:
        self._first, self._rest = first, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = len(buffer)
        if self._first:
            data, self._first = self._first[:size], self._first[size:]
        else:
            # What's there, without waiting for more.
            data = getattr(self._rest, "read1", self._rest.read)(size)
        buffer[: len(data)] = data
        return len(data)


def input_files(paths: Sequence[str]) -> list[str]:
    """Return the files that paths name: files, folders and patterns of files; "-" is standard input, and stays.

    Raises:
        DataError: One isn't there.
    """
    found: list[str] = []
    for path in paths:
        if path == STDIN:
            found.append(path)
        else:
            located = [file for _, file in locate_files(path, suffixes=tuple(_SUFFIXES))]
            # In a folder of predictions, the file of those that failed.
            is_folder = Path(path).is_dir()
            found += [str(f) for f in located if not (is_folder and f.name.startswith("_"))]
    return found


def _open(file: Path, shown: str) -> IO[bytes]:
    try:
        return file.open("rb")
    except OSError as error:
        raise DataError(f"{show(shown)} can't be opened: {error.strerror}") from error


def _without_mark(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield line if number else line.removeprefix("\ufeff")


def format_of(path: str) -> Format:
    """Return the format that the name of a file to be written says.

    Raises:
        ConfigError: It says none.
    """
    found = _SUFFIXES.get(Path(path).suffix.lower())
    if found is None:
        known = one_of([suffix for suffix in _SUFFIXES if suffix != ".tab"])
        raise ConfigError(
            f"the name of {show(path)} says no format: let it end in {known}; or that of a folder, in /"
        )
    return found

"""Tables of Parquet and Arrow files, read piece by piece."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, TypeAlias

from seqpipe.errors import DataError
from seqpipe.parts.readers._collect import (
    Parsed,
    ProblemError,
    Record,
    collect,
    missing,
    printable,
)
from seqpipe.parts.readers._contract import OnBadRow, Reader, ReadResult
from seqpipe.parts.readers._objects import Objects
from seqpipe.parts.readers._paths import locate_file, locate_files
from seqpipe.parts.readers._settings import check_settings
from seqpipe.parts.readers._words import Chunks

#: How many rows are made Python's objects at a time.
_MOST_ROWS: Final = 1000

#: Gets a row; it may raise `ProblemError`.
_GetRow: TypeAlias = Callable[[], Mapping[str, Any]]


class Parquet(Reader):
    """Read a table of a Parquet or Arrow file, with one text per row.

    A Feather file is an Arrow file. Which it is, the content says. A name with dots, such as "user.text", is that of a
    struct's field if there's no such column. Values are used as `Jsonl` uses those of JSON: lists, structs, strings, numbers.

    Args:
        path: A file, a folder of files (.parquet, .arrow, .feather), or a pattern for files: a plain path,
            ``package:NAME/below`` or ``data:below``.
        text: The column of the text; of several, the texts that aren't empty are joined with a blank.
        label: The column of the label: strings or integers, or lists of these for several labels. Numbers with a fraction
            are no labels, but the row's numbers. With `words` or `spans`, texts may lack it.
        pair: The column of the second text, where texts come in pairs.
        words: The column of a text's words, lists, in the place of `text`: words are joined with blanks.
        tags: The columns of the words' tags, lists as long as the words, by a name of yours. Tags of chunks ("B-PER") are
            also the text's spans, as in `Columns`.
        spans: The column of the text's spans, such as its entities: lists of structs with a "start", an "end" and a "label".
            They count characters of the text.
        on_bad_row: What to do with a row that can't be used: "error" or "skip".

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        path: str,
        *,
        text: str | list[str] = "text",
        label: str = "label",
        pair: str | None = None,
        words: str | None = None,
        tags: Mapping[str, str] | None = None,
        spans: str | None = None,
        on_bad_row: OnBadRow = "error",
    ) -> None:
        self._settings = check_settings(path=path, encoding="utf-8", on_bad_row=on_bad_row)
        self.on_bad_row = on_bad_row
        self._objects = Objects(
            text=[text] if isinstance(text, str) else list(text),
            label=label,
            words=words,
            tags=dict(tags or {}),
            spans=spans,
            pair=pair,
            what="column",
        )

    def read(self) -> ReadResult:
        """Read every row.

        Raises:
            DataError: pyarrow isn't installed; the file isn't there, can't be read or lacks a column; a row is bad and
                the policy is "error"; or all rows are bad.
        """
        _check_pyarrow(self._settings.path)
        chunks = self._objects.find_chunks(self._tags)
        return collect(self._records(chunks), settings=self._settings)

    def _tags(self) -> Iterator[Mapping[str, Any]]:
        """Yield the tags of each row that can be read."""
        tags = [*self._objects.tags.values()]
        for _, get_row in self._rows(needed=tags):
            try:
                row = get_row()
            except ProblemError:
                continue
            yield row

    def _records(self, chunks: Chunks) -> Iterator[Record]:
        for source, get_row in self._rows(needed=self._objects.needed, more=[self._objects.label]):
            yield source, partial(self._parse, get_row, chunks)

    def _parse(self, get_row: _GetRow, chunks: Chunks) -> Parsed:
        return self._objects.parse(get_row(), chunks)

    def _rows(
        self, *, needed: Sequence[str], more: Sequence[str] = ()
    ) -> Iterator[tuple[str, _GetRow]]:
        """Yield each row's place, and how to get it: the columns that are needed, and more where they're there."""
        for path, file in locate_files(
            self._settings.path, suffixes=(".parquet", ".arrow", ".feather")
        ):
            for number, get_row in enumerate(_rows_of(file, path, needed, more), start=1):
                yield f"{path}:{number}", get_row


def table_rows(path: str) -> Iterator[tuple[str, Mapping[str, Any] | str]]:
    """Yield the place of each row of a Parquet or Arrow file, and its values by column, or what's wrong with it.

    Raises:
        DataError: pyarrow isn't installed, or the file isn't there or can't be read.
    """
    _check_pyarrow(path)
    for number, get_row in enumerate(_rows_of(locate_file(path), path, None, ()), start=1):
        try:
            yield f"{path}:{number}", get_row()
        except ProblemError as problem:
            yield f"{path}:{number}", str(problem)


def _check_pyarrow(path: str) -> None:
    if find_spec("pyarrow") is None:
        raise DataError(
            f"{printable(path)} is a file for pyarrow, which isn't installed; "
            'try: pip install "seqpipe[parquet]"'
        )


def _rows_of(
    file: Path, path: str, needed: Sequence[str] | None, more: Sequence[str]
) -> Iterator[_GetRow]:
    from pyarrow import ArrowException

    count = 0
    with ExitStack() as stack:
        try:
            schema, batches_of = _open(file, stack)
            columns = _columns(schema, schema.names if needed is None else needed, more)
            for batch in batches_of(columns):
                for start in range(0, batch.num_rows, _MOST_ROWS):
                    yield from _get_rows(batch.slice(start, _MOST_ROWS))
                count += batch.num_rows
        except ProblemError as problem:
            raise DataError(f"{printable(path)}: {problem}") from problem
        except (ArrowException, OSError, ValueError) as error:
            where = f" past row {count}" if count else " as a file of Parquet or Arrow"
            raise DataError(f"{printable(path)} can't be read{where}: {error}") from error


def _open(file: Path, stack: ExitStack) -> tuple[Any, Callable[[list[str]], Iterable[Any]]]:
    """Return the schema, and what yields record batches with some columns."""
    from pyarrow import OSFile, ipc, parquet

    with file.open("rb") as opened:
        magic = opened.read(6)
    if magic.startswith(b"PAR1"):
        table = stack.enter_context(parquet.ParquetFile(file, page_checksum_verification=True))
        return table.schema_arrow, lambda columns: table.iter_batches(_MOST_ROWS, columns=columns)
    source = stack.enter_context(OSFile(str(file)))
    if magic == b"ARROW1":
        reader = ipc.open_file(source)
        batches = map(reader.get_batch, range(reader.num_record_batches))
    else:
        reader = batches = ipc.open_stream(source)
    return reader.schema, lambda columns: (batch.select(columns) for batch in batches)


def _columns(schema: Any, needed: Sequence[str], more: Sequence[str]) -> list[str]:
    """Return the names of the columns that have the keys.

    Raises:
        ProblemError: There's none for one that's needed, or there are several.
    """
    paths = [*_paths(schema)]
    found = []
    for key in dict.fromkeys([*needed, *more]):
        if key in paths:
            found.append(key if key in schema.names else key.partition(".")[0])
        elif key in needed:
            raise ProblemError(missing(key, paths, what="column"))
    for name in found:
        if Counter(schema.names)[name] > 1:
            raise ProblemError(f'{Counter(schema.names)[name]} columns are named "{name}"')
    return [*dict.fromkeys(found)]


def _paths(fields: Iterable[Any], above: str = "") -> Iterator[str]:
    """Yield the names of columns and of structs' fields, with dots between."""
    from pyarrow.types import is_struct

    for field in fields:
        yield above + field.name
        if is_struct(field.type) and "." not in field.name:
            yield from _paths(field.type, f"{above}{field.name}.")


def _get_rows(batch: Any) -> Iterator[_GetRow]:
    try:
        # A value that's damaged would be found nowhere else, and may be read from anywhere in memory.
        batch.validate(full=True)
        rows = batch.to_pylist()
    except ValueError:
        # One of the rows: which it is shows as each is read by itself.
        return (partial(_row_at, batch, place) for place in range(batch.num_rows))
    return (partial(rows.__getitem__, place) for place in range(len(rows)))


def _row_at(batch: Any, place: int) -> Mapping[str, Any]:
    row = batch.slice(place, 1)
    try:
        row.validate(full=True)
        found: Mapping[str, Any] = row.to_pylist()[0]
    except ValueError as error:
        raise ProblemError(f"it can't be read: {error}") from error
    return found

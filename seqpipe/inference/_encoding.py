"""Records with their predictions as bytes of a format."""

import csv
import io
import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from seqpipe.errors import ConfigError, DataError
from seqpipe.inference._records import TEXT, Record
from seqpipe.inference._sources import DELIMITERS, Format, Item
from seqpipe.inference._tables import Column, arrow_type, as_arrow
from seqpipe.messages import listed
from seqpipe.tasks import Field


class Encoder(ABC):
    """Makes bytes of records and their predictions; it can be pickled.

    Args:
        columns: The names of all columns of a table; where a format has none, they aren't looked at.
        fields: The fields of the predictions.
        prefix: What comes before the fields' names.

    Attributes:
        format: The format.
    """

    format: Format = "jsonl"

    def __init__(self, columns: Sequence[str], fields: Sequence[Field], prefix: str) -> None:
        self.fields = tuple(fields)
        self.prefix = prefix
        added = {prefix + field.name: None for field in fields}
        #: Those of the records; a column that's called as one of ours is replaced.
        self.columns = tuple(name for name in columns if name not in added)
        self.added = tuple(added)

    @abstractmethod
    def encode(self, rows: Sequence[tuple[Item, Mapping[str, Any]]]) -> bytes:
        """Return the bytes of rows, without what a file begins or ends with.

        Raises:
            DataError: A row can't be written so.
        """

    def begin(self) -> bytes:
        """Return what a file begins with."""
        return b""

    def join(self, pieces: Sequence[bytes]) -> bytes:
        """Return a file of what `encode` returned."""
        return self.begin() + b"".join(pieces)

    def join_files(self, files: Sequence[Path], out: IO[bytes]) -> None:
        """Write one file of several that `join` has made."""
        beginning = self.begin()
        out.write(beginning)
        for file in files:
            with file.open("rb") as opened:
                opened.seek(len(beginning))
                shutil.copyfileobj(opened, out)

    def check(self, item: Item) -> str:
        """Return why a record can't be written, or an empty string."""
        return ""

    def _prefixed(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {self.prefix + name: value for name, value in values.items()}


class _Jsonl(Encoder):
    def encode(self, rows: Sequence[tuple[Item, Mapping[str, Any]]]) -> bytes:
        lines = [
            # What JSON has no form for, such as a date of Parquet, is written as a string.
            json.dumps(
                {**_named(item.record), **self._prefixed(values)}, ensure_ascii=False, default=str
            )
            for item, values in rows
        ]
        return "".join(line + "\n" for line in lines).encode("utf-8", "backslashreplace")


class _Table(Encoder):
    """Tables have the columns of their first record."""

    def check(self, item: Item) -> str:
        more = [n for n in _named(item.record) if n not in self.columns and n not in self.added]
        if not more:
            return ""
        return f"it has {listed(more)}, which the first record lacks, and a table has one set of columns: write .jsonl"


class _Csv(_Table):
    def __init__(
        self,
        columns: Sequence[str],
        fields: Sequence[Field],
        prefix: str,
        *,
        format: Format,
        delimiter: str,
        quote: str | None,
        header: bool,
    ) -> None:
        self.format = format
        super().__init__(columns, fields, prefix)
        self._delimiter, self._quote, self._header = delimiter, quote, header

    def begin(self) -> bytes:
        return self._lines([[*self.columns, *self.added]]) if self._header else b""

    def encode(self, rows: Sequence[tuple[Item, Mapping[str, Any]]]) -> bytes:
        names = (*self.columns, *self.added)
        lines = []
        for item, values in rows:
            row = {**_named(item.record), **self._prefixed(values)}
            lines.append([_cell(row.get(name)) for name in names])
        return self._lines(lines)

    def _lines(self, rows: Sequence[Sequence[str]]) -> bytes:
        lines = []
        for row in rows:
            text = io.StringIO(newline="")
            # Cells that have a part of it are quoted, so lone carriage returns too.
            end = "\r\n"
            writer = csv.writer(
                text,
                delimiter=self._delimiter,
                quotechar=self._quote,
                quoting=csv.QUOTE_MINIMAL if self._quote else csv.QUOTE_NONE,
                lineterminator=end,
            )
            try:
                writer.writerow(row)
            except csv.Error as error:
                raise DataError(
                    "a cell holds the delimiter or a line end, and the table knows no quotes: write .jsonl"
                ) from error
            lines.append(text.getvalue().removesuffix(end) + "\n")
        return "".join(lines).encode("utf-8", "backslashreplace")


class _Parquet(_Table):
    """Pieces are streams of Arrow, as a file of Parquet can't be put together from others.

    A column whose values are of several types becomes one of text, as in CSV.
    """

    format: Format = "parquet"

    def encode(self, rows: Sequence[tuple[Item, Mapping[str, Any]]]) -> bytes:
        import pyarrow

        records = [_named(item.record) for item, _ in rows]
        arrays = [_array([record.get(name) for record in records]) for name in self.columns]
        for field, name in zip(self.fields, self.added, strict=True):
            column = Column(name, field.type, [values[field.name] for _, values in rows])
            arrays.append(pyarrow.array(as_arrow(column), type=arrow_type(field.type)))
        table = pyarrow.table(arrays, names=[*self.columns, *self.added])
        sink = io.BytesIO()
        with pyarrow.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        return sink.getvalue()

    def join(self, pieces: Sequence[bytes]) -> bytes:
        import pyarrow

        sink = io.BytesIO()
        tables = [pyarrow.ipc.open_stream(piece).read_all() for piece in pieces]
        self._write([table.schema for table in tables], iter(tables), sink)
        return sink.getvalue()

    def join_files(self, files: Sequence[Path], out: IO[bytes]) -> None:
        from pyarrow import parquet

        schemas = [parquet.read_schema(file) for file in files]
        self._write(schemas, (parquet.read_table(file) for file in files), out)

    def _write(self, schemas: Sequence[Any], tables: Iterable[Any], out: IO[bytes]) -> None:
        from pyarrow import parquet

        schema = self._common(schemas)
        with parquet.ParquetWriter(out, schema) as writer:
            for table in tables:
                writer.write_table(_cast(table, schema))

    def _common(self, schemas: Sequence[Any]) -> Any:
        """Return the schema that all of some have room in."""
        import pyarrow

        fields = []
        for name in self.columns:
            of_name = [pyarrow.schema([schema.field(name)]) for schema in schemas]
            try:
                # Such as whole numbers here and others there, or nulls only.
                found = pyarrow.unify_schemas(of_name, promote_options="permissive").field(name)
            except pyarrow.ArrowException:
                kind = pyarrow.string() if of_name else pyarrow.null()
                found = pyarrow.field(name, kind)
            fields.append(found)
        for field, name in zip(self.fields, self.added, strict=True):
            fields.append(pyarrow.field(name, arrow_type(field.type)))
        return pyarrow.schema(fields)


def _array(values: Sequence[Any]) -> Any:
    import pyarrow

    try:
        made = pyarrow.array(values)
        return _texts(values) if _has_empty_struct(made.type) else made
    except (pyarrow.ArrowException, ValueError, TypeError, OverflowError):
        return _texts(values)


def _texts(values: Iterable[Any]) -> Any:
    import pyarrow

    cells = [None if value is None else _cell(value) for value in values]
    # Halves of surrogate pairs, which UTF-8 can't write.
    found = [c and c.encode("utf-8", "backslashreplace").decode("utf-8") for c in cells]
    return pyarrow.array(found, type=pyarrow.string())


def _has_empty_struct(kind: Any) -> bool:
    """Return whether a type of Arrow has objects without any key, which Parquet can't hold."""
    from pyarrow import types

    if types.is_struct(kind) and not kind.num_fields:
        return True
    return any(_has_empty_struct(kind.field(n).type) for n in range(kind.num_fields))


def _cast(table: Any, schema: Any) -> Any:
    import pyarrow

    columns = []
    for field in schema:
        column = table.column(field.name)
        is_text = pyarrow.types.is_string(field.type) and not pyarrow.types.is_string(column.type)
        # Large whole numbers lose digits where others of the column have a fraction.
        made = _texts(column.to_pylist()) if is_text else column.cast(field.type, safe=False)
        columns.append(made)
    return pyarrow.table(columns, schema=schema)


def make_encoder(
    format: Format,
    columns: Sequence[str],
    fields: Sequence[Field],
    prefix: str,
    *,
    delimiter: str | None = None,
    quote: str | None = '"',
    header: bool = True,
) -> Encoder:
    """Return the encoder of a format; "lines" are written as "jsonl".

    Args:
        format: The format.
        columns: The names of the records' columns.
        fields: The fields of the predictions.
        prefix: What comes before the fields' names.
        delimiter: What stands between the cells of "csv" and "tsv"; None for a comma, or a tab.
        quote: What stands around cells with a delimiter or a line end; None for nothing.
        header: Whether these begin with the names of the columns.

    Raises:
        ConfigError: It's Parquet, and pyarrow isn't installed.
    """
    if format in DELIMITERS:
        between = delimiter or DELIMITERS[format]
        return _Csv(
            columns, fields, prefix, format=format, delimiter=between, quote=quote, header=header
        )
    if format != "parquet":
        return _Jsonl(columns, fields, prefix)
    from importlib.util import find_spec

    if find_spec("pyarrow") is None:
        raise ConfigError(
            'Parquet is written by pyarrow, which isn\'t installed; try: pip install "seqpipe[parquet]"'
        )
    return _Parquet(columns, fields, prefix)


def columns_of(record: Record) -> Sequence[str]:
    """Return the names of a record's values."""
    return list(_named(record))


def _named(record: Record) -> Mapping[str, Any]:
    return {TEXT: record} if isinstance(record, str) else record


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict | list | tuple | int | float):
        return json.dumps(value, ensure_ascii=False, default=str)
    # Dates and whatever else JSON has no form for, as JSON would have them, without quotes.
    return str(value)

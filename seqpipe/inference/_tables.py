"""Tables of other libraries as records, and predictions as columns of theirs. None of them has to be installed."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from seqpipe.errors import DataError
from seqpipe.tasks import FieldType


class Column(NamedTuple):
    """A column of predictions.

    Attributes:
        name: Its name.
        type: What it holds.
        values: A value for each row; None where there's none.
    """

    name: str
    type: FieldType
    values: Sequence[Any]


class Table(ABC):
    """A batch of rows with named columns."""

    @abstractmethod
    def rows(self) -> Iterator[Mapping[str, Any]]:
        """Yield each row."""

    @abstractmethod
    def joined(self, columns: Sequence[Column]) -> Any:
        """Return a table of the same kind that has further columns; one of the same name is replaced."""


class _Pandas(Table):
    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def rows(self) -> Iterator[Mapping[str, Any]]:
        names = [str(name) for name in self._frame.columns]
        for row in self._frame.itertuples(index=False, name=None):
            yield dict(zip(names, row, strict=True))

    def joined(self, columns: Sequence[Column]) -> Any:
        import pandas

        index = self._frame.index
        made = {
            c.name: pandas.Series(
                c.values, index=index, dtype="float64" if c.type == "number" else "object"
            )
            for c in columns
        }
        return self._frame.assign(**made)


class _Arrow(Table):
    def __init__(self, table: Any) -> None:
        self._table = table

    def rows(self) -> Iterator[Mapping[str, Any]]:
        yield from self._table.to_pylist()

    def joined(self, columns: Sequence[Column]) -> Any:
        import pyarrow

        kept = [n for n in self._table.schema.names if n not in {c.name for c in columns}]
        table = self._table.select(kept)
        for column in columns:
            values = pyarrow.array(as_arrow(column), type=arrow_type(column.type))
            table = table.append_column(column.name, values)
        return table


class _Columns(Table):
    """A dictionary of columns, such as numpy's arrays."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        self._columns = columns

    def rows(self) -> Iterator[Mapping[str, Any]]:
        names = list(self._columns)
        for row in zip(*(_listed(each) for each in self._columns.values()), strict=True):
            yield dict(zip(names, row, strict=True))

    def joined(self, columns: Sequence[Column]) -> Any:
        import numpy as np

        added = {}
        for column in columns:
            if column.type == "number":
                added[column.name] = np.array(column.values, dtype=np.float64)
                continue
            # By hand, as lists of one length would become a matrix.
            values = np.empty(len(column.values), dtype=object)
            values[:] = list(column.values)
            added[column.name] = values
        return {**self._columns, **added}


def find_table(batch: Any) -> Table | None:
    """Return a batch as a table; None if it's none.

    Raises:
        DataError: It's a dictionary whose columns have different lengths.
    """
    # Whoever has a table of theirs has imported them.
    pandas, pyarrow = sys.modules.get("pandas"), sys.modules.get("pyarrow")
    if pandas is not None and isinstance(batch, pandas.DataFrame):
        return _Pandas(batch)
    if pyarrow is not None and isinstance(batch, pyarrow.Table | pyarrow.RecordBatch):
        return _Arrow(batch)
    if not isinstance(batch, Mapping):
        return None
    if not all(hasattr(each, "__len__") and not isinstance(each, str) for each in batch.values()):
        raise DataError("the batch is a dictionary, and not of columns: pass one record in a list")
    lengths = {name: len(each) for name, each in batch.items()}
    if len({*lengths.values()}) > 1:
        raise DataError(f"the columns of the batch have different lengths: {lengths}")
    return _Columns(batch)


def _listed(column: Any) -> list[Any]:
    return list(column.tolist() if hasattr(column, "tolist") else column)


#: The fields of a span, in their order.
_SPAN: Final = ("start", "end", "text", "label", "confidence")


def arrow_type(kind: FieldType) -> Any:
    """Return the type of Arrow for a type of field; what may be anything is text, in JSON."""
    import pyarrow

    text, number = pyarrow.string(), pyarrow.float64()
    of_span = (pyarrow.int64(), pyarrow.int64(), text, text, number)
    return {
        "string": text,
        "number": number,
        "strings": pyarrow.list_(text),
        "numbers": pyarrow.list_(number),
        "scores": pyarrow.map_(text, number),
        "spans": pyarrow.list_(pyarrow.struct(list(zip(_SPAN, of_span, strict=True)))),
        "json": text,
    }[kind]


def as_arrow(column: Column) -> list[Any]:
    """Return a column's values as pyarrow takes them for its type."""
    import json

    if column.type == "scores":
        return [each and list(each.items()) for each in column.values]
    if column.type == "json":
        return [json.dumps(each, ensure_ascii=False) for each in column.values]
    return list(column.values)

"""One JSON object per line."""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from seqpipe.errors import ConfigError
from seqpipe.parts.readers._collect import (
    Parsed,
    ProblemError,
    Record,
    collect,
    join_texts,
    missing,
)
from seqpipe.parts.readers._contract import OnBadRow, Reader, ReadResult
from seqpipe.parts.readers._files import encoding_problem, read_lines
from seqpipe.parts.readers._settings import check_settings

_KINDS: Final = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}


class Jsonl(Reader):
    """Read a file with one JSON object per line; blank lines are passed over.

    Args:
        path: The file: a plain path, ``package:NAME/below`` or ``data:below``. One that ends in
            .gz, .bz2 or .xz is decompressed.
        text: The key of the text; of several, the texts that aren't empty are joined with a blank.
        label: The key of the label, a string or an integer, or a list of these for several labels. A
            number is read as a table's cell would be: 3 is the label "3".
        encoding: The file's encoding, or several to be tried in turn.
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
        encoding: str | list[str] = "utf-8",
        on_bad_row: OnBadRow = "error",
    ) -> None:
        self._settings = check_settings(path=path, encoding=encoding, on_bad_row=on_bad_row)
        self._text = [text] if isinstance(text, str) else list(text)
        self._label = label
        if not self._text:
            raise ConfigError('text is an empty list; name at least one key, such as "text"')
        if label in self._text:
            raise ConfigError(f'the key "{label}" is named as text and as label')

    def read(self) -> ReadResult:
        """Read every line.

        Raises:
            DataError: The file isn't there or can't be read; a row is bad and the policy is
                "error"; or all rows are bad.
        """
        return collect(self._records(), settings=self._settings)

    def _records(self) -> Iterator[Record]:
        for number, line in enumerate(read_lines(self._settings), start=1):
            if line.strip():
                yield f"{self._settings.path}:{number}", partial(self._parse, line)

    def _parse(self, line: str) -> Parsed:
        if problem := encoding_problem(line, encodings=self._settings.encodings):
            raise ProblemError(problem)
        row = _load(line)
        if not isinstance(row, dict):
            raise ProblemError(
                f"the line is {_kind(row)}; each line should be a JSON object by itself"
            )
        texts = [_string(_value(row, key), what=f'"{key}"') for key in self._text]
        return Parsed(join_texts(texts), _labels(_value(row, self._label), key=self._label))


def _load(line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise ProblemError(f"it isn't JSON: {error.msg} at column {error.colno}") from error
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits, 5,000 brackets
        raise ProblemError(f"it's JSON that can't be read: {error}") from error


def _value(row: Mapping[str, Any], key: str) -> Any:
    if key not in row:
        raise ProblemError(missing(key, row, what="key"))
    return row[key]


def _labels(value: Any, *, key: str) -> list[str]:
    if isinstance(value, list):
        return [_label(item, what=f'an item of "{key}"') for item in value]
    return [_label(value, what=f'"{key}"')]


def _label(value: Any, *, what: str) -> str:
    if type(value) is int:
        return str(value)
    if isinstance(value, float):
        raise ProblemError(
            f"{what} is the number {value}, which names no class; if it's a quantity to predict, there's "
            "no part for that; if it's a class, write it as a string"
        )
    return _string(value, what=what, allowed="a string, an integer or a list of these")


def _string(value: Any, *, what: str, allowed: str = "a string") -> str:
    if not isinstance(value, str):
        raise ProblemError(f"{what} is {_kind(value)}; it should be {allowed}")
    return value


def _kind(value: Any) -> str:
    return _KINDS[type(value)]

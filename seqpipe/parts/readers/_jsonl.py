"""One JSON object per line."""

import json
import math
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from seqpipe.errors import ConfigError
from seqpipe.parts.chunks import OUTSIDE
from seqpipe.parts.readers._collect import (
    Parsed,
    ProblemError,
    collect,
    join_texts,
    missing,
)
from seqpipe.parts.readers._contract import OnBadRow, Reader, ReadResult, Span
from seqpipe.parts.readers._files import encoding_problem, read_lines
from seqpipe.parts.readers._settings import check_settings
from seqpipe.parts.readers._words import Chunks, words_of

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

    A key with dots, such as "user.text", is looked for inside of objects if there's none of the whole name.

    Args:
        path: The file: a plain path, ``package:NAME/below`` or ``data:below``. One that ends in
            .gz, .bz2, .xz or .zst is decompressed.
        text: The key of the text; of several, the texts that aren't empty are joined with a blank.
        label: The key of the label, a string or an integer, or a list of these for several labels. An
            integer is read as a table's cell would be: 3 is the label "3". Numbers with a fraction are no labels, but the row's
            numbers. With `words` or `spans`, texts may lack it.
        words: The key of a text's words, a list, in the place of `text`: words are joined with blanks.
        tags: The keys of the words' tags, lists as long as the words, by a name of yours. Tags of chunks ("B-PER") are also
            the text's spans, as in `Columns`.
        spans: The key of the text's spans, such as its entities: a list of ``[start, end, label]``, or of objects with these
            three keys. They count characters of the text.
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
        words: str | None = None,
        tags: Mapping[str, str] | None = None,
        spans: str | None = None,
        encoding: str | list[str] = "utf-8",
        on_bad_row: OnBadRow = "error",
    ) -> None:
        self._settings = check_settings(path=path, encoding=encoding, on_bad_row=on_bad_row)
        self.on_bad_row = on_bad_row
        self._text = [text] if isinstance(text, str) else list(text)
        self._label = label
        self._words = words
        self._tags = dict(tags or {})
        self._spans = spans
        #: Whether rows may do without labels, and the keys of what else they have.
        self._has_more = words is not None or spans is not None
        self._others = {words, spans, *self._tags.values()} - {None}
        if not self._text:
            raise ConfigError('text is an empty list; name at least one key, such as "text"')
        if label in self._text:
            raise ConfigError(f'the key "{label}" is named as text and as label')
        if spans is not None and (words is not None or len(self._text) > 1):
            raise ConfigError(
                "`spans` count characters of one text: remove `words`, and name one key as `text`",
                setting="spans",
            )
        if tags and words is None:
            raise ConfigError(
                "`tags` are those of words: name their key by `words`", setting="tags"
            )

    def read(self) -> ReadResult:
        """Read every line.

        Raises:
            DataError: The file isn't there or can't be read; a row is bad and the policy is
                "error"; or all rows are bad.
        """
        lines = read_lines(self._settings)
        chunks = Chunks.of(None, "auto", self._tags, partial(self._tags_of, lines=lines))
        records = (
            (f"{self._settings.path}:{number}", partial(self._parse, line, chunks))
            for number, line in enumerate(lines, start=1)
            if line.strip()
        )
        return collect(records, settings=self._settings)

    def _tags_of(self, name: str, lines: list[str]) -> list[list[str]]:
        """Return the tags of each text that can be read."""
        found = []
        for line in lines:
            try:
                found.append([tag or OUTSIDE for tag in self._tags_in(_object(line), name)])
            except ProblemError:
                continue
        return found

    def _tags_in(self, row: Mapping[str, Any], name: str) -> list[str | None]:
        key = self._tags[name]
        value = _value(row, key)
        if not isinstance(value, list):
            raise ProblemError(f'"{key}" is {_kind(value)}; it should be a list')
        return [None if tag is None else _label(tag, what=f'an item of "{key}"') for tag in value]

    def _parse(self, line: str, chunks: Chunks) -> Parsed:
        if problem := encoding_problem(line, encodings=self._settings.encodings):
            raise ProblemError(problem)
        row = _object(line)
        parsed = self._parse_words(row, chunks) if self._words else self._parse_text(row)
        if self._has_more and (
            self._label in self._others or _find(row, self._label) in (_ABSENT, None)
        ):
            return parsed
        value = _value(row, self._label)
        numbers = _numbers(value)
        labels = [] if _has_fraction(value) and numbers else _labels(value, key=self._label)
        return parsed._replace(labels=labels, numbers=numbers)

    def _parse_text(self, row: Mapping[str, Any]) -> Parsed:
        texts = [_string(_value(row, key), what=f'"{key}"') for key in self._text]
        if self._spans is None:
            return Parsed(join_texts(texts), ())
        return Parsed(texts[0], (), spans=_spans(_value(row, self._spans), key=self._spans))

    def _parse_words(self, row: Mapping[str, Any], chunks: Chunks) -> Parsed:
        assert self._words is not None
        words = _strings(_value(row, self._words), key=self._words)
        tags = {name: self._tags_in(row, name) for name in self._tags}
        for name, each in tags.items():
            if len(each) != len(words):
                raise ProblemError(f'it has {len(words)} words and {len(each)} of "{name}"')
        return words_of(words, [True] * len(words), tags, chunks)


def _object(line: str) -> Mapping[str, Any]:
    row = _load(line)
    if not isinstance(row, dict):
        raise ProblemError(f"the line is {_kind(row)}; each line should be a JSON object by itself")
    return row


def _load(line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise ProblemError(f"it isn't JSON: {error.msg} at column {error.colno}") from error
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits, 5,000 brackets
        raise ProblemError(f"it's JSON that can't be read: {error}") from error


#: What stands for a value that isn't there, as null is one.
_ABSENT: Final = object()


def _find(row: Mapping[str, Any], key: str) -> Any:
    """Return the value of a key, or of one inside of objects: "user.text"; `_ABSENT` for none."""
    if key in row:
        return row[key]
    found: Any = row
    for name in key.split("."):
        if not isinstance(found, dict) or name not in found:
            return _ABSENT
        found = found[name]
    return found


def _value(row: Mapping[str, Any], key: str) -> Any:
    found = _find(row, key)
    if found is _ABSENT:
        raise ProblemError(missing(key, row, what="key"))
    return found


def _strings(value: Any, *, key: str) -> list[str]:
    if not isinstance(value, list):
        raise ProblemError(f'"{key}" is {_kind(value)}; it should be a list')
    return [_label(item, what=f'an item of "{key}"') for item in value]


def _spans(value: Any, *, key: str) -> tuple[Span, ...]:
    """Return spans given as ``[start, end, label]``, or as objects with these keys."""
    if not isinstance(value, list):
        raise ProblemError(f'"{key}" is {_kind(value)}; it should be a list')
    found = []
    for item in value:
        parts: Any = [item.get(name) for name in Span._fields] if isinstance(item, dict) else item
        is_span = isinstance(parts, list) and len(parts) == len(Span._fields)
        if not is_span or [*map(type, parts)] not in ([int, int, str], [int, int, int]):
            raise ProblemError(
                f'an item of "{key}" is {json.dumps(item, ensure_ascii=False)[:60]}; it should be [start, end, label], '
                'or {"start": …, "end": …, "label": …}'
            )
        found.append(Span(parts[0], parts[1], str(parts[2])))
    return tuple(found)


def _labels(value: Any, *, key: str) -> list[str]:
    if isinstance(value, list):
        return [_label(item, what=f'an item of "{key}"') for item in value]
    return [_label(value, what=f'"{key}"')]


def _numbers(value: Any) -> tuple[float, ...]:
    """Return a number with a fraction, or several numbers; empty for other values. A single integer is a label."""
    values = value if isinstance(value, list) else [value]
    kinds = {*map(type, values)}
    if not kinds or not kinds <= {int, float} or (len(values) == 1 and kinds == {int}):
        return ()
    try:
        numbers = tuple(map(float, values))
    except OverflowError:
        numbers = (math.inf,)
    if all(map(math.isfinite, numbers)):
        return numbers
    raise ProblemError(f"its numbers are {json.dumps(value)[:60]}; they should be finite")


def _has_fraction(value: Any) -> bool:
    return any(isinstance(each, float) for each in (value if isinstance(value, list) else [value]))


def _label(value: Any, *, what: str) -> str:
    if type(value) is int:
        return str(value)
    if isinstance(value, float):
        raise ProblemError(f"{what} is the number {value}, which is no label; write it as a string")
    return _string(value, what=what, allowed="a string, an integer or a list of these")


def _string(value: Any, *, what: str, allowed: str = "a string") -> str:
    if not isinstance(value, str):
        raise ProblemError(f"{what} is {_kind(value)}; it should be {allowed}")
    return value


def _kind(value: Any) -> str:
    return _KINDS[type(value)]

"""Rows of objects: what each key's value says of a text."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from seqpipe.errors import ConfigError
from seqpipe.parts.chunks import OUTSIDE
from seqpipe.parts.readers._collect import Parsed, ProblemError, join_texts, missing
from seqpipe.parts.readers._contract import Span
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


@dataclass(frozen=True, kw_only=True)
class Objects:
    """Makes texts of objects: mappings, lists, strings and numbers, as JSON has them.

    A key with dots, such as "user.text", is looked for inside of objects if there's none of the whole name.

    Args:
        text: The keys of the text.
        label: The key of the label.
        words: The key of a text's words, in the place of `text`.
        tags: The keys of the words' tags, by name.
        spans: The key of the text's spans.
        pair: The key of the second text, where texts come in pairs.
        what: What a key is called in errors: "key" or "column".

    Raises:
        ConfigError: The keys don't go together.
    """

    text: list[str]
    label: str
    words: str | None
    tags: Mapping[str, str]
    spans: str | None
    pair: str | None = None
    what: str = "key"

    def __post_init__(self) -> None:
        if not self.text:
            raise ConfigError('text is an empty list; name at least one, such as "text"')
        if self.label in self.text:
            raise ConfigError(f'the {self.what} "{self.label}" is named as text and as label')
        if self.spans is not None and (self.words is not None or len(self.text) > 1):
            raise ConfigError(
                "`spans` count characters of one text: remove `words`, and name one `text`",
                setting="spans",
            )
        if self.pair is not None and self._has_more:
            raise ConfigError(
                "`pair` names the second text of a pair, which can have neither `words` nor `spans`",
                setting="pair",
            )
        if self.pair is not None and self.pair in (self.label, *self.text):
            raise ConfigError(
                f'the {self.what} "{self.pair}" is named as `pair`, and as something else'
            )
        if self.tags and self.words is None:
            raise ConfigError("`tags` are those of words: name these by `words`", setting="tags")

    @property
    def _has_more(self) -> bool:
        """Whether objects may do without labels."""
        return self.words is not None or self.spans is not None

    @property
    def needed(self) -> list[str]:
        """The keys that every object has to have."""
        texts = self.text if self.words is None else [self.words]
        label = [] if self._has_more else [self.label]
        spans = [] if self.spans is None else [self.spans]
        pair = [] if self.pair is None else [self.pair]
        return [*dict.fromkeys([*texts, *pair, *self.tags.values(), *spans, *label])]

    def find_chunks(self, objects: Callable[[], Iterable[Mapping[str, Any]]]) -> Chunks:
        """Find out which tags say what the spans are.

        Args:
            objects: Returns those that can be read, from the first on at each call.
        """
        return Chunks.of(None, "auto", self.tags, lambda name: [*self._tags_of(name, objects())])

    def parse(self, row: Mapping[str, Any], chunks: Chunks) -> Parsed:
        """Return what an object says.

        Raises:
            ProblemError: A value isn't there, or is something else than it should be.
        """
        parsed = self._parse_words(row, chunks) if self.words else self._parse_text(row)
        others = (self.words, self.spans, *self.tags.values())
        if self._has_more and (self.label in others or _find(row, self.label) in (_ABSENT, None)):
            return parsed
        value = self._value(row, self.label)
        numbers = _numbers(value)
        labels = [] if _has_fraction(value) and numbers else _labels(value, key=self.label)
        pair = self.pair and _string(self._value(row, self.pair), what=f'"{self.pair}"')
        return parsed._replace(labels=labels, numbers=numbers, pair=pair)

    def _tags_of(self, name: str, objects: Iterable[Mapping[str, Any]]) -> Iterator[list[str]]:
        """Yield the tags of each text that can be read."""
        for row in objects:
            try:
                tags = self._tags_in(row, name)
            except ProblemError:
                continue
            yield [tag or OUTSIDE for tag in tags]

    def _value(self, row: Mapping[str, Any], key: str) -> Any:
        found = _find(row, key)
        if found is _ABSENT:
            raise ProblemError(missing(key, row, what=self.what))
        return found

    def _tags_in(self, row: Mapping[str, Any], name: str) -> list[str | None]:
        key = self.tags[name]
        value = self._value(row, key)
        if not isinstance(value, list):
            raise ProblemError(f'"{key}" is {kind_of(value)}; it should be a list')
        return [None if tag is None else _label(tag, what=f'an item of "{key}"') for tag in value]

    def _parse_text(self, row: Mapping[str, Any]) -> Parsed:
        texts = [_string(self._value(row, key), what=f'"{key}"') for key in self.text]
        if self.spans is None:
            return Parsed(join_texts(texts), ())
        return Parsed(texts[0], (), spans=_spans(self._value(row, self.spans), key=self.spans))

    def _parse_words(self, row: Mapping[str, Any], chunks: Chunks) -> Parsed:
        assert self.words is not None
        words = _strings(self._value(row, self.words), key=self.words)
        tags = {name: self._tags_in(row, name) for name in self.tags}
        for name, each in tags.items():
            if len(each) != len(words):
                raise ProblemError(f'it has {len(words)} words and {len(each)} of "{name}"')
        return words_of(words, [True] * len(words), tags, chunks)


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


def _strings(value: Any, *, key: str) -> list[str]:
    if not isinstance(value, list):
        raise ProblemError(f'"{key}" is {kind_of(value)}; it should be a list')
    return [_label(item, what=f'an item of "{key}"') for item in value]


def _spans(value: Any, *, key: str) -> tuple[Span, ...]:
    """Return spans given as ``[start, end, label]``, or as objects with these keys."""
    if not isinstance(value, list):
        raise ProblemError(f'"{key}" is {kind_of(value)}; it should be a list')
    found = []
    for item in value:
        parts: Any = [item.get(name) for name in Span._fields] if isinstance(item, dict) else item
        is_span = isinstance(parts, list) and len(parts) == len(Span._fields)
        if not is_span or [*map(type, parts)] not in ([int, int, str], [int, int, int]):
            raise ProblemError(
                f'an item of "{key}" is {json.dumps(item, ensure_ascii=False, default=str)[:60]}; it should be [start, end, label], '
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
        raise ProblemError(f"{what} is {kind_of(value)}; it should be {allowed}")
    return value


def kind_of(value: Any) -> str:
    """Return what a value is, in the words of JSON."""
    return _KINDS.get(type(value)) or f"of the type {type(value).__name__}"

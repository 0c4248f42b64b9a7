"""Columns of a table or keys of objects: which look like texts, and which like labels."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from seqpipe.errors import DataError
from seqpipe.messages import did_you_mean, listed, nearest, plural, quote

#: Names of columns of texts and of labels, the surest first.
_TEXTS: Final = [
    "text",
    "sentence",
    "review",
    "content",
    "body",
    "tweet",
    "comment",
    "message",
    "document",
    "utterance",
    "query",
    "question",
    "article",
    "abstract",
    "description",
    "sms",
    "headline",
    "summary",
    "title",
    "verse",
    "statement",
]
_LABELS: Final = [
    "label",
    "labels",
    "class",
    "category",
    "target",
    "sentiment",
    "intent",
    "topic",
    "polarity",
    "emotion",
    "tag",
    "tags",
    "genre",
    "rating",
    "stars",
    "score",
    "grade",
    "type",
    "y",
]
_SAMPLES: Final = 3
#: A label has fewer words than this on average.
_MAX_LABEL_WORDS: Final = 6


@dataclass(frozen=True)
class Column:
    """A column of a table, or a key of JSON objects.

    Attributes:
        name: Its name, or its number from 1 if it has none.
        samples: Some of its values.
        rows: How many values were looked at, empty ones too.
        filled: How many aren't empty.
        distinct: How many different ones there are.
        characters: The mean length of a value that isn't empty.
        words: The same in words.
        is_number: Whether nearly all are numbers.
        can_be_text: Whether it may be read as the text.
        can_be_label: Whether it may be read as the label.
    """

    name: str | int
    samples: tuple[str, ...]
    rows: int
    filled: int
    distinct: int
    characters: float
    words: float
    is_number: bool
    can_be_text: bool = True
    can_be_label: bool = True


def describe(
    name: str | int, values: Sequence[str], *, can_be_text: bool = True, can_be_label: bool = True
) -> Column:
    """Return what's known of a column by its values."""
    filled = [value for value in values if value.strip()]
    different = dict.fromkeys(filled)
    numbers = sum(map(_is_number, filled))
    return Column(
        name,
        tuple(different)[:_SAMPLES],
        rows=len(values),
        filled=len(filled),
        distinct=len(different),
        characters=statistics.fmean(map(len, filled)) if filled else 0.0,
        words=statistics.fmean(len(value.split()) for value in filled) if filled else 0.0,
        is_number=numbers > 0.9 * len(filled),
        can_be_text=can_be_text,
        can_be_label=can_be_label,
    )


def choose_text(columns: Sequence[Column], wished: str | None) -> tuple[Column, str] | None:
    """Return the column that looks like the text, and why.

    Args:
        columns: All columns.
        wished: The name or number of the one that was asked for.

    Raises:
        DataError: The one asked for isn't there.
    """
    if wished is not None:
        return _wished(columns, wished), "as told"
    found = [each for each in columns if each.can_be_text and each.filled and not each.is_number]
    if not found:
        return None
    named = _by_name(found, _TEXTS)
    if named is None:
        in_part = [each for _, each in _in_part(found, _TEXTS) if not _plain(each).endswith("id")]
        named = max(in_part, key=lambda each: each.characters, default=None)
    # A column that's called "comment" may be empty in most rows.
    if named is not None and named.filled > named.rows / 2:
        return named, f"by its name; {plural(round(named.words), 'word')} on average"
    longest = max(found, key=lambda each: (each.characters * each.filled, each.distinct))
    return longest, f"the longest values: {plural(round(longest.words), 'word')} on average"


def choose_label(
    columns: Sequence[Column], text: Column | None, wished: str | None
) -> tuple[Column, str] | None:
    """Return the column that looks like the label, and why.

    Args:
        columns: All columns.
        text: The one of the text.
        wished: The name or number of the one that was asked for.

    Raises:
        DataError: The one asked for isn't there.
    """
    if wished is not None:
        return _wished(columns, wished), "as told"
    others = [each for each in columns if each is not text and each.can_be_label and each.filled]
    in_part = dict(reversed(_in_part(others, _LABELS)))
    surest = next((in_part[name] for name in _LABELS if name in in_part), None)
    if named := _by_name(others, _LABELS) or surest:
        return named, f"by its name; {_values(named)}"
    likely = [
        each
        for each in others
        if 1 < each.distinct <= each.filled / 2
        and each.words < _MAX_LABEL_WORDS
        and each.filled > each.rows / 2
    ]
    if likely:
        fewest = min(likely, key=lambda each: each.distinct)
        return fewest, f"few values, again and again: {_values(fewest)}"
    # Not numbers of rows, which are all different.
    if len(others) == 1 and others[0].words < _MAX_LABEL_WORDS and not others[0].is_number:
        return others[0], f"the only other column; {_values(others[0])}"
    return None


def _values(column: Column) -> str:
    return f"{plural(column.distinct, 'different value')} in {plural(column.rows, 'row')}"


def is_known_name(name: str) -> bool:
    """Return whether columns of texts or labels are often called so."""
    return name.strip().lower() in (*_TEXTS, *_LABELS)


def _by_name(columns: Sequence[Column], names: Iterable[str]) -> Column | None:
    plain = {_plain(each): each for each in reversed(columns)}
    return next((plain[name] for name in names if name in plain), None)


def _in_part(columns: Sequence[Column], names: Iterable[str]) -> list[tuple[str, Column]]:
    """Return the columns whose names have one of the names as a part, such as "review_body", each with that part."""
    return [
        (part, column)
        for column in columns
        # Not those that number or name the rows.
        if column.words > 1 or column.distinct < column.filled
        for part in _plain(column).replace("-", "_").split("_")
        if part in names
    ]


def _plain(column: Column) -> str:
    return str(column.name).rpartition(".")[2].strip().lower()


def _wished(columns: Sequence[Column], wished: str) -> Column:
    for number, column in enumerate(columns, start=1):
        if wished in (str(column.name), str(number)):
            return column
    names = [str(column.name) for column in columns]
    hint = did_you_mean(nearest(wished, names))
    raise DataError(
        f"there's no column {quote(wished)}, only: {listed(names)}{f'; {hint}' if hint else ''}"
    )


def _is_number(value: str) -> bool:
    try:
        float(value.replace(",", "."))
    except ValueError:
        return False
    return True

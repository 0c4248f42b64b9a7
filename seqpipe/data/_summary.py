"""What rows have: labels with their counts, lengths, and what's wrong with those that can't be used."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from seqpipe.parts.readers import BadRow, Row

_QUARTERS: Final = (0, 25, 50, 75, 100)
#: Whatever is particular to one row in a problem: quoted pieces, and numbers.
_PARTICULAR: Final = re.compile(r"'[^']*'|\"[^\"]*\"|\d+")


@dataclass(frozen=True)
class Lengths:
    """Lengths of texts.

    Attributes:
        quartiles: The least, the three quartiles and the greatest.
        longest: The place of the longest text.
    """

    quartiles: tuple[int, ...]
    longest: str


@dataclass(frozen=True)
class Problem:
    """What's wrong with some rows.

    Attributes:
        text: What's wrong with the first of them.
        places: Where they stand.
    """

    text: str
    places: tuple[str, ...]


@dataclass(frozen=True)
class Summary:
    """What the rows of a part have.

    Attributes:
        rows: How many can be used.
        labels: How many rows have each label.
        several: How many rows have several labels.
        marks: How often each value occurs among the tags of words, and each label among the spans, by their name.
        numbers: The least, mean and greatest number, if the rows have numbers.
        characters: Lengths in characters.
        words: Lengths in words: those of the data, or what white space separates.
        problems: Rows that can't be used, the most frequent problem first.
    """

    rows: int
    labels: Mapping[str, int]
    several: int
    marks: Mapping[str, Mapping[str, int]]
    numbers: tuple[float, float, float] | None
    characters: Lengths
    words: Lengths
    problems: tuple[Problem, ...] = field(default=())


def summarise(rows: Sequence[Row], skipped: Iterable[BadRow] = ()) -> Summary:
    """Count what rows have.

    Args:
        rows: At least one.
        skipped: Those that can't be used.
    """
    labels = Counter(label for row in rows for label in row.labels)
    numbers = [number for row in rows for number in row.numbers]
    return Summary(
        rows=len(rows),
        labels=dict(labels.most_common()),
        several=sum(len(row.labels) > 1 for row in rows),
        marks=_marks(rows),
        numbers=(min(numbers), sum(numbers) / len(numbers), max(numbers)) if numbers else None,
        characters=_lengths(rows, [len(row.text) for row in rows]),
        words=_lengths(rows, [_count_words(row) for row in rows]),
        problems=_problems(skipped),
    )


def _count_words(row: Row) -> int:
    return len(row.text.split()) if row.words is None else len(row.words)


def _marks(rows: Iterable[Row]) -> dict[str, dict[str, int]]:
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for name, tags in row.tags.items():
            counts[name].update(tag for tag in tags if tag is not None)
        if row.spans:
            counts["spans"].update(span.label for span in row.spans)
    return {name: dict(found.most_common()) for name, found in counts.items() if found}


def _lengths(rows: Sequence[Row], lengths: Sequence[int]) -> Lengths:
    quartiles = np.percentile(lengths, _QUARTERS, method="nearest")
    longest = int(np.argmax(lengths))
    return Lengths(tuple(int(each) for each in quartiles), rows[longest].source)


def _problems(skipped: Iterable[BadRow]) -> tuple[Problem, ...]:
    """Return the problems with the rows that have them; those that differ in names and numbers only are one."""
    alike: defaultdict[str, list[BadRow]] = defaultdict(list)
    for bad in skipped:
        alike[_PARTICULAR.sub("", bad.problem)].append(bad)
    found = [Problem(each[0].problem, tuple(bad.source for bad in each)) for each in alike.values()]
    return tuple(sorted(found, key=lambda problem: -len(problem.places)))

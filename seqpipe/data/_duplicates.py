"""Texts, or pairs of texts, that are there twice: within a part, and in a part that others are tested on."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqpipe.parts.readers import Row, text_key


@dataclass(frozen=True)
class Duplicate:
    """Rows of one text.

    Attributes:
        rows: The rows, in their order.
        disagrees: Whether they're labelled differently.
    """

    rows: tuple[Row, ...]
    disagrees: bool


@dataclass(frozen=True)
class Leak:
    """Texts of one part that are in another one too.

    Attributes:
        part: The part, such as "test".
        other: The other one, such as "train".
        pairs: The rows of the part, each with the first of the same text in the other.
        share: The share of the part's rows.
    """

    part: str
    other: str
    pairs: tuple[tuple[Row, Row], ...]
    share: float


def folded_key(row: Row) -> str:
    """Return what's the same of rows with the same text except for case and white space; of a pair, both in any order."""
    return text_key(row.text.casefold(), None if row.pair is None else row.pair.casefold())


def find_duplicates(rows: Iterable[Row]) -> list[Duplicate]:
    """Return the texts that several rows have, except for case and white space.

    Those whose rows are labelled differently come first, then those with most rows.
    """
    by_text: defaultdict[bytes, list[Row]] = defaultdict(list)
    for row in rows:
        by_text[_key(row)].append(row)
    found = [
        Duplicate(tuple(same), disagrees=len({*map(_labelling, same)}) > 1)
        for same in by_text.values()
        if len(same) > 1
    ]
    return sorted(found, key=lambda each: (not each.disagrees, -len(each.rows)))


def find_leaks(parts: Mapping[str, Sequence[Row]]) -> list[Leak]:
    """Return the texts of test and dev that are in train, and those of test that are in dev.

    Args:
        parts: The rows by part; rows of the whole, "data", are taken for those of train.
    """
    named = {("train" if name == "data" else name): rows for name, rows in parts.items()}
    found = []
    for part, other in (("test", "train"), ("dev", "train"), ("test", "dev")):
        if part in named and other in named:
            first = {_key(row): row for row in reversed(named[other])}
            pairs = tuple((row, first[key]) for row in named[part] if (key := _key(row)) in first)
            found.append(Leak(part, other, pairs, len(pairs) / len(named[part])))
    return found


def _key(row: Row) -> bytes:
    # A digest: millions of texts are kept already.
    return hashlib.blake2b(folded_key(row).encode(), digest_size=16).digest()


def _labelling(row: Row) -> Any:
    tags = tuple(sorted((name, values) for name, values in row.tags.items()))
    return (tuple(sorted(row.labels)), repr(tags), row.spans, row.numbers)

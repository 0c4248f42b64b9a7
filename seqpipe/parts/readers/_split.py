"""Splitting rows into parts by class, the same way every time.

A text that's there twice (after its white space is made the same) goes to one part as a whole: a
*group*. Classes are dealt with from the rarest to the most frequent; each of a class's groups goes to
the part that lacks most of its share of the class. A row of several labels, and a group whose
rows disagree, is so dealt with under the rarest of its labels, and counts for all: the iterative
stratification of Sechidis, Tsoumakas and Vlahavas (2011), without its re-counting.

With one label per row, the share of each class in each part differs from the share wanted by less
than the rows of the class's largest group; only if a class is so small that a part would be left
without it, that part gets a group all the same. Where each row has one label, a class that's missing from a part is an
error; where rows have several, some labels nearly always are too rare to be in all parts.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers._contract import Row

#: The part of the rows that are left over where fractions add up to less than 1.
_REST: Final = ""
#: The class of rows that have none.
_ANY: Final = "\0any"
_ROUNDING: Final = 1e-9
#: So many parts are named one by one.
_SHOWN: Final = 3


@dataclass(frozen=True)
class _Group:
    """Rows of one text, and how many of them have each label."""

    rows: tuple[Row, ...]

    @cached_property
    def counts(self) -> Counter[str]:
        return Counter(label for row in self.rows for label in row.labels)


class _Shares:
    """How many rows of each label each part has, and how many it should have."""

    def __init__(self, fractions: Mapping[str, float], totals: Counter[str]) -> None:
        self._fractions = fractions
        self._totals = totals
        self._total = totals.total()
        self._had: dict[str, Counter[str]] = {part: Counter() for part in fractions}
        self._had_in_all: Counter[str] = Counter()

    def add(self, part: str, group: _Group) -> None:
        """Count a group for a part."""
        self._had[part].update(group.counts)
        self._had_in_all[part] += group.counts.total()

    def without(self, label: str) -> list[str]:
        """Return the parts, but the rest, that have no row of a label."""
        return [part for part, had in self._had.items() if part != _REST and not had[label]]

    def neediest(self, label: str, *, among: Sequence[str] = ()) -> str:
        """Return the part that lacks most rows of a label; of equals, most rows at all.

        Among all parts, if none are named.
        """
        parts = among or list(self._fractions)
        return max(parts, key=lambda part: (self._lack(part, label), self._lack_of_all(part), part))

    def _lack(self, part: str, label: str) -> float:
        return self._fractions[part] * self._totals[label] - self._had[part][label]

    def _lack_of_all(self, part: str) -> float:
        return self._fractions[part] * self._total - self._had_in_all[part]


def split_rows(
    rows: Iterable[Row],
    fractions: Mapping[str, float],
    *,
    seed: int,
    strata: Callable[[Row], Sequence[str]] | None = None,
) -> dict[str, list[Row]]:
    """Split rows into parts with the same share of every class, duplicates kept together.

    The outcome depends on the rows, the fractions and the seed; not on the order of the rows, nor
    on the platform. The rows of a part stand in an order drawn from the seed.

    Args:
        rows: What to split; each row has at least one label.
        fractions: The share of each part, above 0. They add up to 1 at most; if to less, the
            rows left over are in no part.
        seed: Draws the split.
        strata: Gives the classes that each part has its share of, if they aren't the rows' labels; none for a row
            that may fall to any part.

    Raises:
        ConfigError: The fractions can't be used.
        DataError: A class has too few different texts to be in every part, where each row has one label; a row has no
            label, or there are no rows.
    """
    _check_fractions(fractions)
    if strata is not None:
        return _split_by(list(rows), fractions, seed, strata)
    groups = _groups(rows, seed)
    totals = Counter(label for group in groups for row in group.rows for label in row.labels)
    shares = _Shares(_with_rest(fractions), totals)
    parts = _deal(groups, shares)
    if all(len(row.labels) == 1 for group in groups for row in group.rows):
        _check_classes(groups, shares, list(fractions))
    return {
        part: [
            row
            for group, its_part in zip(groups, parts, strict=True)
            if its_part == part
            for row in group.rows
        ]
        for part in fractions
    }


def split_folds(
    rows: Sequence[Row],
    count: int,
    *,
    seed: int,
    strata: Callable[[Row], Sequence[str]] | None = None,
) -> list[list[Row]]:
    """Cut rows into folds for cross-validation, stratified as by `split_rows`: each row is in one of them.

    Args:
        rows: What to cut; each row has at least one label.
        count: How many folds, at least 2.
        seed: Draws the folds.
        strata: As `split_rows` has it.

    Raises:
        DataError: There are fewer different texts, of all rows or of a class, than folds; or a row has no label.
    """
    texts = len({text_key(row.text, row.pair) for row in rows})
    if texts < count:
        raise DataError(f"the data has {texts} different texts, too few for {count} folds")
    shares = {f"fold-{index}": 1 / count for index in range(count)}
    return list(split_rows(rows, shares, seed=seed, strata=strata).values())


def _split_by(
    rows: Sequence[Row],
    fractions: Mapping[str, float],
    seed: int,
    strata: Callable[[Row], Sequence[str]],
) -> dict[str, list[Row]]:
    """Split rows by other classes than their labels."""
    by_stand_in: defaultdict[Row, list[Row]] = defaultdict(list)
    for row in rows:
        by_stand_in[replace(row, labels=tuple(strata(row)) or (_ANY,))].append(row)
    stand_ins = [each for each, standing in by_stand_in.items() for _ in standing]
    parts = split_rows(stand_ins, fractions, seed=seed)
    return {name: [by_stand_in[each].pop() for each in part] for name, part in parts.items()}


def _deal(groups: Sequence[_Group], shares: _Shares) -> list[str]:
    """Return the part of each group."""
    parts: dict[int, str] = {}
    for label, members in _by_rarity(groups):
        left = [index for index in members if index not in parts]
        for done, index in enumerate(left):
            lacking = shares.without(label)
            # Only so many groups left as there are parts without any: one for each of those.
            must = len(left) - done <= len(lacking)
            part = shares.neediest(label, among=lacking if must else ())
            shares.add(part, groups[index])
            parts[index] = part
    return [parts[index] for index in range(len(groups))]


def _by_rarity(groups: Sequence[_Group]) -> list[tuple[str, list[int]]]:
    """Return each label with the places of the groups that have it, the rarest label first."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        for label in group.counts:
            places[label].append(index)
    return sorted(places.items(), key=lambda item: (len(item[1]), item[0]))


def _groups(rows: Iterable[Row], seed: int) -> list[_Group]:
    """Return the rows by text, in an order drawn from the seed."""
    by_text: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if not row.labels:
            raise DataError(f"{row.source} has no label, so it can't be split by class")
        by_text[text_key(row.text, row.pair)].append(row)
    if not by_text:
        raise DataError("there are no rows to split")
    # Order by hash and not by `random`: no Python promises that its shuffle stays as it is, and a
    # row added later leaves the order of the others alone.
    texts = sorted(by_text, key=lambda text: _draw(text, seed))
    return [_Group(tuple(sorted(by_text[text], key=_row_key))) for text in texts]


def text_key(text: str, pair: str | None = None) -> str:
    """Return what's the same of rows that belong to the same part: a text but for white space, of a pair both in any order."""
    texts = [" ".join(each.split()) for each in (text, pair) if each is not None]
    return "\n".join(sorted(texts))


def _draw(text: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed} {text}".encode("utf-8", "surrogatepass")).digest()


def _row_key(row: Row) -> tuple[str, str, tuple[str, ...], str]:
    return row.text, row.pair or "", row.labels, row.source


def _with_rest(fractions: Mapping[str, float]) -> dict[str, float]:
    rest = 1 - sum(fractions.values())
    return {**fractions, _REST: rest} if rest > _ROUNDING else dict(fractions)


def _check_fractions(fractions: Mapping[str, float]) -> None:
    if not fractions:
        raise ConfigError('the split names no parts; write such as {"train": 0.8, "test": 0.2}')
    for part, fraction in fractions.items():
        number = isinstance(fraction, (int, float)) and not isinstance(fraction, bool)
        if not number or not fraction > 0:
            raise ConfigError(f'the share of "{part}" is {fraction!r}; it should be above 0')
        if part == _REST:
            raise ConfigError("a part of the split has an empty name; give it one")
    total = sum(fractions.values())
    if total > 1 + _ROUNDING:
        raise ConfigError(f"the shares of the split add up to {total:g}; they may reach 1 at most")


def _check_classes(groups: Sequence[_Group], shares: _Shares, parts: Sequence[str]) -> None:
    for label, places in _by_rarity(groups):
        if label == _ANY:
            continue
        without = shares.without(label)
        if not without:
            continue
        source = groups[places[0]].rows[0].source
        why, also = f'and none of them fell to "{without[0]}"', " or by another seed"
        if len(places) < len(parts):
            names = ", ".join(parts) if len(parts) <= _SHOWN else f"{parts[0]} to {parts[-1]}"
            why, also = f"too few for the {len(parts)} parts {names}", ""
        texts = "1 text" if len(places) == 1 else f"{len(places)} different texts"
        raise DataError(
            f'the class "{label}" has {texts} (such as {source}), {why}; add rows of this class, '
            f"leave it out, or split into fewer parts{also}"
        )

"""Pairs of neighbours in a file of numbers: counted, scored, and put together."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

#: How many numbers are read at once.
_AT_ONCE: Final = 1 << 20
_BYTES: Final = 4
#: How many distinct pairs are counted at once: they take 160 MB.
_MOST_PAIRS: Final = 10_000_000


@dataclass(frozen=True)
class Bar:
    """Which pairs are good enough.

    Attributes:
        threshold: What the score must be above, more than 0.
        discount: What's taken off the count of a pair in its score.
        least: How often a pair must occur.
    """

    threshold: float
    discount: int
    least: int

    def scores(
        self,
        pairs: NDArray[np.int64],
        first: NDArray[np.int64],
        second: NDArray[np.int64],
        words: int,
    ) -> NDArray[np.float64]:
        """Return (count(ab) - discount) / (count(a) · count(b)) · N, from the counts of pairs and of both of their words."""
        scores: NDArray[np.float64] = (pairs - self.discount) / first / second * words
        return scores

    def passed(self, pairs: NDArray[np.int64], scores: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which pairs are good enough, by their counts and scores."""
        passed: NDArray[np.bool_] = (scores > self.threshold) & (pairs >= self.least)
        return passed


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs that are good enough, best first; equal ones by their numbers, `[P]` each."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    counts: NDArray[np.int64]
    scores: NDArray[np.float64]


def count_words(file: IO[bytes], distinct: int) -> NDArray[np.int64]:
    """Return how often each number occurs in the file, `[distinct]`."""
    counts = np.zeros(distinct, dtype=np.int64)
    for values in read_blocks(file):
        counts += np.bincount(values[values >= 0], minlength=distinct)
    return counts


def find_pairs(file: IO[bytes], words: NDArray[np.int64], bar: Bar) -> Pairs:
    """Return the pairs of neighbours that are good enough.

    Pairs that couldn't be so even if they occurred as often as their words allow aren't counted at all, which loses
    nothing. If there are still more than 10 million distinct ones, the rarest are forgotten as word2phrase does, by
    the order of the file alone.

    Args:
        file: Numbers of words, int32; negative ones end sequences.
        words: How often each occurs, `[V]`.
        bar: What's good enough.
    """
    total = int(words.sum())
    counted = _Counts()
    for first, second in _neighbours(file):
        least = np.minimum(words[first], words[second])
        most = bar.scores(least, words[first], words[second], total)
        hopeful = bar.passed(least, most)
        counted.add(first[hopeful] * len(words) + second[hopeful])
    keys, counts = counted.finish()
    first, second = np.divmod(keys, max(1, len(words)))
    scores = bar.scores(counts, words[first], words[second], total)
    chosen = np.flatnonzero(bar.passed(counts, scores))
    # Keys are in ascending order, and the sorting is stable.
    chosen = chosen[np.argsort(-scores[chosen], kind="stable")]
    return Pairs(first[chosen], second[chosen], counts[chosen], scores[chosen])


def join_pairs(file: IO[bytes], pairs: Pairs, joined: NDArray[np.int32], distinct: int) -> None:
    """Write one number in the place of each of the pairs, from left to right; a number is in one pair at most.

    Args:
        file: The numbers, which are rewritten.
        pairs: What to put together.
        joined: The number of each pair, `[P]`.
        distinct: Numbers in the file are below this.
    """
    keys = pairs.first * distinct + pairs.second
    order = np.argsort(keys)
    keys, joined = keys[order], joined[order]
    place = size = 0
    while len(values := _read(file, place)):
        found, is_pair = _found(values, keys, distinct)
        read = len(values) if len(values) < _AT_ONCE else _cut(is_pair)
        place += read
        values, found, is_pair = values[:read].copy(), found[: read - 1], is_pair[: read - 1]
        taken = np.flatnonzero(_alternate(is_pair))
        values[taken] = joined[found[taken]]
        kept = np.ones(read, dtype=np.bool_)
        kept[taken + 1] = False
        # It's never behind what's read next.
        file.seek(size * _BYTES)
        file.write(values[kept].tobytes())
        size += int(kept.sum())
    file.truncate(size * _BYTES)


def _found(
    values: NDArray[np.int32], keys: NDArray[np.int64], distinct: int
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return for each number and the next which key they have, and whether they have one."""
    first, second = values[:-1].astype(np.int64), values[1:].astype(np.int64)
    wanted = np.where((first >= 0) & (second >= 0), first * distinct + second, -1)
    found = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return found, keys[found] == wanted


def _cut(is_pair: NDArray[np.bool_]) -> int:
    """Return how many numbers can be looked at without those behind them."""
    others = np.flatnonzero(~is_pair)
    return int(others[-1]) + 1 if len(others) else len(is_pair) + 1 - (len(is_pair) + 1) % 2


def _alternate(is_pair: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return every second one of each unbroken run, from its first on."""
    places = np.arange(len(is_pair))
    begins = is_pair.copy()
    begins[1:] &= ~is_pair[:-1]
    begin = np.maximum.accumulate(np.where(begins, places, 0))
    alternate: NDArray[np.bool_] = is_pair & ((places - begin) % 2 == 0)
    return alternate


class _Counts:
    """Counts of keys, of which the rarest are forgotten when there are too many."""

    def __init__(self) -> None:
        self._keys = np.zeros(0, dtype=np.int64)
        self._counts = np.zeros(0, dtype=np.int64)
        self._new: list[NDArray[np.int64]] = []
        self._waiting = self._forgotten = 0

    def add(self, keys: NDArray[np.int64]) -> None:
        self._new.append(keys)
        self._waiting += len(keys)
        if self._waiting >= max(_AT_ONCE, len(self._keys)):
            self._merge()

    def finish(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the distinct keys, ascending, and how often each was added."""
        self._merge()
        return self._keys, self._counts

    def _merge(self) -> None:
        new, more = np.unique(np.concatenate([self._keys[:0], *self._new]), return_counts=True)
        self._new, self._waiting = [], 0
        keys, places = np.unique(np.concatenate([self._keys, new]), return_inverse=True)
        counts = np.zeros(len(keys), dtype=np.int64)
        counts[places[: len(self._keys)]] = self._counts
        counts[places[len(self._keys) :]] += more
        while len(keys) > _MOST_PAIRS:
            self._forgotten += 1
            keys, counts = keys[counts > self._forgotten], counts[counts > self._forgotten]
        self._keys, self._counts = keys, counts


def _neighbours(file: IO[bytes]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the first and the second numbers of all pairs, block by block."""
    last = np.zeros(0, dtype=np.int32)
    for values in read_blocks(file):
        numbers = np.concatenate([last, values]).astype(np.int64)
        last = values[-1:]
        within = (numbers[:-1] >= 0) & (numbers[1:] >= 0)
        yield numbers[:-1][within], numbers[1:][within]


def read_blocks(file: IO[bytes]) -> Iterator[NDArray[np.int32]]:
    """Yield the numbers of a file, many at a time; it may be written meanwhile before where it's read."""
    place = 0
    while len(values := _read(file, place)):
        place += len(values)
        yield values


def _read(file: IO[bytes], place: int) -> NDArray[np.int32]:
    file.seek(place * _BYTES)
    return np.frombuffer(file.read(_AT_ONCE * _BYTES), dtype=np.int32)

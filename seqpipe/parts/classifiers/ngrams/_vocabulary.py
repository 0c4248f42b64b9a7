"""Which n-grams a model knows, and how often they occur in texts."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.native import KnownNgrams, WeighedNgrams, can_weigh_ngrams, weigh_ngrams
from seqpipe.parts.classifiers.ngrams._sparse import Sparse, below, beside, count_pairs

Texts = Sequence[Sequence[str]]

#: The n-grams of characters of so many words are counted at once; a word has some 20.
_WORDS_AT_ONCE: Final = 300_000
_UNKNOWN: Final = -1
#: How many characters there may be.
_CHARACTERS: Final = sys.maxunicode + 1
#: What's found out about words is kept as long as there are no more of them, and no more characters and n-grams in them:
#: some 25 MB.
_MOST_MET: Final = 50_000
_MOST_CHARACTERS: Final = 4_000_000
#: Stands before the first word and after the last one; no word is empty.
_MARK: Final = ""


@dataclass
class Vocabulary:
    """The n-grams that occur in enough texts; each has a column.

    Nothing is hashed. An n-gram of words is a pair: the (n-1)-gram that it begins with, and its last word.

    Attributes:
        lower: Whether words are lower-cased.
        min_n: The fewest characters of an n-gram within a word, the marks of its ends included.
        max_n: The most; 0 for none.
        text_ends: Whether n-grams of words see where a text begins and ends.
        words: The known words and their numbers.
        longer: For each n from 2, as long as there are any, the known n-grams of words, ascending. Each is the number
            of the (n-1)-gram that it begins with, times the number of words, plus the number of its last word.
        characters: The known n-grams of characters and their columns.
    """

    lower: bool
    min_n: int
    max_n: int
    text_ends: bool
    words: dict[str, int] = field(default_factory=dict)
    longer: list[NDArray[np.int64]] = field(default_factory=list)
    characters: dict[str, int] = field(default_factory=dict)
    _met: "_Met | None" = field(default=None, repr=False, compare=False)
    _tree: "_Tree | None" = field(default=None, repr=False, compare=False)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_met": None, "_tree": None}

    def learn(self, texts: Texts, *, longest: int, min_count: int) -> list[Sparse]:
        """Learn the n-grams of texts and return how often each occurs in each text, as `count` does.

        Args:
            texts: The words of each text.
            longest: The most words of an n-gram.
            min_count: In how many texts an n-gram must occur.
        """
        self._met = self._tree = None
        every = _Numbers()
        rows, numbers = _number(self._marked(texts, lower=self.lower), every)
        kept = _in_enough(rows, numbers, len(every), min_count)
        self.words = _renumber(every, kept)
        known = (np.where(kept, np.cumsum(kept) - 1, _UNKNOWN))[numbers]
        self.longer = []
        at = known
        for n in range(2, longest + 1):
            keys = self._extend(rows, at, known, n)
            there = keys >= 0
            found, place = np.unique(keys[there], return_inverse=True)
            found = found[_in_enough(rows[there], place, len(found), min_count)]
            if not len(found):
                break
            self.longer.append(found)
            at = _places(keys, found)
        counts = [self._count_words(rows, known, len(texts))]
        if self.max_n:
            self.characters = {}
            parts = self._split(list(every), self.characters)
            found_in = _multiply(rows, numbers, parts, len(texts), len(self.characters))
            kept = found_in.column_counts() >= min_count
            self.characters = _renumber(self.characters, kept)
            counts.append(found_in.keep_columns(kept))
        return counts

    def count(self, texts: Texts) -> list[Sparse]:
        """Return how often each n-gram occurs in each text.

        Returns:
            A matrix `[texts, n-grams]` of the n-grams of words, and one of those of characters if they're counted.
        """
        rows, numbers, met = self._meet(texts)
        counts = [self._count_words(rows, met.known[numbers], len(texts))]
        if self.max_n:
            counts.append(_multiply(rows, numbers, met.parts, len(texts), len(self.characters)))
        return counts

    def weigh(
        self, texts: Texts, *, rarity: NDArray[np.float32], logarithmic: bool
    ) -> WeighedNgrams | None:
        """Do what `count` does and weigh the counts, all in one pass; see `weigh_ngrams`. None if there's no compiler."""
        # Before anything is looked up, which `count` would do once more.
        if not can_weigh_ngrams():
            return None
        rows, numbers, met = self._meet(texts, with_first=True)
        # Without n-grams of characters, words have no parts.
        starts = met.parts.starts if self.max_n else np.zeros(len(met.known) + 1, dtype=np.int64)
        known = KnownNgrams(
            len(self.words), self.longer, met.first or (), met.known, starts, met.parts.columns
        )
        ends = np.searchsorted(rows, np.arange(len(texts) + 1))
        return weigh_ngrams(known, numbers, ends, rarity=rarity, logarithmic=logarithmic)

    def _meet(
        self, texts: Texts, *, with_first: bool = False
    ) -> "tuple[NDArray[np.int32], NDArray[np.int64], _Met]":
        """Return the text and the number of each word, and what's known of the words, which is kept if it isn't too much.

        Args:
            texts: The words of each text.
            with_first: Whether `_Met.first` is needed.
        """
        # Taken away meanwhile: another thread begins anew, and so does the next call if this one fails.
        met = self.__dict__.pop("_met", None) or _Met()
        rows, numbers = _number(self._marked(texts, lower=False), met.numbers)
        met = self._look_up(met)
        if with_first and met.first is None:
            met = replace(met, first=self._first())
        self._met = met if met.is_small() else None
        return rows, numbers, met

    def _first(self) -> tuple[NDArray[np.int64], ...]:
        """Return for each length from 2 on where the n-grams begin that go on from each shorter one, and the end."""
        sizes = [len(self.words), *map(len, self.longer)]
        return tuple(
            np.searchsorted(keys, np.arange(size + 1) * len(self.words))
            for keys, size in zip(self.longer, sizes, strict=False)
        )

    def keep(self, kept: Sequence[NDArray[np.bool_]]) -> None:
        """Forget all n-grams but some.

        Words and beginnings of n-grams that are kept have to be kept too; of an n-gram's beginnings none occurs in fewer
        texts than itself.
        """
        self._met = self._tree = None
        of_words, *of_characters = kept
        order = np.split(of_words, np.cumsum([len(self.words), *map(len, self.longer)])[:-1])
        longer = []
        shorter, size = order[0], int(order[0].sum())
        for keys, chosen in zip(self.longer, order[1:], strict=True):
            begins, last = np.divmod(keys[chosen], len(self.words))
            places = np.cumsum(shorter) - 1
            longer.append(places[begins] * size + (np.cumsum(order[0]) - 1)[last])
            shorter = chosen
        self.words, self.longer = _renumber(self.words, order[0]), longer
        for chosen in of_characters:
            self.characters = _renumber(self.characters, chosen)

    def is_empty(self) -> bool:
        """Say whether it knows no n-gram but the marks of texts' ends."""
        return not (self.words.keys() - {_MARK} or self.characters)

    def is_whole(self) -> bool:
        """Say whether its parts fit each other, as those of one that was read may not."""
        shorter = len(self.words)
        for keys in self.longer:
            if keys.dtype != np.int64 or keys.ndim != 1:
                return False
            if len(keys) and not 0 <= keys[0] <= keys[-1] < shorter * len(self.words):
                return False
            if (keys[1:] <= keys[:-1]).any():
                return False
            shorter = len(keys)
        lengths_fit = self.max_n == 0 or 1 <= self.min_n <= self.max_n
        return lengths_fit and (self.max_n > 0 or not self.characters)

    def _look_up(self, met: "_Met") -> "_Met":
        """Return what's known of the words that were met, those included that have only a number yet."""
        new = list(islice(met.numbers, len(met.known), None))
        if not new:
            return met
        new = [word.lower() for word in new] if self.lower else new
        known = np.array([self.words.get(word, _UNKNOWN) for word in new], dtype=np.int64)
        parts = self._parts_of(new) if self.max_n else _NO_PARTS
        return _Met(
            met.numbers,
            np.concatenate([met.known, known]),
            met.parts.and_then(parts),
            met.characters + sum(map(len, new)),
            met.first,
        )

    def _marked(self, texts: Texts, *, lower: bool) -> Texts:
        """Return texts with the marks of their ends, if n-grams see those."""
        if lower:
            texts = [[word.lower() for word in text] for text in texts]
        return (
            [(_MARK, *text, _MARK) if text else () for text in texts] if self.text_ends else texts
        )

    def _extend(
        self, rows: NDArray[np.int32], at: NDArray[np.int64], words: NDArray[np.int64], n: int
    ) -> NDArray[np.int64]:
        """Return the n-gram that begins at each word, known or not; -1 where none does.

        Args:
            rows: The text of each word.
            at: The number of the (n-1)-gram that begins at each word.
            words: The number of each word.
            n: How many words the n-gram has.
        """
        keys = np.full(len(at), _UNKNOWN, dtype=np.int64)
        count = len(at) - n + 1
        if count > 0:
            begins, last = at[:count], words[n - 1 :]
            there = (rows[:count] == rows[n - 1 :]) & (begins >= 0) & (last >= 0)
            keys[:count][there] = begins[there] * len(self.words) + last[there]
        return keys

    def _count_words(self, rows: NDArray[np.int32], words: NDArray[np.int64], texts: int) -> Sparse:
        at, size = words, len(self.words)
        counts = [_count_known(rows, at, (texts, size))]
        for n, known in enumerate(self.longer, start=2):
            at = _places(self._extend(rows, at, words, n), known)
            counts.append(_count_known(rows, at, (texts, len(known))))
        return beside(counts)

    def _split(self, words: Sequence[str], learnt: dict[str, int]) -> "_Parts":
        """Return the n-grams of characters of each word; those that aren't known yet are added to `learnt`."""
        columns: list[int] = []
        lengths = []
        for word in words:
            before = len(columns)
            for part in _ngrams_within(word, self.min_n, self.max_n):
                columns.append(learnt.setdefault(part, len(learnt)))
            lengths.append(len(columns) - before)
        return _Parts(np.array(columns, dtype=np.int32), np.array(lengths, dtype=np.int64))

    def _parts_of(self, words: Sequence[str]) -> "_Parts":
        """Return the known n-grams of characters of each word."""
        if self._tree is None:
            self._tree = _Tree.of(self.characters, self.min_n, self.max_n)
        return self._tree.find(words)


class _Numbers(dict[str, int]):
    """Numbers of words: one that's asked for the first time gets the next."""

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number


def _number(texts: Texts, numbers: _Numbers) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the text and the number of each word."""
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    # Without a line of Python for each word.
    found = map(numbers.__getitem__, chain.from_iterable(texts))
    rows = np.repeat(np.arange(len(texts), dtype=np.int32), lengths)
    return rows, np.fromiter(found, dtype=np.int64, count=len(rows))


@dataclass(frozen=True)
class _Parts:
    """The columns of the n-grams of characters of each word, one word's after another's."""

    columns: NDArray[np.int32]
    lengths: NDArray[np.int64]

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where each word's columns begin, and the end: `[words + 1]`."""
        return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(self.lengths)])

    def of(self, words: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the columns of words one after another."""
        lengths = self.lengths[words]
        ends = np.cumsum(lengths)
        starts = self.starts[words]
        within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)
        columns: NDArray[np.int32] = self.columns[np.repeat(starts, lengths) + within]
        return columns

    def and_then(self, others: "_Parts") -> "_Parts":
        """Return those of more words after these."""
        columns = np.concatenate([self.columns, others.columns])
        return _Parts(columns, np.concatenate([self.lengths, others.lengths]))


_NO_PARTS: Final = _Parts(np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class _Tree:
    """The known n-grams of characters, each a pair as those of words are: what it begins with, and its last character.

    So those of many words are looked up at once, in a third of the time that a dictionary takes.

    Attributes:
        keys: For each n from 1, the known n-grams and the beginnings of longer ones, ascending: the place of the (n-1)-gram,
            times the number of characters there may be, plus the last character.
        columns: The column of each; -1 of what's a beginning only.
    """

    keys: Sequence[NDArray[np.int64]]
    columns: Sequence[NDArray[np.int32]]

    @classmethod
    def of(cls, known: Mapping[str, int], min_n: int, max_n: int) -> "_Tree":
        """Return the tree of n-grams with columns, of those that have as many characters."""
        lengths = np.fromiter(map(len, known), dtype=np.int64, count=len(known))
        numbers = np.fromiter(known.values(), dtype=np.int32, count=len(known))
        characters, starts = _characters("".join(known)), np.cumsum(lengths) - lengths
        at = np.zeros(len(known), dtype=np.int64)
        keys, columns = [], []
        for n in range(1, min(max_n, int(lengths.max(initial=0))) + 1):
            long = np.flatnonzero(lengths >= n)
            found, at[long] = np.unique(
                at[long] * _CHARACTERS + characters[starts[long] + n - 1], return_inverse=True
            )
            whole = np.flatnonzero(lengths == n) if n >= min_n else long[:0]
            of_found = np.full(len(found), _UNKNOWN, dtype=np.int32)
            of_found[at[whole]] = numbers[whole]
            keys.append(found)
            columns.append(of_found)
        return cls(keys, columns)

    def find(self, words: Sequence[str]) -> _Parts:
        """Return the n-grams of each word that are known; see `_ngrams_within`."""
        marked = [f" {word} " if len(word) > 1 else "" for word in words]
        lengths = np.fromiter(map(len, marked), dtype=np.int64, count=len(marked))
        characters = _characters("".join(marked))
        to_end = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(characters))
        word = np.repeat(np.arange(len(words)), lengths)
        of_words, found = [word[:0]], [np.zeros(0, dtype=np.int32)]
        # Where n-grams begin that may be known, and the place of the beginning that was found.
        start, at = np.arange(len(characters)), np.zeros(len(characters), dtype=np.int64)
        for n, (keys, columns) in enumerate(zip(self.keys, self.columns, strict=True), start=1):
            inside = to_end[start] >= n
            start, at = start[inside], at[inside]
            at = _places(at * _CHARACTERS + characters[start + n - 1], keys)
            there = at >= 0
            start, at = start[there], at[there]
            whole = columns[at] >= 0
            of_words.append(word[start[whole]])
            found.append(columns[at[whole]])
        numbers = np.concatenate(of_words)
        order = np.argsort(numbers, kind="stable")
        counts = np.bincount(numbers, minlength=len(words))
        return _Parts(np.concatenate(found)[order], counts)


def _characters(text: str) -> NDArray[np.int64]:
    """Return the number of each character."""
    data = text.encode("utf-32-le", "surrogatepass")
    return np.frombuffer(data, dtype="<u4").astype(np.int64)


@dataclass(frozen=True)
class _Met:
    """What was found out about words: texts to come have most of them too.

    Attributes:
        numbers: A number for each, in order. They're as the texts have them, so that "The" and "the" are two.
        known: The column of each by its number, or -1. There may be fewer than words, until the last ones are looked up.
        parts: Their n-grams of characters.
        characters: How many they have in all.
        first: See `Vocabulary._first`; None as long as nothing has asked for it.
    """

    numbers: _Numbers = field(default_factory=_Numbers)
    known: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    parts: _Parts = _NO_PARTS
    characters: int = 0
    first: tuple[NDArray[np.int64], ...] | None = None

    def is_small(self) -> bool:
        """Say whether it may be kept."""
        most = max(self.characters, len(self.parts.columns))
        return len(self.numbers) <= _MOST_MET and most <= _MOST_CHARACTERS


def _ngrams_within(word: str, min_n: int, max_n: int) -> Iterator[str]:
    """Yield the n-grams of a word with marks of its ends. Of a single character all would say what the word says."""
    if len(word) < 2:
        return
    marked = f" {word} "
    for n in range(min_n, min(max_n, len(marked)) + 1):
        for start in range(len(marked) - n + 1):
            yield marked[start : start + n]


def _multiply(
    rows: NDArray[np.int32], words: NDArray[np.int64], parts: _Parts, texts: int, width: int
) -> Sparse:
    """Count the n-grams of characters of texts, some texts at a time.

    Args:
        rows: The text of each word.
        words: The number of each word.
        parts: The n-grams of each word.
        texts: How many texts there are.
        width: How many n-grams there are.
    """
    counts = []
    first = start = 0
    while first < texts:
        stop = min(start + _WORDS_AT_ONCE, len(words))
        # Whole texts, and one at least.
        last = int(rows[stop]) if stop < len(words) else texts
        last = max(last, first + 1)
        stop = int(np.searchsorted(rows, last))
        some = words[start:stop]
        of_rows = np.repeat(rows[start:stop] - first, parts.lengths[some])
        counts.append(count_pairs(of_rows, parts.of(some), (last - first, width)))
        first, start = last, stop
    return below(counts) if counts else count_pairs(rows, rows, (0, width))


def _count_known(
    rows: NDArray[np.int32], columns: NDArray[np.int64], shape: tuple[int, int]
) -> Sparse:
    there = columns >= 0
    return count_pairs(rows[there], columns[there], shape)


def _places(keys: NDArray[np.int64], known: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each key is in an ascending array; -1 where it isn't."""
    if not len(known):
        return np.full(len(keys), _UNKNOWN, dtype=np.int64)
    places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[places] == keys, places, _UNKNOWN)


def _in_enough(
    rows: NDArray[np.int32], columns: NDArray[np.int64], width: int, min_count: int
) -> NDArray[np.bool_]:
    """Say which columns occur in enough rows."""
    found: NDArray[np.bool_] = (
        count_pairs(rows, columns, (0, width)).column_counts() >= min_count
        if width
        else np.zeros(0, dtype=bool)
    )
    return found


def _renumber(known: dict[str, int], kept: NDArray[np.bool_]) -> dict[str, int]:
    """Return the numbers of what's kept, in the same order."""
    chosen = (name for name, keep in zip(known, kept.tolist(), strict=True) if keep)
    return {name: number for number, name in enumerate(chosen)}

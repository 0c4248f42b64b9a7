"""Lists of synonyms and antonyms.

A line of a list is blank, a remark that begins with ``#``, or words that belong together, divided by
tabs if it has one, else by white space.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from hashlib import blake2b
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.embedders._contract import Embedder
from seqpipe.parts.readers import open_lines

# Finding the words of a list in a vocabulary.

#: How many vectors are hashed at a time.
_BLOCK: Final = 10_000


class KnownWords:
    """The words of an embedder, as the embedder itself identifies them.

    An embedder may lower-case words, or do something else to them, before it looks them up. What it
    takes for a known word has that word's vector, and so it's found.

    Args:
        embedder: Fitted, and not to be fitted again.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._rows = {word: row for row, word in enumerate(embedder.vocabulary)}

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self, words: Sequence[str], vectors: NDArray[np.float32]) -> NDArray[np.intp]:
        """Return the places of words in the vocabulary, `[N]`; -1 of unknown ones.

        Args:
            words: Any texts.
            vectors: What the embedder gives them, `[N, width]`.
        """
        get = self._rows.get
        rows = np.array([get(word, -1) for word in words], dtype=np.intp)
        for place in np.flatnonzero(rows < 0).tolist():
            rows[place] = self._rows_by_vector.get(_hash(vectors[place]), -1)
        return rows

    @cached_property
    def _rows_by_vector(self) -> dict[bytes, int]:
        """The places of the vectors that a single word has; the zero vector is no word's own."""
        words = list(self._rows)
        rows: dict[bytes, int] = {}
        shared = {_hash(np.zeros(self._embedder.width, dtype=np.float32))}
        for start in range(0, len(words), _BLOCK):
            vectors = self._embedder.embed(words[start : start + _BLOCK])
            for row, vector in enumerate(np.ascontiguousarray(vectors), start):
                key = _hash(vector)
                if key in rows:
                    shared.add(key)
                rows[key] = row
        return {key: row for key, row in rows.items() if key not in shared}


def _hash(vector: NDArray[np.float32]) -> bytes:
    # The vectors themselves would be the whole table once more.
    return blake2b(vector.tobytes(), digest_size=16).digest()


# Pairs of words as arrays of their rows.

Pairs = NDArray[np.int64]

#: How many links are followed at a time, which bounds memory.
BLOCK: Final = 50_000


def known_pairs(
    pairs: Sequence[tuple[str, str]], known: KnownWords, embedder: Embedder
) -> NDArray[np.int64]:
    """Return the rows of the pairs whose words are both known and differ, the lower one first, `[P, 2]`.

    Each pair stands there once, in ascending order.
    """
    words = list(dict.fromkeys(word for pair in pairs for word in pair))
    if not words:
        return np.zeros((0, 2), dtype=np.int64)
    rows = dict(zip(words, known.rows(words, embedder.embed(words)).tolist(), strict=True))
    found = np.array([(rows[one], rows[other]) for one, other in pairs], dtype=np.int64)
    found.sort(axis=1)
    return np.unique(found[(found[:, 0] >= 0) & (found[:, 0] < found[:, 1])], axis=0)


def without(pairs: Pairs, others: Pairs) -> Pairs:
    """Return those pairs that aren't among others; in both, the lower row stands first."""
    size = 1 + max((int(each.max()) for each in (pairs, others) if each.size), default=0)
    kept = np.isin(pairs @ (size, 1), others @ (size, 1), invert=True)
    return pairs[kept]


def both_ways(pairs: Pairs) -> Pairs:
    """Return each pair in both directions, in ascending order, `[2 P, 2]`."""
    links = np.concatenate([pairs, pairs[:, ::-1]])
    return links[np.lexsort((links[:, 1], links[:, 0]))]


def runs(firsts: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return where in a sorted array of rows each row's stretch begins."""
    return np.flatnonzero(np.diff(firsts, prepend=-1))


def blocks(count: int) -> Iterator[slice]:
    """Yield slices of at most `BLOCK`, one after another."""
    return (slice(start, start + BLOCK) for start in range(0, count, BLOCK))


Pair = tuple[str, str]

#: The pairs of a group grow with the square of its size.
_MAX_WORDS: Final = 1000


def list_paths(setting: str, paths: str | Sequence[str]) -> tuple[str, ...]:
    """Return what a setting names: one path, or several, or with "" none.

    Raises:
        ConfigError: One of several is empty.
    """
    if isinstance(paths, str):
        return (paths,) if paths else ()
    if not all(paths):
        raise ConfigError(f"an empty path stands in `{setting}`; name a list, or leave it out")
    return tuple(paths)


def read_synonyms(paths: Sequence[str]) -> list[Pair]:
    """Return the pairs of lists of synonyms: each two words of a line.

    Raises:
        DataError: A file can't be read, or a line has one word or more than 1,000.
    """
    return [
        pair
        for path in paths
        for where, words in _groups(path)
        for pair in combinations(_checked(words, where), 2)
    ]


def read_antonyms(paths: Sequence[str]) -> list[Pair]:
    """Return the pairs of lists of antonyms, two words a line.

    Raises:
        DataError: A file can't be read, or a line isn't two words.
    """
    pairs = []
    for path in paths:
        for where, words in _groups(path):
            if len(words) != 2:
                raise DataError(f"{where} has {_count(words)}; a line of antonyms has two")
            pairs.append((words[0], words[1]))
    return pairs


def _groups(path: str) -> list[tuple[str, list[str]]]:
    groups = []
    for number, line in enumerate(open_lines(path), start=1):
        text = line.strip()
        if text and not text.startswith("#"):
            cells = text.split("\t") if "\t" in text else text.split()
            words = [cell.strip() for cell in cells if cell.strip()]
            groups.append((f"{path}:{number}", words))
    if not groups:
        raise DataError(f"{path} lists nothing; each line should be words that belong together")
    return groups


def _checked(words: list[str], where: str) -> list[str]:
    if len(words) < 2:
        raise DataError(f"{where} has {_count(words)}; a line of synonyms has two or more")
    if len(words) > _MAX_WORDS:
        raise DataError(
            f"{where} has {_count(words)}, each of which would be a synonym of each other; "
            f"list pairs, or groups of up to {_MAX_WORDS:,}"
        )
    return words


def _count(words: list[str]) -> str:
    return "1 word" if len(words) == 1 else f"{len(words):,} words"

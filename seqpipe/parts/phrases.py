"""Phrases: words that follow each other far more often than by chance, made words of their own."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from seqpipe.errors import SavedModelError
from seqpipe.storage.part_files import read_json, write_json


@dataclass(frozen=True)
class PhraseRule:
    """Which words make a phrase (Mikolov et al. 2013, "Distributed Representations of Words and Phrases", equation 6).

    Attributes:
        passes: How often pairs are put together. A phrase has up to two words after the first pass, four after the second.
        threshold: What a pair's score must be above: (count(ab) - discount) / (count(a) · count(b)) · N, for N words.
        discount: What's taken off the count of a pair, so that rare ones don't pass by chance.
        connector: What stands between the words of a phrase.
    """

    passes: int = 0
    threshold: float = 100.0
    discount: int = 5
    connector: str = "_"


@dataclass(frozen=True)
class Phrase:
    """Two words, or phrases, that were put together.

    Attributes:
        first: The first of them.
        second: The one behind it.
        name: What they're called together.
        count: How often they followed each other.
        score: The score of equation 6.
        round: In which pass they were found, from 1.
    """

    first: str
    second: str
    name: str
    count: int
    score: float
    round: int


@dataclass(frozen=True)
class Phrases:
    """Phrases that were found in a corpus.

    Attributes:
        found: In the order of the passes, best first in each.
    """

    found: tuple[Phrase, ...] = ()
    _rounds: list[dict[tuple[str, str], str]] = field(init=False, repr=False, compare=False)
    _parts: dict[str, tuple[str, str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rounds: dict[int, dict[tuple[str, str], str]] = {}
        parts: dict[str, tuple[str, str]] = {}
        for phrase in self.found:
            pair = phrase.first, phrase.second
            rounds.setdefault(phrase.round, {})[pair] = phrase.name
            parts.setdefault(phrase.name, pair)
        object.__setattr__(self, "_rounds", [rounds[number] for number in sorted(rounds)])
        object.__setattr__(self, "_parts", parts)

    def join(self, words: Sequence[str], known: Container[str]) -> list[str]:
        """Return the words with phrases put together, as in the corpus.

        Args:
            words: The words of a text, in order.
            known: Phrases that aren't in it are taken apart again.
        """
        joined = list(words)
        for pairs in self._rounds:
            joined = _joined(joined, pairs)
        return [part for name in joined for part in self._known_parts(name, known)]

    def within(self, name: str) -> set[str]:
        """Return the words of a phrase, and the phrases that it consists of; nothing for a word."""
        found: set[str] = set()
        waiting = list(self._parts.get(name, ()))
        while waiting:
            part = waiting.pop()
            if part not in found:
                found.add(part)
                waiting += self._parts.get(part, ())
        return found

    def _known_parts(self, name: str, known: Container[str]) -> list[str]:
        parts: list[str] = []
        waiting = [name]
        while waiting:
            part = waiting.pop()
            if part in known or part not in self._parts:
                parts.append(part)
            else:
                waiting += reversed(self._parts[part])
        return parts


def _joined(words: Sequence[str], pairs: Mapping[tuple[str, str], str]) -> list[str]:
    joined: list[str] = []
    is_free = False
    for word in words:
        name = pairs.get((joined[-1], word)) if is_free else None
        if name is None:
            joined.append(word)
        else:
            joined[-1] = name
        # What was just put together isn't put together again in the same pass.
        is_free = name is None
    return joined


_TYPES: Final = (str, str, str, int, float, int)


def write_phrases(path: Path, phrases: Phrases) -> None:
    """Write phrases; see `write_json`."""
    write_json(path, [list(vars(phrase).values()) for phrase in phrases.found])


def read_phrases(path: Path) -> Phrases:
    """Read what `write_phrases` wrote.

    Raises:
        SavedModelError: The file can't be read, or holds something else.
    """
    rows = read_json(path)
    if not isinstance(rows, list) or not all(
        isinstance(row, list) and tuple(type(value) for value in row) == _TYPES for row in rows
    ):
        raise SavedModelError(f"{path} isn't a list of phrases")
    phrases = tuple(Phrase(*row) for row in rows)
    for phrase in phrases:
        # Or else taking it apart would never end.
        if len(phrase.name) <= max(len(phrase.first), len(phrase.second)) or phrase.round < 1:
            raise SavedModelError(
                f"{path} has a phrase {phrase.name!r}, which isn't longer than its parts"
            )
    return Phrases(phrases)

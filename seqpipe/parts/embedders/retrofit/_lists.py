"""Lists of synonyms and antonyms.

A line of a list is blank, a remark that begins with ``#``, or words that belong together, divided by
tabs if it has one, else by white space.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Final

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers import open_lines

Pair = tuple[str, str]

#: The pairs of a group grow with the square of its size.
_MOST_WORDS: Final = 1000


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
    if len(words) > _MOST_WORDS:
        raise DataError(
            f"{where} has {_count(words)}, each of which would be a synonym of each other; "
            f"list pairs, or groups of up to {_MOST_WORDS:,}"
        )
    return words


def _count(words: list[str]) -> str:
    return "1 word" if len(words) == 1 else f"{len(words):,} words"

"""Words of one's own for jieba's dictionary: from a pipeline file, or from a file in jieba's form."""

import re
from pathlib import Path
from typing import Final, NamedTuple

import rjieba
from seqpipe.errors import ConfigError

_MAX_FREQUENCY: Final = 1_000_000_000
_LINE: Final = re.compile(r"(\S+)(?:\s+([0-9]{1,10}))?(?:\s+[a-z]+)?")


class Entry(NamedTuple):
    """A word to add.

    Attributes:
        word: The word.
        frequency: How often it occurs, beside the 60 million words that jieba's dictionary counts.
            None is as often as it takes to be joined when it stands alone.
        place: Where it was given, for error messages.
    """

    word: str
    frequency: int | None
    place: str


def check_words(words: list[str]) -> list[Entry]:
    """Return the entries of the setting `words`.

    Raises:
        ConfigError: It's something other than a list of texts.
    """
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ConfigError(f'`words` is {words!r}; it must be a list of texts, such as ["云计算"]')
    return [Entry(word, None, "`words`") for word in words]


def read_dictionary(path: str) -> list[Entry]:
    """Read the file that the setting `dictionary` names.

    Raises:
        ConfigError: It can't be read, or a line of it can't be understood.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise ConfigError(f"`dictionary` is {path!r}, which can't be read: {error}") from error
    lines = enumerate(text.split("\n"), start=1)
    return [
        _read_line(line.strip(), f"`dictionary`, {path}:{n}") for n, line in lines if line.strip()
    ]


def add_entry(jieba: rjieba.Jieba, entry: Entry) -> None:
    """Add a word to a dictionary.

    Raises:
        ConfigError: No text that's cut with the dictionary could have this word.
    """
    if not _is_word(jieba, entry.word):
        raise ConfigError(
            f"{entry.place} has {entry.word!r}, which jieba can't join: a word is made of Chinese "
            "characters, the letters A to Z, digits and the characters + # & . _ % -"
        )
    if entry.frequency is not None:
        jieba.add_word(entry.word, entry.frequency, None)


def _is_word(jieba: rjieba.Jieba, word: str) -> bool:
    """Add a word, and say whether it's cut as one when it stands alone."""
    try:
        jieba.add_word(word, None, None)
        return word.split() == jieba.cut(word, False) == [word]
    except UnicodeEncodeError:  # half a surrogate pair
        return False


def _read_line(line: str, place: str) -> Entry:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ConfigError(
            f'{place} is {line!r}; it must be "word", "word 5", "word n" or "word 5 n"'
        )
    word, frequency = match.groups()
    if frequency is not None and not 1 <= int(frequency) <= _MAX_FREQUENCY:
        raise ConfigError(
            f"{place} gives {word!r} the frequency {frequency}; it may be 1 to {_MAX_FREQUENCY:,}"
        )
    return Entry(word, None if frequency is None else int(frequency), place)

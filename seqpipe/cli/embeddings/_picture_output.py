"""Chooses the words and groups of a picture, and prints which ones it shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from seqpipe.cli.plugins._screen import counted
from seqpipe.errors import DataError
from seqpipe.evaluation.embeddings import Words
from seqpipe.parts.embedders import Embedder
from seqpipe.parts.readers import open_lines
from seqpipe.pictures import Projection
from seqpipe.reporting import escaped


@dataclass(frozen=True)
class Chosen:
    """The words of a picture.

    Attributes:
        words: As the vocabulary writes them, each once.
        more: How many more words there were.
        groups: The group of each word that has one.
    """

    words: Sequence[str]
    more: int
    groups: Mapping[str, str]


def choose_words(
    embedder: Embedder,
    named: Sequence[str],
    *,
    words_file: str | None,
    groups_file: str | None,
    most: int,
) -> Chosen:
    """Choose words: the named ones, else those with groups, else the most frequent ones.

    Args:
        embedder: Fitted.
        named: Words.
        words_file: More of them, one per line.
        groups_file: A word and its group on each line.
        most: The maximum number of words; the first ones are chosen.

    Raises:
        DataError: A file can't be read, or there's nothing to choose from.
    """
    words = Words(embedder)
    groups = read_groups(groups_file) if groups_file else {}
    asked = [*named, *(read_words(words_file) if words_file else ())] or list(groups)
    found = list(dict.fromkeys(map(words.form, asked))) or list(words.vocabulary)
    if not found:
        raise DataError(
            "these vectors have no vocabulary to choose words from: name some, or give a --words-file"
        )
    return Chosen(
        found[:most],
        len(found) - min(most, len(found)),
        {words.form(word): group for word, group in groups.items()},
    )


def read_words(path: str) -> list[str]:
    """Return the words of a file, one per line; anything after a tab is ignored.

    Raises:
        DataError: It can't be read, or contains none.
    """
    cells = (line.partition("\t")[0].strip() for line in open_lines(path))
    words = [word for word in cells if word]
    if not words:
        raise DataError(f"{path} names no word; it should name one on each line")
    return words


def read_groups(path: str) -> dict[str, str]:
    """Return the groups of words: each line is a word, a tab or the line's last space, and the group.

    Raises:
        DataError: It can't be read, or a line has no group.
    """
    groups: dict[str, str] = {}
    for number, line in enumerate(open_lines(path), start=1):
        text = line.strip()
        if not text:
            continue
        cells = text.split("\t") if "\t" in text else text.rsplit(None, 1)
        if len(cells) < 2 or not (cells[0].strip() and cells[1].strip()):
            raise DataError(f"{path}:{number} should be a word and its group, and is {text!r}")
        groups[cells[0].strip()] = cells[1].strip()
    if not groups:
        raise DataError(f"{path} is empty; each line should be a word and its group")
    return groups


#: How many of the words that are left out are named.
_MAX_NAMED: Final = 10


def print_picture(console: Console, projection: Projection, path: Path, *, more: int) -> None:
    """Print what was drawn and what wasn't.

    Args:
        console: Prints it.
        projection: What was drawn.
        path: Where to.
        more: How many more words there were.
    """
    console.print(
        f"{escaped(path)}: {counted(len(projection.words), 'word')} by {projection.method}"
    )
    if more:
        console.print(f"{more:,} more aren't shown; --most shows more")
    if left_out := projection.left_out:
        named = ", ".join(map(repr, left_out[:_MAX_NAMED]))
        rest = f" and {len(left_out) - _MAX_NAMED:,} more" if len(left_out) > _MAX_NAMED else ""
        console.print(f"without a vector, and not shown: {named}{rest}")

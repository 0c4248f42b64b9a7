"""Words in sentences: "He sat by the river [bank]"."""

import re
from dataclasses import dataclass
from typing import Final

from seqpipe.errors import DataError
from seqpipe.evaluation.embeddings._lists import not_empty, read_entries

#: A list in the package, written for it.
SENSES: Final = "package:seqpipe/evaluation/embeddings/lists/senses_en.txt"

_MARK: Final = re.compile(r"\[\s*([^\[\]]*?)\s*\]")


@dataclass(frozen=True)
class Marked:
    """A word in a sentence.

    Attributes:
        text: The sentence, without brackets.
        start: Where the word begins in it.
        end: Where it ends.
    """

    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """The word."""
        return self.text[self.start : self.end]

    @property
    def around(self) -> str:
        """The sentence without the word."""
        return f"{self.text[: self.start]} {self.text[self.end :]}"


@dataclass(frozen=True)
class Use:
    """A word in a sentence, and what it means there."""

    word: str
    sense: str
    marked: Marked


def parse_marked(text: str) -> Marked:
    """Return the word that stands in brackets, and the sentence around it.

    Raises:
        DataError: There isn't exactly one in brackets.
    """
    found = list(_MARK.finditer(text))
    if len(found) != 1 or not found[0][1] or len(re.findall(r"[\[\]]", text)) != 2:
        raise DataError(
            f"{text!r} should have exactly one word in brackets, such as: He sat by the river [bank]"
        )
    mark = found[0]
    whole = text[: mark.start()] + mark[1] + text[mark.end() :]
    return Marked(whole, mark.start(), mark.start() + len(mark[1]))


def read_uses(path: str) -> list[Use]:
    """Return the uses of words that a list shows.

    Raises:
        DataError: A line isn't a word, its sense and a sentence with it in brackets, or there's none.
    """
    uses = []
    for line in read_entries(path):
        found = [cell.strip() for cell in line.text.split("\t")]
        if len(found) != 3 or not all(found):
            raise DataError(
                f"{line.where}: it should be a word, its sense here, and a sentence with it in "
                "brackets, tabs between"
            )
        word, sense, sentence = found
        try:
            uses.append(Use(word, sense, parse_marked(sentence)))
        except DataError as error:
            raise DataError(f"{line.where}: {error}") from error
    return not_empty(uses, path, "a word, its sense, and a sentence with it in brackets")

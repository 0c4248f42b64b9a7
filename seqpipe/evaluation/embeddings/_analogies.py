"""Analogies, as a score of an embedding: Athens is to Greece as Oslo to what?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ConfigError, DataError
from seqpipe.evaluation._fitted import Fitted
from seqpipe.evaluation.embeddings._lists import named_lists, not_empty, read_entries
from seqpipe.evaluation.embeddings._statistics import share
from seqpipe.evaluation.embeddings._words import (
    METHODS,
    Words,
    answer_analogies,
)

#: The section of questions that stand before the first one's name.
_UNNAMED: Final = ""
#: What the names of syntactic sections begin with in Google's list.
_SYNTACTIC: Final = "gram"


@dataclass(frozen=True)
class Question:
    """`a` is to `b` as `c` is to `answer`."""

    section: str
    a: str
    b: str
    c: str
    answer: str


class Analogies:
    """Asks which word is to a third as a second is to a first, and counts right answers.

    The answer is the word of the vocabulary, but none of the three, that's nearest by 3CosAdd
    (cos(x, b) - cos(x, a) + cos(x, c); Mikolov et al. 2013) or by 3CosMul (the same as a product, of
    cosines moved to 0 to 1; Levy & Goldberg 2014). Questions with an unknown word aren't asked.

    Args:
        path: A list of questions, or several: four words on each line, below lines such as
            ``: capital-world`` that name sections, as in Google's questions-words.txt. Plain paths,
            ``package:NAME/below`` or ``data:below``.
        limit: How many of the most frequent words are known and may be answers; 0 for all.

    Raises:
        ConfigError: The limit is below 0.
        DataError: A list can't be read.
    """

    def __init__(self, *, path: str | list[str], limit: int = 30_000) -> None:
        if limit < 0:
            raise ConfigError(f"limit is {limit}; it's a number of words, or 0 for all")
        self._lists = {name: read_questions(each) for name, each in named_lists(path).items()}
        self._limit = limit

    def __call__(self, fitted: Fitted) -> dict[str, Any]:
        """Score an embedding.

        Returns:
            For each list, by its name, what `score_questions` returns.
        """
        words = Words(fitted.embedder)
        return {
            name: score_questions(questions, words, limit=self._limit)
            for name, questions in self._lists.items()
        }


def read_questions(path: str) -> list[Question]:
    """Return the questions of a list.

    Raises:
        DataError: A line is neither four words nor the name of a section, or there's no question.
    """
    questions: list[Question] = []
    section = _UNNAMED
    for line in read_entries(path):
        if line.text.startswith(":"):
            section = line.text[1:].strip()
            continue
        four = line.text.split("\t") if "\t" in line.text else line.text.split()
        if len(four) != 4 or not all(four):
            raise DataError(
                f"{line.where}: it should be four words, or a section such as `: capital-world`, "
                f"and is {line.text!r}"
            )
        questions.append(Question(section, *four))
    return not_empty(questions, path, "four words")


def score_questions(
    questions: Sequence[Question], words: Words, *, limit: int = 0
) -> dict[str, Any]:
    """Score an embedding on analogies.

    Returns:
        The numbers of "questions" and of those "covered", whose words are all known; the "coverage";
        the accuracy over the covered ones by "3cosadd" and "3cosmul" (None if none is); the same under
        "semantic" and "syntactic" (in Google's list, sections whose names begin with "gram") if there
        are both; the same for each section under "sections"; and how many words might be "candidates".
    """
    size = min(limit or len(words.vocabulary), len(words.vocabulary))
    rows = _rows(questions, words)
    covered = np.all((rows >= 0) & (rows < size), axis=1)
    right = np.zeros((len(METHODS), len(questions)), dtype=bool)
    answers = answer_analogies(words.first_units(size), rows[covered, :3])
    right[:, covered] = answers == rows[covered, 3]
    names = np.array([question.section for question in questions])
    return {
        **_count(covered, right),
        **_kinds(names, covered, right),
        "candidates": size,
        "sections": {
            name: _count(covered[names == name], right[:, names == name])
            for name in dict.fromkeys(names.tolist())
        },
    }


def _rows(questions: Sequence[Question], words: Words) -> NDArray[np.intp]:
    """Return the places of each question's words in the vocabulary, `[Q, 4]`; -1 of unknown ones."""
    found = (words.row(word) for q in questions for word in (q.a, q.b, q.c, q.answer))
    rows = [-1 if row is None else row for row in found]
    return np.array(rows, dtype=np.intp).reshape(-1, 4)


def _count(covered: NDArray[np.bool_], right: NDArray[np.bool_]) -> dict[str, Any]:
    asked = int(covered.sum())
    shares = [int(row.sum()) / asked if asked else None for row in right]
    return {
        "questions": len(covered),
        "covered": asked,
        "coverage": share(asked, len(covered)),
        **dict(zip(METHODS, shares, strict=True)),
    }


def _kinds(
    names: NDArray[np.str_], covered: NDArray[np.bool_], right: NDArray[np.bool_]
) -> dict[str, Any]:
    syntactic = np.array([name.startswith(_SYNTACTIC) for name in names.tolist()], dtype=bool)
    if syntactic.all() or not syntactic.any():
        return {}
    return {
        "semantic": _count(covered[~syntactic], right[:, ~syntactic]),
        "syntactic": _count(covered[syntactic], right[:, syntactic]),
    }

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
from seqpipe.evaluation.embeddings._words import Words

# A list has far fewer distinct words than questions. So the cosine of each such word with each of the vocabulary is
# computed once, a block of the vocabulary at a time, and a question only adds and multiplies rows of these: for the
# 19,544 questions of Google's list a twentieth of the work.

#: The ways to answer, in the order of the rows of what `answer_analogies` returns.
METHODS: Final = ("3cosadd", "3cosmul")

#: Levy & Goldberg's: keeps 3CosMul from dividing by 0.
EPSILON: Final = 0.001

# A block of scores fits a processor's cache.
_CANDIDATES: Final = 1024
_QUESTIONS: Final = 256


def answer_analogies(units: NDArray[np.float32], questions: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the best answer to each question by each method.

    Args:
        units: The vectors of the candidates, of length 1, `[V, width]`.
        questions: The rows of a, b and c in "a is to b as c is to what", `[Q, 3]`.

    Returns:
        Rows of `units`, `[2, Q]`; -1 where no word but the three is left.
    """
    asked, places = np.unique(questions, return_inverse=True)
    places = places.reshape(questions.shape)
    best = np.full((len(METHODS), len(questions)), -np.inf, dtype=np.float32)
    answers = np.full(best.shape, -1, dtype=np.intp)
    for start in range(0, len(units), _CANDIDATES):
        cosines = units[asked] @ units[start : start + _CANDIDATES].T
        for begin in range(0, len(questions), _QUESTIONS):
            some = slice(begin, begin + _QUESTIONS)
            scores = score_candidates(cosines, places[some])
            _exclude(scores, questions[some] - start)
            _keep_best(scores, start, best[:, some], answers[:, some])
    return answers


def score_candidates(
    cosines: NDArray[np.float32], questions: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Return how good candidates are as answers, `[2, Q, C]`.

    Args:
        cosines: Those of the words that questions are made of with candidates, `[A, C]`.
        questions: The rows of a, b and c in `cosines`, `[Q, 3]`.
    """
    a, b, c = (cosines[questions[:, part]] for part in range(3))
    # Cosines x moved to 0..1 are (1 + x) / 2.
    return np.stack([b - a + c, (1 + b) * (1 + c) / (2 + 2 * a + 4 * EPSILON)])


def _exclude(scores: NDArray[np.float32], questions: NDArray[np.intp]) -> None:
    """Let no question's own words be its answer; `questions` are columns of `scores`."""
    inside = (questions >= 0) & (questions < scores.shape[2])
    question, part = np.nonzero(inside)
    scores[:, question, questions[question, part]] = -np.inf


def _keep_best(
    scores: NDArray[np.float32],
    start: int,
    best: NDArray[np.float32],
    answers: NDArray[np.intp],
) -> None:
    columns = scores.argmax(axis=2)
    found = np.take_along_axis(scores, columns[:, :, None], axis=2)[:, :, 0]
    better = found > best
    best[better] = found[better]
    answers[better] = columns[better] + start


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

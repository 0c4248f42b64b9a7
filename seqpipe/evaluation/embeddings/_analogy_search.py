"""Answers many analogies at once.

The questions of a list are made of far fewer words than there are questions. So the cosine of each such
word with each of the vocabulary is computed once, a stretch of the vocabulary at a time, and a question
only adds and multiplies rows of these: for the 19,544 of Google's list a twentieth of the work.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

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

"""The vocabulary of an embedding, the directions of its vectors, and the search for the words nearest to one."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.parts.embedders import Embedder


def unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return vectors of length 1 in the same directions, `[N, width]`; zero vectors stay."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled = vectors / np.where(lengths > 0, lengths, 1)
    return scaled.astype(np.float32, copy=False)


class Words:
    """The words of an embedding, for lists of words that others have made.

    A word is known if the vocabulary has it as it's written or else in lower case.

    Args:
        embedder: Fitted.

    Attributes:
        vocabulary: The known words, most frequent first, `[V]`.
    """

    def __init__(self, embedder: Embedder) -> None:
        self.vocabulary = embedder.vocabulary
        self._embedder = embedder
        self._rows: dict[str, int] = {}
        for row, word in enumerate(self.vocabulary):
            self._rows.setdefault(word, row)

    @cached_property
    def units(self) -> NDArray[np.float32]:
        """The vectors of the vocabulary, of length 1, `[V, width]`."""
        return unit(self._embedder.embed(self.vocabulary))

    def first_units(self, count: int) -> NDArray[np.float32]:
        """Return the vectors of the first words of the vocabulary, of length 1, `[count, width]`."""
        if "units" in self.__dict__ or count >= len(self.vocabulary):
            return self.units[:count]
        return unit(self._embedder.embed(self.vocabulary[:count]))

    def row(self, word: str) -> int | None:
        """Return the place of a word in the vocabulary, or None if it's unknown."""
        row = self._rows.get(word)
        return self._rows.get(word.lower()) if row is None else row

    def knows(self, *words: str) -> bool:
        """Say whether all of the words are known."""
        return all(self.row(word) is not None for word in words)

    def form(self, word: str) -> str:
        """Return a word as the vocabulary writes it; an unknown one as it is."""
        row = self.row(word)
        return word if row is None else self.vocabulary[row]

    def embed(self, words: Iterable[str]) -> NDArray[np.float32]:
        """Return the vectors of words, `[N, width]`, those of unknown ones as the embedder has them."""
        forms: Sequence[str] = [self.form(word) for word in words]
        if not forms:
            return np.zeros((0, self._embedder.width), dtype=np.float32)
        return self._embedder.embed(forms)

    def cosines(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Return the cosine of the vectors of each pair, `[N]`; 0 where one is the zero vector."""
        first, second = (unit(self.embed(pair[side] for pair in pairs)) for side in (0, 1))
        products: NDArray[np.float32] = np.einsum("nd,nd->n", first, second)
        return products


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

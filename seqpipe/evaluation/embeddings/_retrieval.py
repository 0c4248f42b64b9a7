"""Retrieval by class, as a score: whether the texts whose vectors are nearest are about the same thing."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ConfigError, DataError
from seqpipe.evaluation._fitted import Fitted
from seqpipe.evaluation.embeddings._bags import bags_of_words
from seqpipe.evaluation.embeddings._words import unit
from seqpipe.parts.readers import Reader
from seqpipe.parts.tokenizers import Regex, Tokenize

#: How many cosines are looked at together: 64 MB.
_AT_ONCE: Final = 1 << 23


class ClassRetrieval:
    """Looks for each text among all others by the cosine of their vectors, and counts those of its class.

    A text's vector is the mean of its words' vectors, their mean by smooth inverse frequency, or
    what the embedder has for documents, if it has.

    Args:
        reader: Reads texts, each with one label.
        count: How many of the nearest texts the precision is of.
        tokenizer: A text to words; by default `seqpipe.Regex.v1`. It should be the one that the
            embedder's words are made by.

    Raises:
        ConfigError: The count is less than 1.
        DataError: The texts can't be read, one doesn't have one label, or no two of them share theirs.
    """

    def __init__(
        self, *, reader: Reader, count: int = 10, tokenizer: Tokenize | None = None
    ) -> None:
        if count < 1:
            raise ConfigError(f"count is {count}; at least 1 is needed")
        rows = reader.read().rows
        for row in rows:
            if len(row.labels) != 1:
                raise DataError(
                    f"{row.source}: the text has {len(row.labels)} labels, and retrieval by class needs one"
                )
        self._texts = [row.text for row in rows]
        self._labels = [row.labels[0] for row in rows]
        if len(set(self._labels)) == len(self._labels):
            raise DataError(
                f"no two of the {len(rows)} texts have the same label, and retrieval by class looks for those that have"
            )
        self._count = count
        self._tokenize = tokenizer or Regex()

    def __call__(self, fitted: Fitted) -> dict[str, Any]:
        """Score an embedding.

        Returns:
            The number of "texts"; the "chance" that another text has the same class; and for each way to make vectors of
            texts what `score_retrieval` returns.
        """
        ways = bags_of_words(fitted, self._tokenize)
        scores: dict[str, Any] = {"texts": len(self._texts), "chance": _chance(self._labels)}
        for name, vectors in ways.items():
            scores[name] = score_retrieval(
                vectors(self._texts), self._labels, count=self._count, seed=fitted.seed
            )
        return scores


def score_retrieval(
    vectors: NDArray[Any], labels: Sequence[str], *, count: int = 10, seed: int = 0
) -> dict[str, float]:
    """Search for each text among all others, the nearest by cosine first; among equals chance decides.

    Args:
        vectors: Those of texts, `[N, width]`.
        labels: The class of each, `[N]`; at least two are the same. Texts that are alone in theirs are found, and don't search.
        count: How many of the nearest the precision is of.
        seed: Decides between equals.

    Returns:
        Means over texts: the "precision", the share of the same class among the `count` nearest; the "average_precision", over
        all of the class; and the "coverage", the share of all texts that have a vector.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    units = unit(np.asarray(vectors)[order])
    _, classes, sizes = np.unique(np.array(labels)[order], return_inverse=True, return_counts=True)
    asking = np.flatnonzero(sizes[classes] > 1)
    step = max(1, _AT_ONCE // len(labels))
    found = [
        _search(units, classes, asking[first : first + step], min(count, len(labels) - 1))
        for first in range(0, len(asking), step)
    ]
    precision, average = np.concatenate(found).mean(axis=0).tolist()
    return {
        "precision": precision,
        "average_precision": average,
        "coverage": float(np.any(units != 0, axis=1).mean()),
    }


def _search(
    units: NDArray[Any], classes: NDArray[np.intp], asking: NDArray[np.intp], count: int
) -> NDArray[np.float64]:
    """Return the precision and the average precision of each search, `[N, 2]`."""
    cosines = units[asking] @ units.T
    # Nothing finds itself: it comes last, and is left out.
    cosines[np.arange(len(asking)), asking] = -np.inf
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :-1]
    right = classes[nearest] == classes[asking, None]
    precisions = right.cumsum(axis=1) / np.arange(1, right.shape[1] + 1)
    average = (precisions * right).sum(axis=1) / right.sum(axis=1)
    return np.stack([precisions[:, count - 1], average], axis=1)


def _chance(labels: Sequence[str]) -> float:
    """Return how likely another text is of the same class, over texts that aren't alone in theirs."""
    _, sizes = np.unique(np.array(labels), return_counts=True)
    sizes = sizes[sizes > 1]
    return float((sizes * (sizes - 1)).sum() / sizes.sum() / (len(labels) - 1))

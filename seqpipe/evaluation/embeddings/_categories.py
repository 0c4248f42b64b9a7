"""Categorisation, as a score of an embedding: whether words of one category form a cluster."""

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ConfigError, DataError
from seqpipe.evaluation._fitted import Fitted
from seqpipe.evaluation.embeddings._lists import (
    cells,
    list_name,
    not_empty,
    read_entries,
)
from seqpipe.evaluation.embeddings._statistics import share
from seqpipe.evaluation.embeddings._words import Words, unit

# Clustering, and its purity.

_ROUNDS: Final = 100
_SHUFFLES: Final = 100


def cluster(
    units: NDArray[np.float32], groups: int, *, seed: int = 0, restarts: int = 10
) -> NDArray[np.intp]:
    """Return the group of each vector, `[N]`, by spherical k-means (Dhillon & Modha 2001).

    The best of several attempts counts, each from centres drawn as k-means++ draws them (Arthur &
    Vassilvitskii 2007).

    Args:
        units: Vectors of length 1, `[N, width]`.
        groups: How many groups there are to be.
        seed: For the draws.
        restarts: How many attempts.
    """
    draw = np.random.default_rng(seed)
    attempts = [_attempt(units, min(groups, len(units)), draw) for _ in range(restarts)]
    return max(attempts, key=lambda attempt: attempt[1])[0]


def purity(labels: Sequence[Hashable], clusters: Sequence[Hashable]) -> float:
    """Return the share of things whose label is the most frequent one in their group."""
    counts = Counter(zip(clusters, labels, strict=True))
    best: Counter[Hashable] = Counter()
    for (group, _), count in counts.items():
        best[group] = max(best[group], count)
    return share(sum(best.values()), len(labels))


def purity_by_chance(
    labels: Sequence[Hashable], clusters: Sequence[Hashable], *, seed: int = 0
) -> float:
    """Return the mean purity of groups of the same sizes that things were put into at random."""
    draw = np.random.default_rng(seed)
    shuffled = [[labels[i] for i in draw.permutation(len(labels))] for _ in range(_SHUFFLES)]
    return sum(purity(each, clusters) for each in shuffled) / _SHUFFLES


def _attempt(
    units: NDArray[np.float32], groups: int, draw: np.random.Generator
) -> tuple[NDArray[np.intp], float]:
    centres = units[_first_centres(units, groups, draw)]
    chosen = np.full(len(units), -1, dtype=np.intp)
    for _ in range(_ROUNDS):
        cosines = units @ centres.T
        nearest = cosines.argmax(axis=1)
        if (nearest == chosen).all():
            break
        chosen = nearest
        centres = _centres(units, chosen, centres)
    return chosen, float(cosines.max(axis=1).sum())


def _first_centres(units: NDArray[np.float32], groups: int, draw: np.random.Generator) -> list[int]:
    rows = [int(draw.integers(len(units)))]
    while len(rows) < groups:
        distances = np.clip(1 - (units @ units[rows].T).max(axis=1), 0, None).astype(np.float64)
        distances[rows] = 0
        total = distances.sum()
        # Where all that's left lies on the centres, any will do.
        chances = distances / total if total > 0 else None
        rows.append(int(draw.choice(len(units), p=chances)))
    return rows


def _centres(
    units: NDArray[np.float32], chosen: NDArray[np.intp], before: NDArray[np.float32]
) -> NDArray[np.float32]:
    sums = np.zeros_like(before)
    np.add.at(sums, chosen, units)
    # A group that lost all its members keeps its centre, for others to come.
    empty = np.bincount(chosen, minlength=len(before)) == 0
    return np.where(empty[:, None], before, unit(sums))


class Categorisation:
    """Puts words into groups by their vectors, and compares these with labels that people gave.

    There are as many groups as labels, found by spherical k-means. The score is their purity: the share
    of words whose label is the most frequent one in their group (as in Baroni et al. 2014).

    Args:
        path: A list of words with labels, "dog animal" on each line: a plain path,
            ``package:NAME/below`` or ``data:below``.
        restarts: How often to begin anew; the best attempt counts.

    Raises:
        ConfigError: There's no attempt.
        DataError: The list can't be read.
    """

    def __init__(self, *, path: str, restarts: int = 10) -> None:
        if restarts < 1:
            raise ConfigError(f"restarts is {restarts}; at least 1 is needed")
        self._name = list_name(path)
        self._labelled = read_labelled(path)
        self._restarts = restarts

    def __call__(self, fitted: Fitted) -> dict[str, Any]:
        """Score an embedding.

        Returns:
            By the list's name: the numbers of "words" and of those "covered", which are known, and the
            "coverage"; how many "labels" the covered ones have; their "purity"; and the "chance" of
            groups of the same sizes. The last two are None if nothing's covered.
        """
        words = Words(fitted.embedder)
        covered = {word: label for word, label in self._labelled.items() if words.knows(word)}
        return {
            self._name: {
                "words": len(self._labelled),
                "covered": len(covered),
                "coverage": share(len(covered), len(self._labelled)),
                "labels": len(set(covered.values())),
                **self._group(covered, words, seed=fitted.seed),
            }
        }

    def _group(self, labelled: dict[str, str], words: Words, *, seed: int) -> dict[str, Any]:
        if not labelled:
            return {"purity": None, "chance": None}
        labels = list(labelled.values())
        units = unit(words.embed(labelled))
        groups = cluster(units, len(set(labels)), seed=seed, restarts=self._restarts).tolist()
        return {
            "purity": purity(labels, groups),
            "chance": purity_by_chance(labels, groups, seed=seed),
        }


def read_labelled(path: str) -> dict[str, str]:
    """Return the label of each word of a list.

    Raises:
        DataError: A line isn't a word and its label, a word has two labels, or there's no line.
    """
    found: dict[str, str] = {}
    for line in read_entries(path):
        cut = cells(line.text)
        if len(cut) != 2 or not all(cut):
            raise DataError(
                f"{line.where}: it should be a word and its label, and is {line.text!r}"
            )
        word, label = cut
        if found.setdefault(word, label) != label:
            raise DataError(
                f"{line.where}: {word!r} is labelled {label!r}, and {found[word]!r} before; give it "
                "one label, or leave it out"
            )
    not_empty([*found], path, "a word and its label")
    return found

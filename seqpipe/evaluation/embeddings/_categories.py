"""Categorisation, as a score of an embedding: whether words of one category form a cluster."""

from typing import Any

from seqpipe.errors import ConfigError, DataError
from seqpipe.evaluation._fitted import Fitted
from seqpipe.evaluation.embeddings._lists import (
    cells,
    list_name,
    not_empty,
    read_entries,
)
from seqpipe.evaluation.embeddings._statistics import cluster, purity, purity_by_chance, share
from seqpipe.evaluation.embeddings._words import Words, unit


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

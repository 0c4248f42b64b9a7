"""Whether vectors tell what is alike from what merely belongs together."""

from collections.abc import Mapping
from typing import Any, Final

from seqpipe.evaluation._fitted import Fitted
from seqpipe.evaluation.embeddings._lists import (
    RatedPair,
    named_lists,
    read_pairs,
    read_rated_pairs,
)
from seqpipe.evaluation.embeddings._opposites import score_opposites
from seqpipe.evaluation.embeddings._similarity import score_pairs
from seqpipe.evaluation.embeddings._statistics import mean_of
from seqpipe.evaluation.embeddings._words import Words

#: Lists in the package, written for it.
SYNONYMS: Final = "package:seqpipe/evaluation/embeddings/lists/synonyms_en.txt"
ANTONYMS: Final = "package:seqpipe/evaluation/embeddings/lists/antonyms_en.txt"


class Relatedness:
    """Sets similarity against relatedness: *cup* and *mug* against *cup* and *coffee*.

    Vectors from co-occurrence mostly do well on lists that rate relatedness (WordSim-353's REL, MEN) and
    worse where similarity alone counts (WordSim-353's SIM; SimLex-999 most of all; Hill et al. 2015).
    They can hardly tell antonyms from synonyms, which occur among the same words.

    Args:
        similarity: Lists whose ratings are about similarity; see `WordSimilarity`.
        relatedness: Lists whose ratings are about relatedness.
        synonyms: A list of pairs of words that mean the same, two words on each line. By default one of
            172 English pairs, written for seqpipe.
        antonyms: A list of pairs of words that mean the opposite. By default one of 127 English pairs.

    Raises:
        DataError: A list can't be read.
    """

    def __init__(
        self,
        *,
        similarity: str | list[str] | None = None,
        relatedness: str | list[str] | None = None,
        synonyms: str = SYNONYMS,
        antonyms: str = ANTONYMS,
    ) -> None:
        self._similarity = _read_lists(similarity or [])
        self._relatedness = _read_lists(relatedness or [])
        self._synonyms = read_pairs(synonyms)
        self._antonyms = read_pairs(antonyms)

    def __call__(self, fitted: Fitted) -> dict[str, Any]:
        """Score an embedding.

        Returns:
            "similarity" and "relatedness": for each list, by its name, what `score_pairs` returns;
            "similarity_mean" and "relatedness_mean", the means of "spearman" over these; and under
            "opposites" what `score_opposites` returns.
        """
        words = Words(fitted.embedder)
        similarity = _score_lists(self._similarity, words)
        relatedness = _score_lists(self._relatedness, words)
        return {
            "similarity": similarity,
            "relatedness": relatedness,
            "similarity_mean": mean_of([score["spearman"] for score in similarity.values()]),
            "relatedness_mean": mean_of([score["spearman"] for score in relatedness.values()]),
            "opposites": score_opposites(self._synonyms, self._antonyms, words),
        }


def _read_lists(paths: str | list[str]) -> dict[str, list[RatedPair]]:
    return {name: read_rated_pairs(path) for name, path in named_lists(paths).items()}


def _score_lists(lists: Mapping[str, list[RatedPair]], words: Words) -> dict[str, Any]:
    return {name: score_pairs(pairs, words) for name, pairs in lists.items()}

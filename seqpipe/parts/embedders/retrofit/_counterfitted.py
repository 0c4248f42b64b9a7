"""Antonyms pushed apart, synonyms drawn together, neighbourhoods preserved."""

from dataclasses import asdict
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ConfigError
from seqpipe.parts.embedders._contract import Embedder
from seqpipe.parts.embedders.retrofit._base import MovedEmbedder, OnStep
from seqpipe.parts.embedders.retrofit._counterfit import Objective, counter_fit, near_pairs
from seqpipe.parts.embedders.retrofit._links import Pairs
from seqpipe.parts.embedders.retrofit._lists import (
    Pair,
    list_paths,
    read_antonyms,
    read_synonyms,
)

#: Of neighbours; so many take about 1 GB and, per iteration, some 5 s at a width of 300.
_MOST_PAIRS: Final = 10_000_000


@final
class CounterFitted(MovedEmbedder):
    """The vectors of another embedder, counter-fitted to synonyms and antonyms (Mrkšić et al. 2016).

    Vectors of words that occur in the same contexts are alike, and antonyms do. With d the cosine
    distance, d° the one before, and three weights k, each iteration is a step down the gradient of::

        k1 Σ_antonyms max(0, δ - d(i, j))
        + k2 Σ_synonyms max(0, d(i, j) - γ)
        + k3 Σ_neighbours max(0, d(i, j) - d°(i, j))        neighbours: d° ≤ ρ

    The defaults are the paper's. A pair that's listed both ways is one of antonyms. Vectors are brought
    to length 1 before, and back to their own after. Unknown words have the inner embedder's. The lists
    are read when it's fitted, and aren't needed for a saved one.

    Args:
        embedder: Makes the vectors; it's fitted first.
        antonyms: One list, or several: two words that are each other's antonyms on each line, divided
            by tabs if there's one, else by white space. A line that begins with # is a remark. Plain
            paths, ``package:NAME/below`` or ``data:below``.
        synonyms: The same, of two words or more a line; "" for none.
        iterations: How many steps.
        antonym_weight: k1.
        synonym_weight: k2.
        neighbour_weight: k3; 0 preserves no neighbourhoods.
        antonym_distance: δ: antonyms farther apart than this aren't pushed any more, 0 to 2.
        synonym_distance: γ: synonyms nearer than this aren't drawn any more.
        neighbour_distance: ρ: words nearer than this are neighbours.
        neighbour_words: Neighbours are looked for among so many of the most frequent words, and those
            that are listed; the time for it grows with the square.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        *,
        embedder: Embedder,
        antonyms: str | list[str],
        synonyms: str | list[str] = "",
        iterations: int = 20,
        antonym_weight: float = 0.1,
        synonym_weight: float = 0.1,
        neighbour_weight: float = 0.1,
        antonym_distance: float = 1.0,
        synonym_distance: float = 0.0,
        neighbour_distance: float = 0.2,
        neighbour_words: int = 100_000,
    ) -> None:
        super().__init__(embedder)
        self._synonyms = list_paths("synonyms", synonyms)
        self._antonyms = list_paths("antonyms", antonyms)
        self._iterations, self._neighbour_words = iterations, neighbour_words
        self._objective = Objective(
            antonym_weight,
            synonym_weight,
            neighbour_weight,
            antonym_distance,
            synonym_distance,
            neighbour_distance,
        )
        self._check()

    def _check(self) -> None:
        if not self._antonyms:
            raise ConfigError(
                "`antonyms` names no list; with synonyms alone there is seqpipe.Retrofitted.v1"
            )
        if self._iterations < 1:
            raise ConfigError(f"`iterations` is {self._iterations}; it must be at least 1")
        if self._neighbour_words < 0:
            raise ConfigError(f"`neighbour_words` is {self._neighbour_words}; it must be 0 or more")
        for name, value in asdict(self._objective).items():
            most = 2.0 if name.endswith("distance") else 1.0
            if not 0 <= value <= most:
                raise ConfigError(f"`{name}` is {value}; it must lie between 0 and {most:g}")

    def _read_lists(self) -> dict[str, list[Pair]]:
        return {
            "synonyms": read_synonyms(self._synonyms),
            "antonyms": read_antonyms(self._antonyms),
        }

    def _rows(self, pairs: dict[str, Pairs], size: int) -> NDArray[np.int64]:
        frequent = np.arange(min(size, self._neighbour_words) if self._preserves() else 0)
        return np.unique(np.concatenate([frequent, *(each.ravel() for each in pairs.values())]))

    def _move(
        self, units: NDArray[np.float32], pairs: dict[str, Pairs], on_step: OnStep
    ) -> NDArray[np.float32]:
        distance = self._objective.neighbour_distance
        near = near_pairs(units if self._preserves() else units[:0], distance, most=_MOST_PAIRS)
        return counter_fit(
            units,
            synonyms=pairs["synonyms"],
            antonyms=pairs["antonyms"],
            near=near,
            objective=self._objective,
            iterations=self._iterations,
            on_step=on_step,
        )

    def _preserves(self) -> bool:
        return self._objective.neighbour_weight > 0 and self._neighbour_words > 0

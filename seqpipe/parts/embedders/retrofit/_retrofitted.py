"""Synonyms drawn together."""

from typing import final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ConfigError
from seqpipe.parts.embedders._contract import Embedder
from seqpipe.parts.embedders.retrofit._base import MovedEmbedder, OnStep
from seqpipe.parts.embedders.retrofit._links import Pairs
from seqpipe.parts.embedders.retrofit._lists import Pair, list_paths, read_synonyms
from seqpipe.parts.embedders.retrofit._retrofit import retrofit


@final
class Retrofitted(MovedEmbedder):
    """The vectors of another embedder, drawn towards their synonyms (Faruqui et al. 2015).

    With q̂_i the word's vector as it was, each iteration goes through the words and sets::

        q_i = (α q̂_i + Σ_j β_ij q_j) / (α + Σ_j β_ij)        β_ij = 1 / (number of i's synonyms)

    over its synonyms j. Vectors are brought to length 1 before, and back to their own after. Words that
    aren't listed keep theirs, and unknown words have the inner embedder's. The lists are read when it's
    fitted, and aren't needed for a saved one.

    Args:
        embedder: Makes the vectors; it's fitted first.
        synonyms: One list, or several: words that are each other's synonyms on each line, divided by
            tabs if there's one, else by white space. A line that begins with # is a remark. Plain paths,
            ``package:NAME/below`` or ``data:below``.
        iterations: How often the words are gone through.
        own_weight: α: how much a word's own vector counts, where its synonyms together count 1.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        *,
        embedder: Embedder,
        synonyms: str | list[str],
        iterations: int = 10,
        own_weight: float = 1.0,
    ) -> None:
        super().__init__(embedder)
        self._synonyms = list_paths("synonyms", synonyms)
        if not self._synonyms:
            raise ConfigError("`synonyms` names no list, and there's nothing to move vectors by")
        if iterations < 1:
            raise ConfigError(f"`iterations` is {iterations}; it must be at least 1")
        if not 0 <= own_weight < float("inf"):
            raise ConfigError(f"`own_weight` is {own_weight}; it must be 0 or more")
        self._iterations, self._own_weight = iterations, own_weight

    def _read_lists(self) -> dict[str, list[Pair]]:
        return {"synonyms": read_synonyms(self._synonyms)}

    def _rows(self, pairs: dict[str, Pairs], size: int) -> NDArray[np.int64]:
        return np.unique(pairs["synonyms"])

    def _move(
        self, units: NDArray[np.float32], pairs: dict[str, Pairs], on_step: OnStep
    ) -> NDArray[np.float32]:
        return retrofit(
            units,
            pairs["synonyms"],
            iterations=self._iterations,
            own_weight=self._own_weight,
            on_step=on_step,
        )

"""Vectors of documents by latent semantic indexing."""

from collections.abc import Mapping
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from seqpipe.workers import Tables

from seqpipe_doc2vec._topics import Counts, TopicModel, import_library


@final
class Lsi(TopicModel):
    """Vectors of documents by latent semantic indexing (Deerwester et al. 1990): TF-IDF, in few dimensions.

    A document has for each known word (1 + ln count) · (1 + ln((1 + D) / (1 + d))), d being in how many of the D documents
    that were fitted on the word occurs, scaled to the length 1. A truncated singular value decomposition of these has the
    directions in which they differ most, and a document's vector is where it lies along them. A word has the
    vector of a document that has nothing else.

    Fitting needs scikit-learn, and holds the counts of all documents in memory: 12 bytes for each distinct word of each.

    Args:
        width: How many directions there are. If the documents have fewer, the rest are zeros.
        min_count: How often a word must occur to be known.
        max_share: Words that occur in a larger share of the documents are left out.
        lower: Whether words are lower-cased, in fitting and later.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self, *, width: int = 100, min_count: int = 2, max_share: float = 1.0, lower: bool = False
    ) -> None:
        super().__init__(width=width, min_count=min_count, max_share=max_share, lower=lower)

    def _train(self, counts: Counts, seed: int) -> Mapping[str, NDArray[Any]]:
        library = import_library("utils.extmath")
        from scipy.sparse import csr_matrix

        documents, words = len(counts.ends) - 1, len(counts.words)
        occurs_in = np.bincount(counts.columns, minlength=words)
        rarity = 1 + np.log((1 + documents) / (1 + occurs_in))
        values = (1 + np.log(counts.counts)) * rarity[counts.columns]
        document = np.repeat(np.arange(documents), np.diff(counts.ends))
        lengths = np.sqrt(np.bincount(document, weights=values**2, minlength=documents))
        matrix = csr_matrix(
            (values / lengths[document], counts.columns, counts.ends), shape=(documents, words)
        )
        found = min(self.width, words, documents)
        _, _, axes = library.randomized_svd(matrix, found, random_state=seed % 2**32)
        directions = np.zeros((words, self.width), dtype=np.float32)
        directions[:, :found] = axes.T
        return {"directions": directions, "rarity": rarity}

    def _array_forms(self) -> Mapping[str, Any]:
        return {"directions": (np.float32, (-1, self.width)), "rarity": (np.float64, (-1,))}

    def _word_vectors(self, tables: Tables) -> NDArray[np.float32]:
        directions: NDArray[np.float32] = tables.arrays["directions"]
        return directions

    def _topic_weights(self, tables: Tables) -> NDArray[Any]:
        return self._word_vectors(tables)

    def _infer(
        self, tables: Tables, rows: NDArray[np.intp], counts: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        values = (1 + np.log(counts)) * tables.arrays["rarity"][rows]
        vector: NDArray[np.float64] = values @ tables.arrays["directions"][rows].astype(np.float64)
        return vector / np.linalg.norm(values)

"""Vectors of documents by latent Dirichlet allocation."""

from collections.abc import Mapping
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray
from seqpipe.workers import Tables

from seqpipe_doc2vec._topics import Counts, TopicModel, import_library, refusal

#: How often a document's shares are computed anew at most, and from which mean change on; the library's.
_MOST_STEPS: Final = 100
_SMALL_CHANGE: Final = 1e-3


@final
class Lda(TopicModel):
    """Vectors of documents by latent Dirichlet allocation (Blei et al. 2003): the shares of topics.

    Each word of a document is taken from a topic, a distribution over words. A document's vector is how much of it comes
    from which topic, and sums to 1; it's found by variational inference (Hoffman et al. 2010). A word's vector is how likely each
    topic is to have brought it forth, if all are as frequent.

    Fitting needs scikit-learn, and holds the counts of all documents in memory: 12 bytes for each distinct word of each.

    Args:
        width: How many topics there are.
        passes: How often the documents are gone through.
        min_count: How often a word must occur to be known.
        max_share: Words that occur in a larger share of the documents are left out, since topics of these say nothing.
        lower: Whether words are lower-cased, in fitting and later.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        *,
        width: int = 100,
        passes: int = 10,
        min_count: int = 2,
        max_share: float = 0.3,
        lower: bool = False,
    ) -> None:
        super().__init__(width=width, min_count=min_count, max_share=max_share, lower=lower)
        if passes < 1:
            raise refusal("passes", passes, "must be at least 1")
        self._passes = passes

    def _train(self, counts: Counts, seed: int) -> Mapping[str, NDArray[Any]]:
        library = import_library("decomposition")
        from scipy.sparse import csr_matrix

        shape = (len(counts.ends) - 1, len(counts.words))
        matrix = csr_matrix((counts.counts, counts.columns, counts.ends), shape=shape)
        model = library.LatentDirichletAllocation(
            self.width,
            max_iter=self._passes,
            learning_method="online",
            mean_change_tol=_SMALL_CHANGE,
            max_doc_update_iter=_MOST_STEPS,
            random_state=seed % 2**32,
        )
        # An empty document says nothing about topics.
        model.fit(matrix[np.diff(counts.ends) > 0])
        return {
            "weights": np.ascontiguousarray(model.components_.T),
            "expected": np.ascontiguousarray(model.exp_dirichlet_component_.T),
        }

    def _array_forms(self) -> Mapping[str, Any]:
        form = (np.float64, (-1, self.width))
        return {"weights": form, "expected": form}

    def _word_vectors(self, tables: Tables) -> NDArray[np.float32]:
        likely = self._topic_weights(tables)
        vectors: NDArray[np.float32] = (likely / likely.sum(axis=1, keepdims=True)).astype(
            np.float32
        )
        return vectors

    def _topic_weights(self, tables: Tables) -> NDArray[Any]:
        """Return how likely each word is in each topic."""
        weights: NDArray[np.float64] = tables.arrays["weights"]
        likely: NDArray[np.float64] = weights / weights.sum(axis=0)
        return likely

    def _infer(
        self, tables: Tables, rows: NDArray[np.intp], counts: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        # It takes a moment to import, and vectors of words don't need it.
        from scipy.special import psi

        expected = tables.arrays["expected"][rows]
        prior = 1 / self.width
        shares = np.ones(self.width)
        for _ in range(_MOST_STEPS):
            before = shares
            topics = np.exp(psi(shares) - psi(shares.sum()))
            likely = expected @ topics + np.finfo(np.float64).eps
            shares = prior + topics * (counts / likely @ expected)
            if np.abs(shares - before).mean() < _SMALL_CHANGE:
                break
        normalized: NDArray[np.float64] = shares / shares.sum()
        return normalized

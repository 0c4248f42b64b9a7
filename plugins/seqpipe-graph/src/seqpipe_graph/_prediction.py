"""Link prediction, as a score: whether the vectors of nodes predict unseen edges."""

from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray
from seqpipe.errors import DataError
from seqpipe.evaluation import Fitted

from seqpipe_graph._graph import Graph
from seqpipe_graph._pairs import Pairs, PairSet, arcs_of, steps_of

#: How many edges are enough to learn from which parts of two vectors matter.
_MAX_EDGES: Final = 20_000
#: Random streams of one seed: pairs to test on, and pairs to learn from.
_TEST, _TRAIN = range(2)


@final
class LinkPrediction:
    """Separates held-out edges from pairs of nodes that aren't edges, by the nodes' vectors.

    By the cosine of two vectors, and by logistic regression on their products (Hadamard), learnt from the
    edges that were fitted on and from pairs that aren't among these. Held-out edges are never learnt from,
    and those that were fitted on too are left out. Beside it stand what the number of common neighbours
    tells, and the product of the nodes' degrees (preferential attachment). All of them but the last two
    take both directions of an edge as the same.

    Args:
        directed: Whether edges lead from the first node to the second only.
    """

    def __init__(self, *, directed: bool = False) -> None:
        self._directed = directed

    def __call__(self, fitted: Fitted) -> dict[str, Any]:
        """Score an embedding.

        Returns:
            The number of "edges" that were held out, of those "in_train", which are left out, of those
            "covered", whose nodes occur in edges that were fitted on, and the "coverage"; as many pairs
            that aren't edges are drawn. For each way, the area under the ROC curve "auc" and the
            "average_precision".

        Raises:
            DataError: There are no edges to test on, or none that were fitted on, or nearly all pairs are edges.
        """
        graph = Graph.from_edges(fitted.train(), directed=self._directed)
        seen = self._set(arcs_of(graph), graph)
        steps, unknown = steps_of(fitted.test(), graph)
        given = self._set(steps, graph)
        if not len(graph.names) and not len(given) and not unknown:
            raise DataError(
                "links are predicted beside the edges that vectors were fitted on, and a saved embedding comes "
                "without them: score it in the run that fits it, by a section [evaluation.NAME]"
            )
        edges = given.pairs[~seen.has(given.pairs)]
        if not len(edges):
            raise DataError(
                f"there are no edges to predict: {len(given) + unknown} were held out, {unknown} of them with a "
                f"node of no other edge, and {len(given)} were fitted on too; give the test part a "
                "share in `split` of [data]"
            )
        others = self._others(seen, edges, graph, fitted.seed)
        return {
            "edges": len(given) + unknown,
            "in_train": len(given) - len(edges),
            "covered": len(edges),
            "coverage": len(edges) / (len(edges) + unknown),
            **self._scores(fitted, graph, seen, np.concatenate([edges, others])),
        }

    def _set(self, pairs: Pairs, graph: Graph) -> PairSet:
        return PairSet(pairs, len(graph.names), directed=self._directed)

    def _others(self, seen: PairSet, edges: Pairs, graph: Graph, seed: int) -> Pairs:
        every = self._set(np.concatenate([seen.pairs, edges]), graph)
        return every.others(len(edges), np.random.default_rng([seed, _TEST]))

    def _scores(
        self, fitted: Fitted, graph: Graph, seen: PairSet, pairs: Pairs
    ) -> dict[str, dict[str, float]]:
        vectors = _units(fitted.embedder.embed(graph.names))
        rng = np.random.default_rng([fitted.seed, _TRAIN])
        guesses = {
            "cosine": _products(vectors, pairs).sum(axis=1),
            "hadamard": _learnt(vectors, seen, pairs, rng),
            "common_neighbours": _common_neighbours(graph, pairs),
            "preferential_attachment": _attachment(graph, pairs),
        }
        true = np.arange(len(pairs)) < len(pairs) // 2
        return {name: _score(true, guess) for name, guess in guesses.items()}


def _score(true: NDArray[np.bool_], guess: NDArray[np.floating]) -> dict[str, float]:
    # Here: this takes a second, and spaCy imports the module to list its scorers.
    from sklearn.metrics import average_precision_score, roc_auc_score

    return {
        "auc": float(roc_auc_score(true, guess)),
        "average_precision": float(average_precision_score(true, guess)),
    }


def _units(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def _products(vectors: NDArray[np.float32], pairs: Pairs) -> NDArray[np.float32]:
    return vectors[pairs[:, 0]] * vectors[pairs[:, 1]]


def _learnt(
    vectors: NDArray[np.float32], seen: PairSet, pairs: Pairs, rng: np.random.Generator
) -> NDArray[np.float64]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    edges = rng.permutation(seen.pairs)[:_MAX_EDGES]
    # Drawn without a look at the edges to test on, some of which may be among them.
    others = seen.others(len(edges), rng)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    true = np.arange(2 * len(edges)) < len(edges)
    model.fit(_products(vectors, np.concatenate([edges, others])), true)
    guess: NDArray[np.float64] = model.decision_function(_products(vectors, pairs))
    return guess


def _common_neighbours(graph: Graph, pairs: Pairs) -> NDArray[np.float64]:
    there = graph.to_csr().astype(bool).astype(np.float64)
    back = there.T.tocsr()
    both = there[pairs[:, 0]].multiply(back[pairs[:, 1]])
    return np.asarray(both.sum(axis=1), dtype=np.float64)


def _attachment(graph: Graph, pairs: Pairs) -> NDArray[np.float64]:
    arriving = np.bincount(graph.indices, minlength=len(graph.names))
    degrees: NDArray[np.float64] = graph.degrees[pairs[:, 0]] * arriving[pairs[:, 1]].astype(float)
    return degrees

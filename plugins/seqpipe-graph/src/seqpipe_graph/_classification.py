"""Node classification, as a score: whether the vectors of nodes predict their classes."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias, final

import numpy as np
from numpy.typing import NDArray
from seqpipe.errors import ConfigError, DataError
from seqpipe.evaluation import Fitted

from seqpipe_graph._graph import Graph
from seqpipe_graph._labels import Classes, Labels, agreement, most_likely, read_labels

#: Takes the places of nodes to learn from and of nodes to predict, and returns how likely each class is.
Classifier: TypeAlias = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]

_VECTORS: Final = "vectors"


@final
class NodeClassification:
    """Predicts the classes of nodes from their vectors, by logistic regression, one class against the rest.

    It learns from a share of the nodes, drawn anew for each split, and predicts the others, as many classes
    for each as the node has (Perozzi et al. 2014; OpenNE). Beside it stand what the most frequent classes
    get, and the classes that are most frequent among a node's neighbours to learn from.

    Args:
        path: The file of labels, on each line a node and one label or more: a plain path,
            ``package:NAME/below`` or ``data:below``.
        shares: Which shares of the nodes to learn from.
        splits: How many times nodes are drawn for each share.
        separator: What stands between node and labels; None means any white space.
        comment: What lines begin with that are passed over; empty if none are.
        strength: How free the classifier is, the C of scikit-learn.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        *,
        path: str,
        shares: Sequence[float] = (0.1, 0.5),
        splits: int = 10,
        separator: str | None = None,
        comment: str = "#",
        strength: float = 1.0,
    ) -> None:
        if not shares or not all(0 < share < 1 for share in shares):
            raise ConfigError(f"`shares` is {list(shares)}; it must be numbers between 0 and 1")
        if splits < 1:
            raise ConfigError(f"`splits` is {splits}; it must be at least 1")
        if not (strength > 0 and math.isfinite(strength)):
            raise ConfigError(f"`strength` is {strength}; it must be above 0")
        if separator == "":
            raise ConfigError("`separator` is empty; leave it out for white space")
        self._path = path
        self._shares = tuple(shares)
        self._splits = splits
        self._separator = separator
        self._comment = comment
        self._strength = strength

    def __call__(self, fitted: Fitted) -> dict[str, Any]:
        """Score an embedding.

        Returns:
            "nodes" with labels, the number of those "covered", that have a vector, and the "coverage";
            only these are scored. By share: how many nodes it's "trained" on, the means over the splits of
            "micro_f1", "macro_f1" and "accuracy", the standard deviation "micro_f1_deviation", and the
            micro-F1 of the baselines, "majority_micro_f1" and "neighbours_micro_f1"; the latter is None
            where the edges aren't at hand.

        Raises:
            DataError: The file can't be read, or too few of its nodes have a vector.
        """
        all_labels = read_labels(self._path, separator=self._separator, comment=self._comment)
        known = set(fitted.embedder.vocabulary)
        labels = all_labels.of([node in known for node in all_labels.nodes])
        covered = len(labels.nodes)
        self._check(covered, len(all_labels.nodes))
        ways = self._ways(labels, fitted)
        return {
            "nodes": len(all_labels.nodes),
            "covered": covered,
            "coverage": covered / len(all_labels.nodes),
            "classes": len(labels.names),
            "splits": self._splits,
            **{
                f"{share:g}": self._score(ways, labels, share, fitted.seed)
                for share in self._shares
            },
        }

    def _check(self, covered: int, total: int) -> None:
        for share in self._shares:
            if not 1 <= _count(share, covered) < covered:
                raise DataError(
                    f"{covered} of the {total} nodes of {self._path} have a vector, and a share of {share:g} "
                    "of these leaves none to learn from: are they named as in the graph?"
                )

    def _ways(self, labels: Labels, fitted: Fitted) -> dict[str, Classifier | None]:
        classes, nodes = labels.classes, labels.nodes
        return {
            _VECTORS: _by_vectors(fitted.embedder.embed(nodes), classes, self._strength),
            "majority": _by_majority(classes),
            "neighbours": _by_neighbours(_graph(fitted, nodes), nodes, classes),
        }

    def _score(
        self, ways: Mapping[str, Classifier | None], labels: Labels, share: float, seed: int
    ) -> dict[str, float | None]:
        count = len(labels.nodes)
        trained = _count(share, count)
        orders = [
            np.random.default_rng([seed, split]).permutation(count) for split in range(self._splits)
        ]
        splits = [(order[:trained], order[trained:]) for order in orders]
        scores: dict[str, float | None] = {"trained": trained}
        for name, classify in ways.items():
            found = _mean([_try(classify, labels, *split) for split in splits]) if classify else {}
            if name == _VECTORS:
                scores |= found
            else:
                scores[f"{name}_micro_f1"] = found.get("micro_f1")
        return scores


def _try(
    classify: Classifier, labels: Labels, train: NDArray[np.int64], test: NDArray[np.int64]
) -> dict[str, float]:
    true = labels.classes[test]
    return agreement(true, most_likely(classify(train, test), true.sum(axis=1)))


def _mean(scores: Sequence[dict[str, float]]) -> dict[str, float]:
    means = {name: float(np.mean([each[name] for each in scores])) for name in scores[0]}
    return {**means, "micro_f1_deviation": float(np.std([each["micro_f1"] for each in scores]))}


def _by_vectors(vectors: NDArray[np.float32], classes: Classes, strength: float) -> Classifier:
    # Here: this takes a second, and spaCy imports the module to list its scorers.
    from sklearn.linear_model import LogisticRegression

    def classify(train: NDArray[np.int64], test: NDArray[np.int64]) -> NDArray[np.float64]:
        shares = classes[train].mean(axis=0)
        scores = np.tile(shares, (len(test), 1))
        # Nothing is learnt of a class that all have or none.
        for column in np.flatnonzero((shares > 0) & (shares < 1)):
            model = LogisticRegression(C=strength, max_iter=1000)
            model.fit(vectors[train], classes[train, column])
            scores[:, column] = model.predict_proba(vectors[test])[:, 1]
        return scores

    return classify


def _count(share: float, of: int) -> int:
    # 0.29 times 100 is a bit less than 29.
    return int(round(share * of, 6))


def _graph(fitted: Fitted, nodes: Sequence[str]) -> Graph:
    # A node may have a vector, of a file for instance, and no edge that was fitted on.
    return Graph.from_edges(itertools.chain(fitted.train(), ((node,) for node in nodes)))


def _by_majority(classes: Classes) -> Classifier:
    return lambda train, test: np.tile(classes[train].mean(axis=0), (len(test), 1))


def _by_neighbours(graph: Graph, nodes: Sequence[str], classes: Classes) -> Classifier | None:
    if not len(graph.indices):
        return None
    rows = {name: row for row, name in enumerate(graph.names)}
    there = [rows[node] for node in nodes]
    weights = graph.to_csr()[there][:, there]

    def classify(train: NDArray[np.int64], test: NDArray[np.int64]) -> NDArray[np.float64]:
        votes = weights[test][:, train] @ classes[train].astype(np.float64)
        totals = votes.sum(axis=1, keepdims=True)
        # The classes' own shares decide where neighbours don't.
        shares = classes[train].mean(axis=0)
        return np.asarray(votes / np.where(totals > 0, totals, 1) + 1e-6 * shares)

    return classify

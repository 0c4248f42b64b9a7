"""The order of rows in which like ones stand beside each other."""

import numpy as np
from numpy.typing import NDArray


def similar_order(rows: NDArray[np.floating]) -> list[int]:
    """Return the order of rows, `[N, M]`, at the leaves of a tree of clusters.

    Clusters are merged by average linkage (UPGMA; Sokal & Michener 1958) of Euclidean distances, from the nearest on, and each is
    turned so that the ends that meet are as near as they can be.
    """
    distances = _distances(np.asarray(rows, dtype=np.float64))
    between = distances.copy()
    np.fill_diagonal(between, np.inf)
    orders = [[number] for number in range(len(rows))]
    sizes = np.ones(len(rows))
    for _ in range(len(rows) - 1):
        first, second = map(int, np.unravel_index(between.argmin(), between.shape))
        orders[first] = _joined(orders[first], orders[second], distances)
        weights = sizes[[first, second]] / sizes[[first, second]].sum()
        merged = weights @ between[[first, second]]
        between[first], between[:, first] = merged, merged
        between[first, first] = np.inf
        between[second], between[:, second] = np.inf, np.inf
        sizes[first] += sizes[second]
    return orders[int(sizes.argmax())] if orders else []


def _distances(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = (rows**2).sum(1)
    products = squares[:, None] + squares - 2 * rows @ rows.T
    return np.asarray(np.sqrt(np.maximum(products, 0)))


def _joined(one: list[int], other: list[int], distances: NDArray[np.float64]) -> list[int]:
    ways = [(a, b) for a in (one, one[::-1]) for b in (other, other[::-1])]
    left, right = min(ways, key=lambda way: float(distances[way[0][-1], way[1][0]]))
    return left + right

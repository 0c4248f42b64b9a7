"""From paths of node names to arrays of arcs."""

import math
import numbers
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray
from seqpipe.errors import DataError

#: How many characters of something strange a message shows.
_SHOWN = 60


class Edge(tuple[str, ...]):
    """Nodes along a path, with what each step of it weighs; of two nodes it's a weighted edge.

    It's equal to any tuple of the same nodes, whatever the weight.

    Args:
        nodes: Their names.
        weight: Of the arcs between them.

    Attributes:
        weight: As given.
    """

    weight: float

    def __new__(cls, nodes: Iterable[str], weight: float = 1.0) -> "Edge":
        """Make the tuple."""
        made = super().__new__(cls, nodes)
        made.weight = weight
        return made

    def __getnewargs__(self) -> tuple[tuple[str, ...], float]:
        """Return what a copy is made from."""
        return tuple(self), self.weight


@dataclass(frozen=True, eq=False)
class Arcs:
    """What paths say about a graph.

    Attributes:
        names: The nodes, the one that occurs most often first, of equals the one that occurred first.
        sources: Where each arc begins, a place in `names`, `[A]`.
        targets: Where it ends, `[A]`.
        weights: What it weighs, `[A]`.
    """

    names: tuple[str, ...]
    sources: NDArray[np.int32]
    targets: NDArray[np.int32]
    weights: NDArray[np.float64]


def read_paths(paths: Iterable[Sequence[str]]) -> Arcs:
    """Read each path once. Consecutive nodes are joined by an arc; one node alone is only there.

    Raises:
        DataError: A path is a string, holds something other than strings, or has a weight that isn't a number
            of at least 0.
    """
    numbers = _Numbers()
    sources, targets, lasts, weights = array("i"), array("i"), array("i"), array("d")
    for place, path in enumerate(paths, start=1):
        weight = _check(path, place)
        nodes = [numbers[name] for name in path]
        lasts.extend(nodes[-1:])
        sources.extend(nodes[:-1])
        targets.extend(nodes[1:])
        weights.extend(repeat(weight, len(nodes) - 1))
    return _by_frequency(
        list(numbers), _array(sources), _array(targets), _array(lasts), np.array(weights)
    )


class _Numbers(dict[str, int]):
    """Each node's number, by first occurrence."""

    def __missing__(self, name: str) -> int:
        if not isinstance(name, str):
            raise DataError(f"{name!r} is a {type(name).__name__}; a node is named by a text")
        number = self[name] = len(self)
        return number


def _array(numbers: "array[int]") -> NDArray[np.int32]:
    return np.array(numbers, dtype=np.int32)


def _check(path: Sequence[str], place: int) -> float:
    if isinstance(path, str):
        raise DataError(
            f"path {place} is a string, {path[:_SHOWN]!r}, where the names of nodes are needed: "
            'split it, or read it by "graph.Edges.v1"'
        )
    weight: float = getattr(path, "weight", 1.0)
    if not (isinstance(weight, numbers.Real) and weight >= 0 and math.isfinite(weight)):
        raise DataError(
            f"path {place}, {str(list(path))[:_SHOWN]}, weighs {weight}; "
            "a weight must be a number and at least 0"
        )
    return weight


def _by_frequency(
    names: list[str],
    sources: NDArray[np.int32],
    targets: NDArray[np.int32],
    lasts: NDArray[np.int32],
    weights: NDArray[np.float64],
) -> Arcs:
    # Every node of a path begins an arc, or is the path's last.
    counts = np.bincount(sources, minlength=len(names)) + np.bincount(lasts, minlength=len(names))
    order = np.argsort(-counts, kind="stable")
    rank = np.empty(len(names), dtype=np.int32)
    rank[order] = np.arange(len(names), dtype=np.int32)
    return Arcs(tuple(names[node] for node in order), rank[sources], rank[targets], weights)

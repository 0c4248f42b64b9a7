"""From scores to the probabilities of labels, as the library's losses have it.

To the library's own numbers: sigmoids come from a table of 512, and a small number is added before each
logarithm.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_TABLE_SIZE: Final = 512
_LARGEST: Final = 8

#: What the library adds before it takes a logarithm, so that probabilities may be a bit above 1.
ADDED: Final = 1e-5

_TABLE: Final[NDArray[np.float32]] = (
    1.0 / (1.0 + np.exp(-(np.arange(_TABLE_SIZE + 1) * 2.0 * _LARGEST / _TABLE_SIZE - _LARGEST)))
).astype(np.float32)


def softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probabilities of labels of which one holds, `[B, L]`."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float32] = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def sigmoid(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probabilities of labels each of which holds or doesn't, `[B, L]`, from the table."""
    places = (np.clip(scores, -_LARGEST, _LARGEST) + _LARGEST) * _TABLE_SIZE / _LARGEST / 2
    found = _TABLE[places.astype(np.int64)]
    return np.where(scores < -_LARGEST, 0, np.where(scores > _LARGEST, 1, found)).astype(np.float32)


class Tree:
    """The tree of labels of the hierarchical softmax (Huffman 1952, Morin and Bengio 2005).

    Args:
        counts: How often each label occurs, the most frequent first: `[L]`.
    """

    def __init__(self, counts: NDArray[np.int64]) -> None:
        self._labels = len(counts)
        self._levels = _levels(_merge(counts.tolist()), self._labels)

    def probabilities(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probabilities of the labels, `[B, L]`.

        Args:
            scores: Of the inner nodes, `[B, L]`; the last one belongs to none.
        """
        # A large negative score overflows to infinity, and that's a right turn of probability 0.
        with np.errstate(over="ignore"):
            right = 1 / (1 + np.exp(-scores))
        logs = np.zeros((len(scores), 2 * self._labels - 1))
        for parents, left_children, right_children in self._levels:
            turn = right[:, parents - self._labels]
            logs[:, left_children] = logs[:, parents] + np.log(1 - turn + ADDED)
            logs[:, right_children] = logs[:, parents] + np.log(turn + ADDED)
        return np.exp(logs[:, : self._labels]).astype(np.float32)


def _merge(counts: list[int]) -> list[tuple[int, int]]:
    """Return the children of each inner node; inner nodes are numbered after the leaves."""
    weights = counts.copy()
    leaf, node = len(counts) - 1, len(counts)
    children = []
    for _ in range(len(counts) - 1):
        pair = []
        for _ in range(2):
            # Of equally rare ones the inner node comes first.
            if leaf >= 0 and (node >= len(weights) or weights[leaf] < weights[node]):
                pair.append(leaf)
                leaf -= 1
            else:
                pair.append(node)
                node += 1
        children.append((pair[0], pair[1]))
        weights.append(weights[pair[0]] + weights[pair[1]])
    return children


_Level = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]


def _levels(children: list[tuple[int, int]], labels: int) -> list[_Level]:
    """Return the inner nodes with their children, level by level from the root."""
    levels: list[_Level] = []
    parents = [2 * labels - 2] if children else []
    while parents:
        pairs = np.array([children[parent - labels] for parent in parents], dtype=np.intp)
        levels.append((np.array(parents, dtype=np.intp), pairs[:, 0], pairs[:, 1]))
        parents = [child for child in pairs.ravel().tolist() if child >= labels]
    return levels

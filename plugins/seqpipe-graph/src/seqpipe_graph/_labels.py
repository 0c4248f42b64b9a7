"""The labels of nodes, and how well predicted ones agree with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from seqpipe.errors import DataError
from seqpipe.parts.readers import open_lines

#: A row for each node, a column for each class: whether it's of that class.
Classes = NDArray[np.bool_]

_SHOWN = 60


@dataclass(frozen=True)
class Labels:
    """The labels of nodes.

    Attributes:
        nodes: In the order that they're named in, `[N]`.
        names: The classes, sorted, `[C]`.
        classes: Which of them each node is of, at least one, `[N, C]`.
    """

    nodes: Sequence[str]
    names: Sequence[str]
    classes: Classes

    def of(self, kept: Sequence[bool]) -> "Labels":
        """Return the labels of some nodes, with those classes that they're of."""
        rows = self.classes[np.asarray(kept, dtype=bool)]
        used = rows.any(axis=0)
        return Labels(
            [node for node, keep in zip(self.nodes, kept, strict=True) if keep],
            [name for name, use in zip(self.names, used, strict=True) if use],
            rows[:, used],
        )


def read_labels(path: str, *, separator: str | None, comment: str) -> Labels:
    """Read a file of a node and its labels on each line; what's said of a node twice is put together.

    Raises:
        DataError: The file can't be read, a line has no label, or there are no lines.
    """
    found: dict[str, set[str]] = {}
    for number, line in enumerate(open_lines(path), start=1):
        if not line.strip() or (comment and line.lstrip().startswith(comment)):
            continue
        node, *labels = (cell.strip() for cell in line.split(separator))
        labels = [label for label in labels if label]
        if not node or not labels:
            raise DataError(
                f"{path}:{number}: it should be a node and its labels, and is {line[:_SHOWN]!r}; "
                f"`separator` is {separator!r}"
            )
        found.setdefault(node, set()).update(labels)
    if not found:
        raise DataError(f"{path} holds no labels")
    return _labels(found)


def _labels(found: Mapping[str, set[str]]) -> Labels:
    names = sorted(set().union(*found.values()))
    columns = {name: column for column, name in enumerate(names)}
    classes = np.zeros((len(found), len(names)), dtype=bool)
    for row, labels in enumerate(found.values()):
        classes[row, [columns[label] for label in labels]] = True
    return Labels(list(found), names, classes)


def most_likely(scores: NDArray[np.float64], counts: NDArray[np.int64]) -> Classes:
    """Return the likeliest classes of each node, as many as it has.

    Of equally likely ones the last come first, as in the programs of DeepWalk and OpenNE, which take the end of an
    ascending order.

    Args:
        scores: How likely each class is, `[N, C]`.
        counts: How many each node has, `[N]`.
    """
    order = np.argsort(scores, axis=1, kind="stable")[:, ::-1]
    chosen = np.zeros(scores.shape, dtype=bool)
    np.put_along_axis(chosen, order, np.arange(scores.shape[1]) < counts[:, None], axis=1)
    return chosen


def agreement(true: Classes, predicted: Classes) -> dict[str, float]:
    """Return the micro- and macro-averaged F1, and the share of nodes whose classes are all right."""
    # Here: this takes a second, and spaCy imports the module to list its scorers.
    from sklearn.metrics import f1_score

    return {
        "micro_f1": float(f1_score(true, predicted, average="micro", zero_division=0)),
        "macro_f1": float(f1_score(true, predicted, average="macro", zero_division=0)),
        "accuracy": float((true == predicted).all(axis=1).mean()),
    }

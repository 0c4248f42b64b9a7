"""Hidden states as points in a plane: the trajectory of a text."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Trajectory:
    """The trajectory of a text in the plane in which hidden states differ most.

    Attributes:
        points: Where the state is after each word, `[N, 2]`.
        others: Where states of other texts are, `[S, 2]`.
        shares: Which shares of the states' variance the two axes have.
    """

    points: NDArray[np.float64]
    others: NDArray[np.float64]
    shares: tuple[float, float]


def place_states(
    states: NDArray[np.floating], others: NDArray[np.floating] | None = None
) -> Trajectory:
    """Place hidden states on their two principal components.

    These are those of all states, the text's and the others'. A component's sign is such that its largest entry is positive.

    Args:
        states: After each word of a text, `[N, units]`.
        others: Of other texts, `[S, units]`.
    """
    beside = np.zeros((0, states.shape[1])) if others is None else np.asarray(others, np.float64)
    together = np.concatenate([np.asarray(states, np.float64), beside])
    centre = together.mean(0)
    _, sizes, axes = np.linalg.svd(together - centre, full_matrices=False)
    axes = np.pad(axes[:2], ((0, max(0, 2 - len(axes))), (0, 0)))
    largest = axes[np.arange(2), np.abs(axes).argmax(1)]
    axes = axes * np.where(largest < 0, -1, 1)[:, None]
    variances = np.pad(sizes**2, (0, 2))
    first, second = variances[:2] / max(float(variances.sum()), np.finfo(float).tiny)
    points = (together - centre) @ axes.T
    return Trajectory(points[: len(states)], points[len(states) :], (float(first), float(second)))

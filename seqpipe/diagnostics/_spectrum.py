"""The spectra of recurrent weights, over a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seqpipe.diagnostics._plotting import axes_or_new
from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.cells import GatedCell

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The spectra of some square matrices at some steps of a training.

    Attributes:
        steps: The steps, `[T]`.
        radius: By name, the largest modulus of an eigenvalue at each step: `[T]`.
        singular_values: By name, the singular values at each step, the largest first: `[T, n]`.
    """

    steps: npt.NDArray[np.int64]
    radius: dict[str, npt.NDArray[np.float64]]
    singular_values: dict[str, npt.NDArray[np.float64]]

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw each spectral radius by step, and the spectral norm, the largest singular value, dashed.

        Args:
            axes: Where to draw; None makes a new figure, which is the result's ``figure``.

        Returns:
            The axes.

        Raises:
            PlotError: matplotlib isn't installed.
        """
        axes = axes_or_new(axes)
        for name, radius in self.radius.items():
            (line,) = axes.plot(self.steps, radius, label=name)
            largest = self.singular_values[name][:, 0]
            axes.plot(self.steps, largest, linestyle="--", color=line.get_color())
        axes.set(xlabel="step", ylabel="spectral radius; dashed: norm")
        axes.legend()
        return axes


class SpectrumRecorder:
    """Records the spectra of recurrent weights while they're trained.

    Call it with the number of each step. Where the spectral radius of a simple network's weights is
    below 1, its gradients vanish; where the largest singular value is above 1, they may explode
    (Pascanu, Mikolov & Bengio 2013). For gates there's no such rule, but they show what training does.

    Args:
        weights: A gated cell, whose recurrent weights are recorded by gate; or square matrices by name,
            such as views of a parameter.
        every: It records the steps that are multiples of this, and skips the others.

    Raises:
        ConfigError: There's no matrix, one isn't square, or `every` is less than 1.
    """

    def __init__(self, weights: GatedCell | Mapping[str, Tensor], *, every: int = 1) -> None:
        if every < 1:
            raise ConfigError(f"`every` is {every}; it must be at least 1")
        self._weights = weights
        self._every = every
        self._steps: list[int] = []
        self._radius: dict[str, list[float]] = {}
        self._singular: dict[str, list[npt.NDArray[np.float64]]] = {}
        _check_square(self._matrices())

    def __call__(self, step: int) -> None:
        """Record a step, or skip it.

        Args:
            step: Its number.

        Raises:
            DataError: A weight isn't finite.
        """
        if step % self._every:
            return
        matrices = {name: _to_numpy(name, each) for name, each in self._matrices().items()}
        self._steps.append(step)
        for name, matrix in matrices.items():
            radius = float(np.abs(np.linalg.eigvals(matrix)).max())
            self._radius.setdefault(name, []).append(radius)
            singular = np.linalg.svd(matrix, compute_uv=False).astype(np.float64)
            self._singular.setdefault(name, []).append(singular)

    def spectrum(self) -> Spectrum:
        """Return what has been recorded so far.

        Raises:
            DataError: Nothing has.
        """
        if not self._steps:
            raise DataError("Nothing has been recorded; call the recorder with a step's number")
        return Spectrum(
            np.array(self._steps, dtype=np.int64),
            {name: np.array(values) for name, values in self._radius.items()},
            {name: np.stack(values) for name, values in self._singular.items()},
        )

    def _matrices(self) -> dict[str, Tensor]:
        if not isinstance(self._weights, GatedCell):
            return dict(self._weights)
        gates = self._weights.recurrent_gates
        # torch can't split an empty tensor into no chunks.
        chunks = self._weights.recurrent_weight.chunk(len(gates)) if gates else ()
        return dict(zip(gates, chunks, strict=True))


def _check_square(matrices: Mapping[str, Tensor]) -> None:
    if not matrices:
        raise ConfigError("There are no recurrent weights to record")
    for name, matrix in matrices.items():
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ConfigError(
                f"{name!r} has the shape {tuple(matrix.shape)}; only square matrices have a spectrum"
            )


def _to_numpy(name: str, matrix: Tensor) -> npt.NDArray[np.float64]:
    if not matrix.isfinite().all():
        raise DataError(f"{name!r} has a weight that's NaN or infinite")
    return np.asarray(matrix.detach().to("cpu", torch.float64).numpy(), dtype=np.float64)

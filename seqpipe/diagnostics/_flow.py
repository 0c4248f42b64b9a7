"""How gradients grow or shrink in backpropagation through time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seqpipe.diagnostics._plotting import axes_or_new
from seqpipe.diagnostics._unroll import check_data, evaluating, states_before
from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.cells import Cell, State

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: How many distances are measured where none are named.
_DISTANCES: Final = 32


@dataclass(frozen=True, eq=False)
class GradientFlow:
    """The norms that `gradient_flow` measured.

    Attributes:
        distances: Over how many time steps each gradient was backpropagated: `[D]`, ascending.
        norms: For each sequence and distance the norm, `[B, D]`; NaN where the sequence is shorter.
    """

    distances: npt.NDArray[np.int64]
    norms: npt.NDArray[np.float64]

    @property
    def median(self) -> npt.NDArray[np.float64]:
        """The median of the sequences that are long enough, by distance: `[D]`."""
        return np.asarray(np.nanmedian(self.norms, axis=0), dtype=np.float64)

    def plot(self, axes: Axes | None = None, *, label: str | None = None) -> Axes:
        """Draw the median by distance, in a band from the smallest to the largest, on a log scale.

        Args:
            axes: Where to draw; None makes a new figure, which is the result's ``figure``.
            label: What the legend calls it; None for no legend.

        Returns:
            The axes.

        Raises:
            PlotError: matplotlib isn't installed.
        """
        axes = axes_or_new(axes)
        (line,) = axes.plot(self.distances, self.median, label=label)
        low, high = np.nanmin(self.norms, axis=0), np.nanmax(self.norms, axis=0)
        axes.fill_between(self.distances, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
        axes.set(yscale="log", xlabel="distance in steps", ylabel="norm of the gradient")
        if label is not None:
            axes.legend()
        return axes


def gradient_flow(
    cell: Cell,
    inputs: Tensor,
    lengths: Tensor,
    *,
    distances: Sequence[int] | None = None,
    direction: Literal["largest", "random"] | Tensor = "largest",
    seed: int = 0,
) -> GradientFlow:
    """Measure how a gradient's norm changes as it's backpropagated from the last output through the time steps.

    Let h be a sequence's last output, and s the whole state d steps before, all of its parts side by
    side: h and c of an LSTM. What's measured is ‖v ∂h/∂s‖ for a row v of length 1: 1 where the gradient
    arrives as long as it set out, less where it vanishes, more where it explodes (Pascanu, Mikolov &
    Bengio 2013, "On the difficulty of training recurrent neural networks").

    - "largest" takes the v with the largest norm. That's the spectral norm of the Jacobian, computed
      exactly, for `width` backward passes per sequence.
    - "random" draws a v for each sequence, for one backward pass.
    - Or give gradients of your loss with respect to the last outputs; v is each one's direction.

    At distance d = the sequence's length, s is the initial state. The cell is run in evaluation mode
    and left in its own. Norms may be as small or large as float64 can be, whatever the cell's dtype.

    Args:
        cell: Any cell whose rows don't depend on each other.
        inputs: `[N, input_width]`, the sequences concatenated.
        lengths: `[B]`, int64; 0 is allowed.
        distances: The distances to measure, each at least 1. None takes up to 32, evenly spaced.
        direction: Which v: "largest", "random", or `[B, width]`.
        seed: Of the random directions.

    Raises:
        ConfigError: A distance is less than 1 or longer than every sequence, or there's no such direction.
        DataError: There are no inputs, they have a NaN, shapes don't fit, a direction is zero or not
            finite, or the cell's state doesn't stay finite.
    """
    check_data(cell, inputs, lengths)
    chosen = _check_distances(distances, int(lengths.max()))
    start = _start(cell, inputs, len(lengths), direction, seed)
    lengths = lengths.to(inputs.device)
    with evaluating(cell):
        before = states_before(cell, inputs, lengths)
        norms = _norms_by_distance(cell, inputs, before, lengths, start, chosen)
    return GradientFlow(np.array(chosen, dtype=np.int64), norms)


def _check_distances(distances: Sequence[int] | None, longest: int) -> list[int]:
    if distances is None:
        even = np.linspace(1, longest, num=min(_DISTANCES, longest))
        return sorted({int(each) for each in even.round()})
    if not len(distances):
        raise ConfigError("`distances` is empty; name at least one")
    for distance in distances:
        if distance < 1:
            raise ConfigError(f"`distances` has {distance}; each must be at least 1")
        if distance > longest:
            raise ConfigError(
                f"`distances` has {distance}, but the longest sequence has {longest} steps"
            )
    return sorted({int(distance) for distance in distances})


def _start(cell: Cell, inputs: Tensor, count: int, direction: object, seed: int) -> Tensor:
    """Return the rows v that each sequence starts with: `[B, m, width]`."""
    if isinstance(direction, Tensor):
        return _unit(cell, direction.to(inputs), count)
    if direction == "largest":
        return torch.eye(cell.width).to(inputs).expand(count, -1, -1)
    if direction == "random":
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.randn(count, cell.width, generator=generator)
        return _unit(cell, drawn.to(inputs), count)
    raise ConfigError(f"`direction` is {direction!r}; it must be 'largest', 'random' or a tensor")


def _unit(cell: Cell, rows: Tensor, count: int) -> Tensor:
    if rows.shape != (count, cell.width):
        raise DataError(
            f"`direction` has the shape {tuple(rows.shape)}; it needs [{count}, {cell.width}], "
            "a row for each sequence"
        )
    # Scaled by the largest element first: gradients may be too small to be squared.
    scaled = rows / rows.abs().amax(1, keepdim=True)
    unit = scaled / scaled.square().sum(1, keepdim=True).sqrt()
    if not unit.isfinite().all():
        raise DataError("`direction` has a row that's zero or not finite")
    return unit.unsqueeze(1)


def _norms_by_distance(
    cell: Cell,
    inputs: Tensor,
    before: State,
    lengths: Tensor,
    start: Tensor,
    distances: Sequence[int],
) -> npt.NDArray[np.float64]:
    """Return the norm for each sequence and distance, `[B, D]`."""
    ends = lengths.cumsum(0)
    norms = np.full((len(lengths), len(distances)), np.nan)
    gradients: State | None = None
    running = (lengths > 0).nonzero().squeeze(1)
    log_scale = torch.zeros(len(running), dtype=torch.float64, device=inputs.device)
    for distance in range(1, max(distances) + 1):
        kept = lengths[running] >= distance
        running, log_scale = running[kept], log_scale[kept]
        rows = ends[running] - distance
        state = tuple(s[rows] for s in before)
        cotangents = None if gradients is None else tuple(g[kept] for g in gradients)
        gradients = _backpropagate_step(cell, inputs[rows], state, start[running], cotangents)
        # Their scale is tracked separately, as a hundred steps may take it out of float32's range.
        size = torch.cat(gradients, dim=2).flatten(1).abs().amax(1)
        log_scale = log_scale + size.double().log()
        gradients = tuple(g / size.where(size > 0, 1)[:, None, None] for g in gradients)
        if distance in distances:
            norms[running.cpu().numpy(), distances.index(distance)] = _norms(gradients, log_scale)
    return norms


def _backpropagate_step(
    cell: Cell, inputs: Tensor, state: State, start: Tensor, cotangents: State | None
) -> State:
    """Backpropagate gradients through one time step: from the output at first, from the state later.

    Args:
        cell: The cell.
        inputs: `[R, input_width]`
        state: The state before the step, `[R, n]` each.
        start: Gradients of the output, `[R, m, width]`.
        cotangents: Gradients of the state after the step, `[R, m, n]` each; None at the last step.

    Returns:
        Gradients of the state before the step, `[R, m, n]` each.
    """
    copies = start.shape[1]
    with torch.enable_grad():
        leaves = tuple(s.repeat_interleave(copies, 0).requires_grad_() for s in state)
        output, after = cell(inputs.repeat_interleave(copies, 0), leaves)
    targets = [(output, start)] if cotangents is None else zip(after, cotangents, strict=True)
    # What doesn't depend on the state before has no gradient.
    live = [(to, g.flatten(0, 1)) for to, g in targets if to.requires_grad]
    if not live:
        return tuple(s.new_zeros(len(inputs), copies, s.shape[1]) for s in state)
    found = torch.autograd.grad(
        [to for to, _ in live], leaves, [g for _, g in live], materialize_grads=True
    )
    return tuple(g.view(len(inputs), copies, -1) for g in found)


def _norms(gradients: State, log_scale: Tensor) -> npt.NDArray[np.float64]:
    """Return the spectral norm of each sequence's gradients, with their scale restored: `[R]`."""
    # The spectral norm of one row is its length.
    norms = torch.linalg.matrix_norm(torch.cat(gradients, dim=2).double(), ord=2)
    with np.errstate(over="ignore"):
        return np.asarray(np.exp((norms.log() + log_scale).cpu().numpy()), dtype=np.float64)

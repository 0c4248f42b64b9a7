"""What an engine is given, what it keeps for the way back, and what it gives then."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqpipe.kernels._recurrence import Recurrence


class Layout:
    """Where ragged sequences stand that lie one behind the other.

    Args:
        lengths: `[B]`, int64, on the CPU; 0 is allowed.
        reverse: Whether each is walked through from its end.

    Attributes:
        lengths: As given.
        reverse: As given.
        counts: `lengths` in NumPy, which is quicker for what's as small as this.
        starts: `[B]`, the first row of each sequence.
        order: `[B]`, the sequences, the longest first.
        present: The sequences that have a row.
    """

    def __init__(self, lengths: Tensor, reverse: bool) -> None:
        self.lengths = lengths
        self.reverse = reverse
        self.counts: NDArray[np.int64] = lengths.numpy()
        self.starts = self.counts.cumsum() - self.counts
        self.order = np.argsort(-self.counts, kind="stable")
        self.present = self.counts.nonzero()[0]

    @property
    def first_rows(self) -> NDArray[np.int64]:
        """The row where the walk through each sequence begins, for those that have one."""
        return self._ends if self.reverse else self.starts[self.present]

    @property
    def last_rows(self) -> NDArray[np.int64]:
        """The row where the walk through each sequence ends, for those that have one."""
        return self.starts[self.present] if self.reverse else self._ends

    @property
    def _ends(self) -> NDArray[np.int64]:
        return (self.starts + self.counts)[self.present] - 1


@dataclass(frozen=True)
class Pass:
    """One walk of a recurrence through sequences; all tensors are of one dtype, on one device.

    Attributes:
        recurrence: The traced step.
        layout: Where the sequences stand.
        input_bias: `[gates * width]`, of the products of the input.
        weight: `[len(recurrent) * width, width]`
        bias: `[len(recurrent) * width]`, of the products of the hidden state, or None.
        parameters: `[parameters, width]`
        mask: `[B, width]`, multiplies the hidden state that goes into products, or None.
        noises: `[N, noises * width]`
        initial: `[states, B, width]`
        clip: The bound of each number of the gradient that goes from a step to the step before, or None.
    """

    recurrence: Recurrence
    layout: Layout
    input_bias: Tensor
    weight: Tensor
    bias: Tensor | None
    parameters: Tensor
    mask: Tensor | None
    noises: Tensor
    initial: Tensor
    clip: float | None

    @property
    def width(self) -> int:
        """The width of a gate and of a state."""
        return self.initial.shape[2]


@dataclass(frozen=True)
class Kept:
    """What a walk leaves, row by row in the order of the input.

    Attributes:
        gates: `[N, gates * width]`, the products of the input with their biases, or the sums where
            they're fused.
        separate: `[N, len(separate) * width]`, the products of the hidden state that aren't.
        states: `[states, N, width]`, after each step.
    """

    gates: Tensor
    separate: Tensor
    states: Tensor


@dataclass(frozen=True)
class Gradients:
    """What a walk back gives.

    Attributes:
        gates: `[N, gates * width]`, of the products of the input.
        recurrent: `[N, len(recurrent) * width]`, of those of the hidden state; may be the same tensor.
        parameters: `[parameters, width]`
        initial: `[states, B, width]`
    """

    gates: Tensor
    recurrent: Tensor
    parameters: Tensor
    initial: Tensor


class Engine(ABC):
    """Carries out a recurrence.

    Attributes:
        name: What it's called in settings and reports.
    """

    name: str

    @abstractmethod
    def forward(self, walk: Pass, gates: Tensor) -> Kept:
        """Walk through the sequences.

        Args:
            walk: What to do.
            gates: `[N, gates * width]`, the products of the input, without biases; may be overwritten.
        """

    @abstractmethod
    def backward(self, walk: Pass, kept: Kept, outputs: Tensor, final: Tensor) -> Gradients:
        """Walk back.

        Args:
            walk: What was done.
            kept: What it left; stays as it is.
            outputs: `[N, width]`, the gradient of the first state after each step.
            final: `[states, B, width]`, the gradient of the states after the last step.
        """


def final_states(walk: Pass, states: Tensor) -> Tensor:
    """Return each sequence's states after its last step: `[states, B, width]`."""
    layout, device = walk.layout, states.device
    last = states.index_select(1, torch.from_numpy(layout.last_rows).to(device))
    if len(layout.present) == len(layout.counts):
        return last
    return walk.initial.index_copy(1, torch.from_numpy(layout.present).to(device), last)


def states_before(walk: Pass, outputs: Tensor) -> Tensor:
    """Return what the products of the hidden state took at each step: `[N, width]`."""
    layout, device = walk.layout, outputs.device
    before = torch.empty_like(outputs)
    if layout.reverse:
        before[:-1] = outputs[1:]
    else:
        before[1:] = outputs[:-1]
    first = torch.from_numpy(layout.first_rows).to(device)
    present = torch.from_numpy(layout.present).to(device)
    before.index_copy_(0, first, walk.initial[0].index_select(0, present))
    if walk.mask is not None:
        before *= walk.mask.repeat_interleave(layout.lengths.to(device), dim=0)
    return before

"""What an engine is given, what it keeps for the way back, and what it gives then."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from seqpipe.kernels._recurrence import Recurrence


@dataclass(frozen=True)
class Layout:
    """Where ragged sequences stand that lie one behind the other.

    Attributes:
        lengths: `[B]`, int64, on the CPU; 0 is allowed.
        reverse: Whether each is walked through from its end.
    """

    lengths: Tensor
    reverse: bool

    @cached_property
    def starts(self) -> Tensor:
        """The first row of each sequence: `[B]`."""
        return self.lengths.cumsum(0) - self.lengths

    @cached_property
    def present(self) -> Tensor:
        """The sequences that have a row."""
        return self.lengths.nonzero().squeeze(1)

    @property
    def first_rows(self) -> Tensor:
        """The row where the walk through each sequence begins, for those that have one."""
        return self._ends if self.reverse else self.starts[self.present]

    @property
    def last_rows(self) -> Tensor:
        """The row where the walk through each sequence ends, for those that have one."""
        return self.starts[self.present] if self.reverse else self._ends

    @property
    def _ends(self) -> Tensor:
        return (self.starts + self.lengths)[self.present] - 1


@dataclass(frozen=True)
class Pass:
    """One walk of a recurrence through sequences; all tensors are of one dtype, on one device.

    Attributes:
        recurrence: The traced step.
        layout: Where the sequences stand.
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
        gates: `[N, gates * width]`, the products of the input, or the sums where they're fused.
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
            gates: `[N, gates * width]`, the products of the input with their biases; may be overwritten.
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
    rows, present = walk.layout.last_rows, walk.layout.present
    last = states.index_select(1, rows.to(states.device))
    if len(present) == len(walk.layout.lengths):
        return last
    return walk.initial.index_copy(1, present.to(states.device), last)


def states_before(walk: Pass, outputs: Tensor) -> Tensor:
    """Return what the products of the hidden state took at each step: `[N, width]`."""
    before = torch.empty_like(outputs)
    if walk.layout.reverse:
        before[:-1] = outputs[1:]
    else:
        before[1:] = outputs[:-1]
    device = outputs.device
    first, present = walk.layout.first_rows.to(device), walk.layout.present.to(device)
    before.index_copy_(0, first, walk.initial[0].index_select(0, present))
    if walk.mask is not None:
        before *= walk.mask.repeat_interleave(walk.layout.lengths.to(device), dim=0)
    return before

"""What an engine is given, what it keeps for the way back, and what it gives then."""

from abc import ABC, abstractmethod
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, mm

from seqpipe.kernels.ir._recurrence import Recurrence


class Layout:
    """Where ragged sequences stand that lie one behind the other.

    Args:
        lengths: `[B]`, int64, on the CPU; 0 is allowed.
        reverse: Whether each is walked through from its end.

    Attributes:
        lengths: As given.
        reverse: As given.
        rows: N, the number of rows.
        table: `[3, B]`, the first row, the length and the place of each sequence, the longest first.
    """

    def __init__(self, lengths: Tensor, reverse: bool) -> None:
        # The caller may change its own before the way back.
        self.lengths = lengths.clone()
        self.reverse = reverse
        if len(lengths) == 1:
            # Much of the time of a short walk would go into the general case.
            self.rows = int(lengths.item())
            self.table = _table_of_one(self.rows)
            return
        counts = self._counts
        self.rows = int(counts.sum())
        self.table = torch.empty(3, len(counts), dtype=torch.int64, device="cpu")
        table = self.table.numpy()
        table[2] = (-counts).argsort(kind="stable")
        table[0], table[1] = self._starts[table[2]], counts[table[2]]

    @cached_property
    def _counts(self) -> Any:
        """The lengths: NumPy is quicker than torch for what's as small as this."""
        return self.lengths.numpy()

    @cached_property
    def _starts(self) -> Any:
        """The first row of each sequence, or where it would be: `[B]`."""
        return self._counts.cumsum() - self._counts

    @property
    def order(self) -> Tensor:
        """The sequences, the longest first: `[B]`."""
        return self.table[2]

    @cached_property
    def present(self) -> Tensor:
        """The sequences that have a row."""
        return torch.from_numpy(self._counts.nonzero()[0])

    @property
    def first_rows(self) -> Tensor:
        """The row where the walk through each sequence begins, for those that have one."""
        return self._edge(at_end=self.reverse)

    @property
    def last_rows(self) -> Tensor:
        """The row where the walk through each sequence ends, for those that have one."""
        return self._edge(at_end=not self.reverse)

    def table_on(self, device: torch.device) -> Tensor:
        """Return the table on a device, for the stream that's current; it's kept, as both walks need it."""
        stream = torch.cuda.current_stream(device).cuda_stream if device.type == "cuda" else 0
        if (device, stream) not in self._tables:
            self._tables[device, stream] = moved(self.table, device)
        return self._tables[device, stream]

    @cached_property
    def _tables(self) -> dict[tuple[torch.device, int], Tensor]:
        return {}

    def _edge(self, *, at_end: bool) -> Tensor:
        rows = self._starts + self._counts - 1 if at_end else self._starts
        return torch.from_numpy(rows[self._counts > 0])


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a tensor of the CPU's on a device, without waiting for the work that's queued there.

    It's copied at once to where the device will take it from, so it may be changed afterwards.
    """
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


@lru_cache(maxsize=256)
def _table_of_one(rows: int) -> Tensor:
    """Return the table of a single sequence."""
    return torch.tensor([[0], [rows], [0]], device="cpu")


class Pass(NamedTuple):
    """One walk of a recurrence through sequences; all tensors are of one dtype, on one device.

    Attributes:
        recurrence: The traced step.
        layout: Where the sequences stand.
        input_bias: `[gates * width]`, of the products of the input.
        weight: `[len(recurrent) * width, width]`
        bias: `[len(recurrent) * width]`, of the products of the hidden state, or None.
        parameters: `[parameters, width]`, or None.
        mask: `[B, width]`, multiplies the hidden state that goes into products, or None.
        noises: `[N, noises * width]`, or None.
        initial: `[states, B, width]`
        clip: The bound of each number of the gradient that goes from a step to the step before, or None.
    """

    recurrence: Recurrence
    layout: Layout
    input_bias: Tensor
    weight: Tensor
    bias: Tensor | None
    parameters: Tensor | None
    mask: Tensor | None
    noises: Tensor | None
    initial: Tensor
    clip: float | None

    @property
    def width(self) -> int:
        """The width of a gate and of a state."""
        return self.initial.shape[2]


class Saved(NamedTuple):
    """What a walk saves for the way back, row by row in the order of the input.

    Attributes:
        gates: `[N, gates * width]`, what's saved of each gate; see `Recurrence`.
        separate: `[N, len(separate) * width]`, the products of the hidden state that aren't fused.
        states: `[states, N, width]`, before or after each step, as the engine needs them.
    """

    gates: Tensor
    separate: Tensor
    states: Tensor


class Walked(NamedTuple):
    """What a walk gives.

    Attributes:
        outputs: `[N, width]`, the first state after each step; nothing else has its memory.
        last: `[states, B, width]`, after each sequence's last step.
        saved: What the way back needs; None if there's to be none.
    """

    outputs: Tensor
    last: Tensor
    saved: Saved | None


class Gradients(NamedTuple):
    """What a walk back gives.

    Attributes:
        gates: `[N, gates * width]`, of the products of the input.
        recurrent: `[N, len(recurrent) * width]`, of those of the hidden state; may be the same tensor.
        parameters: `[parameters, width]`, or None.
        initial: `[states, B, width]`
        input_bias: `[gates * width]`, the sum of `gates`; None if it's still to be taken.
        bias: `[len(recurrent) * width]`, the sum of `recurrent`; None if it's still to be taken.
        hidden: `[N, width]`, what the products of the hidden state took; None for `Engine.hidden_before` to tell.
    """

    gates: Tensor
    recurrent: Tensor
    parameters: Tensor | None
    initial: Tensor
    input_bias: Tensor | None = None
    bias: Tensor | None = None
    hidden: Tensor | None = None


class Products:
    """The large products of a recurrence: of its inputs, and of what its gradients are made of. These are torch's."""

    def times_turned(self, rows: Tensor, weight: Tensor) -> Tensor:
        """Return `rows @ weight.t()`: `[N, k]` times `[n, k]` turned."""
        return mm(rows, weight.t())

    def times(self, rows: Tensor, weight: Tensor) -> Tensor:
        """Return `rows @ weight`: `[N, k]` times `[k, n]`."""
        return mm(rows, weight)

    def sum_of_products(self, left: Tensor, right: Tensor) -> Tensor:
        """Return the sum of each row's outer product, `left.t() @ right`: `[N, m]`, `[N, n]` to `[m, n]`."""
        return mm(left.t(), right)


class Engine(ABC):
    """Carries out a recurrence.

    Attributes:
        name: What it's called in settings and reports.
        products: Makes the large products around a walk.
    """

    name: str
    products: Products = Products()

    @abstractmethod
    def forward(self, walk: Pass, gates: Tensor, *, save: bool = True) -> Walked:
        """Walk through the sequences.

        Args:
            walk: What to do.
            gates: `[N, gates * width]`, the products of the input, without biases; may be overwritten.
            save: Whether there may be a way back.
        """

    @abstractmethod
    def backward(self, walk: Pass, saved: Saved, outputs: Tensor, final: Tensor) -> Gradients:
        """Walk back.

        Args:
            walk: What was done.
            saved: What it saved; stays as it is.
            outputs: `[N, width]`, the gradient of the first state after each step.
            final: `[states, B, width]`, the gradient of the states after the last step.

        Returns:
            The gradients. Those of the products may be overwritten by the next call in the same thread.
        """

    def hidden_before(self, walk: Pass, saved: Saved) -> Tensor:
        """Return what the products of the hidden state took at each step: `[N, width]`."""
        return states_before(walk, saved.states[0])


def walked(walk: Pass, saved: Saved, *, save: bool) -> Walked:
    """Return what a walk gives that saved the states after each step."""
    # A copy, so that outputs may be changed in place, and nobody holds all states for the sake of one.
    outputs = saved.states[0].clone()
    return Walked(outputs, final_states(walk, saved.states), saved if save else None)


def final_states(walk: Pass, states: Tensor) -> Tensor:
    """Return each sequence's states after its last step: `[states, B, width]`."""
    layout, device = walk.layout, states.device
    last = states.index_select(1, moved(layout.last_rows, device))
    if last.shape[1] == len(layout.lengths):
        return last
    return walk.initial.index_copy(1, moved(layout.present, device), last)


def states_before(walk: Pass, outputs: Tensor) -> Tensor:
    """Return what the products of the hidden state took at each step: `[N, width]`."""
    layout, device = walk.layout, outputs.device
    before = torch.empty_like(outputs)
    if layout.reverse:
        before[:-1] = outputs[1:]
    else:
        before[1:] = outputs[:-1]
    first = moved(layout.first_rows, device)
    present = moved(layout.present, device)
    before.index_copy_(0, first, walk.initial[0].index_select(0, present))
    return before if walk.mask is None else before.mul_(mask_by_row(walk))


def mask_by_row(walk: Pass) -> Tensor:
    """Return the mask of each row's sequence: `[N, width]`."""
    assert walk.mask is not None
    lengths = moved(walk.layout.lengths, walk.mask.device)
    return walk.mask.repeat_interleave(lengths, dim=0)

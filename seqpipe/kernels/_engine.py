"""The interface of engines: what a forward pass takes, returns and saves, and what a backward pass returns."""

from abc import ABC, abstractmethod
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, mm

from seqpipe.kernels.ir._recurrence import Recurrence


class Layout:
    """Where each of some concatenated ragged sequences begins and ends.

    Args:
        lengths: `[B]`, int64, on the CPU; 0 is allowed.
        reverse: Whether each is run from its end to its beginning.

    Attributes:
        lengths: As given.
        reverse: As given.
        rows: N, the number of rows.
        table: `[3, B]`, the first row, the length and the index of each sequence, the longest first.
    """

    def __init__(self, lengths: Tensor, reverse: bool) -> None:
        # The caller may change its own before the backward pass.
        self.lengths = lengths.clone()
        self.reverse = reverse
        if len(lengths) == 1:
            # For a short sequence the general case would take much of the time.
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
        """The lengths: NumPy is faster than torch for arrays as small as this."""
        return self.lengths.numpy()

    @cached_property
    def _starts(self) -> Any:
        """The first row of each sequence; for an empty one, where it would be: `[B]`."""
        return self._counts.cumsum() - self._counts

    @property
    def order(self) -> Tensor:
        """The sequences, the longest first: `[B]`."""
        return self.table[2]

    @cached_property
    def present(self) -> Tensor:
        """The sequences that aren't empty."""
        return torch.from_numpy(self._counts.nonzero()[0])

    @property
    def first_rows(self) -> Tensor:
        """The row of each sequence's first time step, for those that aren't empty."""
        return self._edge(at_end=self.reverse)

    @property
    def last_rows(self) -> Tensor:
        """The row of each sequence's last time step, for those that aren't empty."""
        return self._edge(at_end=not self.reverse)

    def table_on(self, device: torch.device) -> Tensor:
        """Return the table on a device, for the current stream; it's cached, as both passes need it."""
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
    """Return a CPU tensor on a device, without waiting for the work that's queued there.

    It's copied at once to pinned memory, so it may be changed afterwards.
    """
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


@lru_cache(maxsize=256)
def _table_of_one(rows: int) -> Tensor:
    """Return the table of a single sequence."""
    return torch.tensor([[0], [rows], [0]], device="cpu")


class Job(NamedTuple):
    """What a forward or backward pass over some sequences takes; all tensors have one dtype, on one device.

    Attributes:
        recurrence: The traced step.
        layout: Where each sequence begins and ends.
        input_bias: `[gates * width]`, of the products of the input.
        weight: `[len(recurrent) * width, width]`
        bias: `[len(recurrent) * width]`, of the products of the hidden state, or None.
        parameters: `[parameters, width]`, or None.
        mask: `[B, width]`, multiplies the hidden state that goes into products, or None.
        noises: `[N, noises * width]`, or None.
        initial: `[states, B, width]`
        clip: The bound of each element of the gradient that's passed from a step to the step before, or None.
        gate_rows: `[N]`, int64, the row of the gates that each step reads, or None if it's the step's own. Only an engine that
            `shares_rows` is given this, and only where nothing is saved.
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
    gate_rows: Tensor | None = None

    @property
    def width(self) -> int:
        """The width of a gate and of a state."""
        return self.initial.shape[2]


class Saved(NamedTuple):
    """What a forward pass saves for the backward pass, row by row in the order of the input.

    Attributes:
        gates: `[N, gates * width]`, what's saved of each gate; see `Recurrence`.
        separate: `[N, len(separate) * width]`, the products of the hidden state that aren't fused.
        states: `[states, N, width]`, before or after each step, as the engine needs them.
    """

    gates: Tensor
    separate: Tensor
    states: Tensor


class ForwardResult(NamedTuple):
    """What a forward pass returns.

    Attributes:
        outputs: `[N, width]`, the first state after each step; nothing else shares its memory.
        last: `[states, B, width]`, after each sequence's last step.
        saved: What the backward pass needs; None if there's to be none.
    """

    outputs: Tensor
    last: Tensor
    saved: Saved | None


class Gradients(NamedTuple):
    """What a backward pass returns.

    Attributes:
        gates: `[N, gates * width]`, of the products of the input.
        recurrent: `[N, len(recurrent) * width]`, of those of the hidden state; may be the same tensor.
        parameters: `[parameters, width]`, or None.
        initial: `[states, B, width]`
        input_bias: `[gates * width]`, the sum of `gates` over rows; None if the caller is to compute it.
        bias: `[len(recurrent) * width]`, the sum of `recurrent` over rows; None if the caller is to compute it.
        hidden: `[N, width]`, the operand of the products of the hidden state; None if `Engine.hidden_before` is
            to compute it.
    """

    gates: Tensor
    recurrent: Tensor
    parameters: Tensor | None
    initial: Tensor
    input_bias: Tensor | None = None
    bias: Tensor | None = None
    hidden: Tensor | None = None


class Products:
    """The large matrix products of a recurrence: of its inputs, and of its gradients. These are torch's."""

    def matmul_transposed(self, rows: Tensor, weight: Tensor) -> Tensor:
        """Return `rows @ weight.t()`: `[N, k]` times `[n, k]` transposed."""
        return mm(rows, weight.t())

    def matmul(self, rows: Tensor, weight: Tensor) -> Tensor:
        """Return `rows @ weight`: `[N, k]` times `[k, n]`."""
        return mm(rows, weight)

    def sum_of_outer_products(self, left: Tensor, right: Tensor) -> Tensor:
        """Return the sum of each row's outer product, `left.t() @ right`: `[N, m]`, `[N, n]` to `[m, n]`."""
        return mm(left.t(), right)


class Engine(ABC):
    """Runs a recurrence.

    Attributes:
        name: What it's called in settings and reports.
        products: Computes the large products before and after the recurrence.
    """

    name: str
    products: Products = Products()
    #: Whether steps may share rows of gates.
    shares_rows: bool = False

    @abstractmethod
    def forward(self, job: Job, gates: Tensor, *, save: bool = True) -> ForwardResult:
        """Run the forward pass.

        Args:
            job: The recurrence and its inputs.
            gates: `[N, gates * width]`, the products of the input, without biases; may be overwritten. Fewer rows where
                steps share them.
            save: Whether there may be a backward pass.
        """

    @abstractmethod
    def backward(self, job: Job, saved: Saved, outputs: Tensor, final: Tensor) -> Gradients:
        """Run the backward pass.

        Args:
            job: As passed to `forward`.
            saved: What `forward` saved; isn't changed.
            outputs: `[N, width]`, the gradient of the first state after each step.
            final: `[states, B, width]`, the gradient of the states after the last step.

        Returns:
            The gradients. Those of the products may be overwritten by the next call in the same thread.
        """

    def hidden_before(self, job: Job, saved: Saved) -> Tensor:
        """Return the operand of the products of the hidden state at each step: `[N, width]`."""
        return states_before(job, saved.states[0])


def forward_result(job: Job, saved: Saved, *, save: bool) -> ForwardResult:
    """Return the result of a forward pass that saved the states after each step."""
    # A copy, so that outputs may be changed in place, and holding them doesn't keep all states alive.
    outputs = saved.states[0].clone()
    return ForwardResult(outputs, final_states(job, saved.states), saved if save else None)


def final_states(job: Job, states: Tensor) -> Tensor:
    """Return each sequence's states after its last step: `[states, B, width]`."""
    layout, device = job.layout, states.device
    last = states.index_select(1, moved(layout.last_rows, device))
    if last.shape[1] == len(layout.lengths):
        return last
    return job.initial.index_copy(1, moved(layout.present, device), last)


def states_before(job: Job, outputs: Tensor) -> Tensor:
    """Return the operand of the products of the hidden state at each step: `[N, width]`."""
    layout, device = job.layout, outputs.device
    before = torch.empty_like(outputs)
    if layout.reverse:
        before[:-1] = outputs[1:]
    else:
        before[1:] = outputs[:-1]
    first = moved(layout.first_rows, device)
    present = moved(layout.present, device)
    before.index_copy_(0, first, job.initial[0].index_select(0, present))
    return before if job.mask is None else before.mul_(mask_by_row(job))


def mask_by_row(job: Job) -> Tensor:
    """Return the mask of each row's sequence: `[N, width]`."""
    assert job.mask is not None
    lengths = moved(job.layout.lengths, job.mask.device)
    return job.mask.repeat_interleave(lengths, dim=0)

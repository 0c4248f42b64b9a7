"""Unrolls a cell over a batch of sequences, and keeps the states between time steps."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from seqpipe.errors import DataError
from seqpipe.parts.cells import Cell, State
from seqpipe.parts.encoders import check_batch


def check_data(cell: Cell, inputs: Tensor, lengths: Tensor) -> None:
    """Raise a `DataError` if a cell can't be unrolled over a batch.

    Args:
        cell: The cell.
        inputs: `[N, input_width]`
        lengths: `[B]`
    """
    check_batch(cell, inputs, lengths)
    if not len(inputs):
        raise DataError("There's nothing to measure: all sequences are empty")
    bad = (~inputs.isfinite().all(1)).nonzero()
    if len(bad):
        raise DataError(f"`inputs` has a NaN or an infinite number in row {int(bad[0])}")


@torch.no_grad()
def states_before(cell: Cell, inputs: Tensor, lengths: Tensor) -> State:
    """Unroll a cell over a batch and return its state before each row of the inputs: `[N, n]` each.

    Args:
        cell: The cell.
        inputs: `[N, input_width]`
        lengths: `[B]`, on the same device.

    Raises:
        DataError: A state isn't finite.
    """
    starts = lengths.cumsum(0) - lengths
    state = cell.initial_state(len(lengths), inputs)
    kept = tuple(s.new_empty(len(inputs), s.shape[1]) for s in state)
    for time in range(int(lengths.max())):
        running = (lengths > time).nonzero().squeeze(1)
        rows = starts[running] + time
        before = tuple(s[running] for s in state)
        for all_rows, s in zip(kept, before, strict=True):
            all_rows[rows] = s
        _, after = cell(inputs[rows], before)
        if not all(s.isfinite().all() for s in after):
            raise DataError(f"The cell's state is NaN or infinite after step {time + 1}")
        state = tuple(s.index_copy(0, running, a) for s, a in zip(state, after, strict=True))
    return kept


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put a module and its submodules in evaluation mode, temporarily."""
    modes = [(each, each.training) for each in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for each, training in modes:
            each.training = training

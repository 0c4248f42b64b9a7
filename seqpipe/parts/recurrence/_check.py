"""Checks of a cell's inputs, before a kernel could read or write out of bounds."""

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor

from seqpipe.errors import DataError
from seqpipe.parts.cells import Cell, State


def check_batch(cell: Cell, inputs: Tensor, lengths: Tensor, places: Tensor | None = None) -> None:
    """Check that inputs are for a cell, and that lengths are those of the inputs.

    Args:
        cell: The cell.
        inputs: `[N, input_width]`
        lengths: `[B]`, int64, on the CPU.
        places: The row of each step, `[N]`; None if that's the step's own.

    Raises:
        DataError: They aren't.
    """
    refuse_unknown_numbers(lengths)
    if inputs.ndim != 2 or inputs.shape[1] != cell.input_width:
        raise DataError(
            f"`inputs` has the shape {tuple(inputs.shape)}; the cell needs [N, {cell.input_width}], "
            "the sequences concatenated"
        )
    if lengths.ndim != 1 or lengths.dtype != torch.int64 or lengths.device.type != "cpu":
        raise DataError(
            f"`lengths` must be a vector of int64 on the CPU; it's of {lengths.dtype}, with the shape "
            f"{tuple(lengths.shape)}, on {lengths.device.type!r}"
        )
    counts: list[int] = lengths.tolist()
    if min(counts, default=0) < 0:
        raise DataError(f"`lengths` has {min(counts)}; none can be negative")
    if places is not None:
        _check_places(places, inputs)
    steps = len(inputs if places is None else places)
    if sum(counts) != steps:
        raise DataError(f"`lengths` add up to {sum(counts)}, but there are {steps} inputs")


def _check_places(places: Tensor, inputs: Tensor) -> None:
    refuse_unknown_numbers(places)
    if places.ndim != 1 or places.dtype != torch.int64 or places.device != inputs.device:
        raise DataError(
            f"`places` must be a vector of int64 on {str(inputs.device)!r}, as the inputs; it's of {places.dtype}, "
            f"with the shape {tuple(places.shape)}, on {str(places.device)!r}"
        )
    rows = len(inputs)
    # A kernel reads memory by them.
    if len(places) and (int(places.min()) < 0 or int(places.max()) >= rows):
        raise DataError(
            f"`places` are from {int(places.min())} to {int(places.max())}, but there are {rows} inputs"
        )


def refuse_unknown_numbers(lengths: Tensor) -> None:
    """Check that lengths have values, as the number of time steps depends on them.

    Raises:
        DataError: They're fake tensors, whose values aren't known.
    """
    if type(lengths) is not Tensor and isinstance(lengths, FakeTensor):
        raise DataError(
            "`lengths` has no values here, as in torch.export, and the number of time steps depends on them; "
            "leave the encoder out of what's exported, or trace it for given lengths with torch.jit.trace"
        )


def check_state(cell: Cell, given: State, like: State) -> None:
    """Check that a state has the shapes of a cell's own.

    Args:
        cell: The cell.
        given: The state.
        like: The cell's initial one for the same batch.

    Raises:
        DataError: It isn't.
    """
    shapes, wanted = ([tuple(each.shape) for each in state] for state in (given, like))
    if shapes != wanted:
        raise DataError(f"`state` has the shapes {shapes}; {type(cell).__name__} needs {wanted}")


def check_bounds(tbptt: int | None, clip: float | None) -> None:
    """Check the settings that limit gradients.

    Raises:
        DataError: One is too small.
    """
    if tbptt is not None and tbptt < 1:
        raise DataError(f"`tbptt` is {tbptt}; it must be at least 1")
    if clip is not None and not clip > 0:
        raise DataError(f"`clip` is {clip}; it must be more than 0")

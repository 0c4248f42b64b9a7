"""The least time a row could take on a machine: its arithmetic, and the bytes it must move.

Floors are for what any implementation has to do. A product counts two operations for each pair of
numbers. Elementwise maths isn't counted, nor what's kept between forward and backward, as that could be
computed again.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from recurrent_cases import DTYPES, Task

#: What the peaks are measured on: as many rows and columns, and as many numbers, as no cache holds.
_ROWS_OF_PRODUCT: Final = {"cuda": 8192, "cpu": 2048}
_NUMBERS_OF_COPY: Final = {"cuda": 1 << 28, "cpu": 1 << 25}


@dataclass(frozen=True)
class Work:
    """What a row takes at least: operations of all products, and bytes read and written."""

    operations: int
    moved: int


@dataclass(frozen=True)
class Peaks:
    """What a machine can do: operations per second in a dtype, and bytes per second."""

    operations: dict[str, float]
    moved: float

    def or_better(self, other: "Peaks") -> "Peaks":
        """Return the better of two, speed by speed."""
        operations = {
            dtype: max(v, other.operations[dtype]) for dtype, v in self.operations.items()
        }
        return Peaks(operations, max(self.moved, other.moved))


@dataclass(frozen=True)
class Floor:
    """The least time of a row, in seconds."""

    arithmetic: float
    memory: float

    @property
    def seconds(self) -> float:
        """The larger of the two: at best, they overlap entirely."""
        return max(self.arithmetic, self.memory)


def count_work(
    *, steps: int, sequences: int, input_weights: tuple[int, int],
    recurrent_weights: tuple[int, int], vectors: int, itemsize: int, train: bool,
) -> Work:  # fmt: skip
    """Count the work of a row.

    Args:
        steps: Of all sequences together.
        sequences: How many aren't empty. Each starts with a state of zeros, whose product is zero.
        input_weights: Rows and columns of the matrix that multiplies the inputs.
        recurrent_weights: Rows and columns of that for the hidden state, which is also the output.
        vectors: How many numbers the other parameters have.
        itemsize: The bytes of a number.
        train: Whether gradients are taken: each product then has two more, for its two factors.
    """
    of_input, of_state = math.prod(input_weights), math.prod(recurrent_weights)
    forward = 2 * (steps * of_input + (steps - sequences) * of_state)
    data = steps * (input_weights[1] + recurrent_weights[1])
    weights = of_input + of_state + vectors
    # Forward reads the inputs and the weights, and writes the outputs. Backward reads all of them and
    # the outputs' gradients, and writes the gradients of the inputs and of the weights.
    numbers = 3 * (data + weights) if train else data + weights
    return Work(forward * (3 if train else 1), itemsize * numbers)


def work_of(task: Task) -> Work:
    """Count the work of a task."""
    weights, recurrent_weights = task.cell.input_weight, task.cell.recurrent_weight
    return count_work(
        steps=len(task.inputs),
        sequences=int((task.lengths > 0).sum()),
        input_weights=(weights.shape[0], weights.shape[1]),
        recurrent_weights=(recurrent_weights.shape[0], recurrent_weights.shape[1]),
        vectors=sum(p.numel() for p in task.cell.parameters() if p.dim() == 1),
        itemsize=task.inputs.element_size(),
        train=task.case.mode == "train",
    )


def floor(work: Work, peaks: Peaks, dtype: str) -> Floor:
    """Return the least time for some work on a machine."""
    return Floor(work.operations / peaks.operations[dtype], work.moved / peaks.moved)


def measure_peaks(device: str, dtypes: list[str], *, seconds: float = 1.0) -> Peaks:
    """Measure what the machine can do: the best of as many tries as fit into the time."""
    operations = {dtype: _product_peak(device, dtype, seconds) for dtype in dtypes}
    return Peaks(operations, _copy_peak(device, seconds))


def _product_peak(device: str, dtype: str, seconds: float) -> float:
    size = _ROWS_OF_PRODUCT[device]
    left, right = (torch.randn(size, size, device=device).to(DTYPES[dtype]) for _ in range(2))
    out = torch.empty_like(left)
    return 2 * size**3 / best_time(lambda: torch.mm(left, right, out=out), device, seconds)


def _copy_peak(device: str, seconds: float) -> float:
    count = _NUMBERS_OF_COPY[device]
    source = torch.ones(count, device=device)
    target = torch.zeros_like(source)
    # Each byte is read once and written once.
    return 2 * 4 * count / best_time(lambda: target.copy_(source), device, seconds)


def best_time(run: Callable[[], object], device: str, seconds: float) -> float:
    """Return the shortest time of a call, of at least one."""
    best, tries, end = float("inf"), 0, time.perf_counter() + seconds
    run()
    while not tries or time.perf_counter() < end:
        synchronise(device)
        start = time.perf_counter()
        run()
        synchronise(device)
        best, tries = min(best, time.perf_counter() - start), tries + 1
    return best


def synchronise(device: str) -> None:
    """Wait until a GPU has done what it was given."""
    if device == "cuda":
        torch.cuda.synchronize()

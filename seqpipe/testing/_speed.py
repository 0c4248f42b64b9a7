"""Relative timings."""

import time
from collections.abc import Callable
from statistics import median

from torch import Tensor

from seqpipe.testing._cases import Case

Task = Callable[[], object]

_REPEATS = 5


def compare(mine: Task, theirs: Task, peer: str, work: str) -> str:
    """Time two tasks in turns, and describe how they compare.

    Args:
        mine: The part's.
        theirs: The peer's.
        peer: What to call the peer.
        work: What each task does.
    """
    mine(), theirs()  # What's done once only isn't counted.
    pairs = [(_time(mine), _time(theirs)) for _ in range(_REPEATS)]
    own = median(pair[0] for pair in pairs)
    ratio = median(a / b for a, b in pairs)
    return (
        f"{own * 1000:.1f} ms for {work}, forward and backward: {ratio:.2f} times as long as {peer}"
    )


def task_of(run: Callable[[Tensor, Tensor], Tensor], case: Case) -> Task:
    """Return the task of running a part on a case, forward and backward."""
    inputs, lengths = case.inputs().requires_grad_(), case.batch()

    def task() -> None:
        run(inputs, lengths).sum().backward()  # type: ignore[no-untyped-call]

    return task


def _time(task: Task) -> float:
    start = time.perf_counter()
    task()
    return time.perf_counter() - start

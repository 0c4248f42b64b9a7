"""How many threads a process computes in, torch's among them."""

import contextlib
from collections.abc import Iterator

import torch

from seqpipe.native import own_threads


@contextlib.contextmanager
def computing_in(threads: int) -> Iterator[None]:
    """Compute in so many threads, with results that are the same for any number of them.

    torch's operations, whose sums depend on the number, have one, and only our own kernels have so many. It's for the whole
    process; afterwards its numbers are as they were before.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with own_threads(threads):
            yield
    finally:
        torch.set_num_threads(before)

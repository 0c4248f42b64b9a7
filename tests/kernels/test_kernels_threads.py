"""How many threads a process computes in."""

import torch

from seqpipe.kernels import available_threads, computing_in


def test_threads_are_the_kernels_own_and_torch_has_one():
    before = torch.get_num_threads()
    with computing_in(3):
        assert (torch.get_num_threads(), available_threads()) == (1, 3)
    assert torch.get_num_threads() == available_threads() == before

"""What all tests share."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Compute in one thread: steps this small take longer where threads wait for each other."""
    torch.set_num_threads(1)

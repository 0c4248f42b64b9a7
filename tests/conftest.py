"""What all tests share."""

import signal
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import configuration, settings

# No folder of examples beside the code, and no time limit on noisy machines.
settings.register_profile("seqpipe", database=None, deadline=None)
settings.load_profile("seqpipe")
configuration.set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "seqpipe-hypothesis")


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Compute in one thread: on a busy machine, threads that wait for each other take 5 times as long."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def ctrl_c():
    """Let Ctrl-C reach the processes of tests: a shell starts what's in the background deaf to it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)

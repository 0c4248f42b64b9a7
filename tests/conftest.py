"""What all tests share."""

import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, configuration, settings

from seqpipe.compilers import BuildError, find_compiler

# No folder of examples beside the code, and no time limit on noisy machines.
settings.register_profile(
    "seqpipe", database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("seqpipe")
configuration.set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "seqpipe-hypothesis")

# For the processes that tests start, and for pytest's own beside each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# fastText fills 120 MB for each training, a fifth of a second in small pages; elsewhere than on Linux, and in
# older C libraries, this means nothing.
os.environ.setdefault("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
# Or each of them compiles all modules of seqpipe anew, for a second.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_collection_modifyitems(items):
    """Begin with the slow ones: of several processes, none has to wait for another's last test."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Compute in one thread: on a busy machine, threads that wait for each other take 5 times as long."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def ctrl_c():
    """Let Ctrl-C reach the processes of tests: a shell starts what's in the background deaf to it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def compiler():
    """Skip what forces the compiled engine where nothing can compile it."""
    try:
        find_compiler()
    except BuildError as error:
        pytest.skip(str(error))


@pytest.fixture
def data():
    """Return a function that gives the path of a file below $SEQPIPE_DATA, or skips the test."""

    def find(name):
        folder = os.environ.get("SEQPIPE_DATA")
        if not folder:
            pytest.skip("SEQPIPE_DATA isn't set: it names the folder that holds the data sets")
        path = Path(folder) / name
        if not path.exists():
            pytest.skip(f"there's no {name} below SEQPIPE_DATA")
        return path

    return find


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Have temporary folders made where a test can look for them."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder

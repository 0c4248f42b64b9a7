"""Memory that's freed stays with a process that trains."""

import ctypes
import subprocess
import sys

import pytest

from seqpipe.cli import _memory
from seqpipe.cli._memory import keep_freed_memory

MAPPED = """
import ctypes
from seqpipe.cli._memory import keep_freed_memory

class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Info
libc.malloc.restype = ctypes.c_void_p

def mapped():
    before = libc.mallinfo2().hblks
    libc.malloc(2**24)
    return libc.mallinfo2().hblks - before

print(mapped(), keep_freed_memory(), mapped())
"""


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallinfo2"),
    reason="the C library isn't a glibc since 2.33",
)
def test_large_arrays_are_not_mapped_one_by_one():
    done = subprocess.run(
        [sys.executable, "-c", MAPPED], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "True", "0"]


@pytest.mark.parametrize("platform", ["darwin", "linux"])
def test_other_systems_stay_as_they_are(monkeypatch, platform):
    monkeypatch.setattr(_memory.sys, "platform", platform)
    monkeypatch.setattr(_memory.ctypes, "CDLL", lambda name: object())
    assert not keep_freed_memory()

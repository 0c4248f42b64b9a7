"""How many threads a process may compute in."""

import os

import pytest

from seqpipe.native import _threads, usable_threads


@pytest.mark.parametrize(
    ("wanted", "threads"), [("3", 3), ("4,2", 4), ("0", 2), ("many", 2), ("", 2)]
)
def test_threads_are_those_of_openmp_or_else_one_on_each_core(monkeypatch, wanted, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", wanted)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 5}, raising=False)
    monkeypatch.setattr(_threads, "_granted_cores", lambda: None)
    assert usable_threads() == threads
    monkeypatch.setattr(_threads, "_granted_cores", lambda: 1)
    assert usable_threads() == (threads if wanted in ("3", "4,2") else 1)

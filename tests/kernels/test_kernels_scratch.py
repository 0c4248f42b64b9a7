"""Memory that's used again."""

import threading

import torch

from seqpipe.kernels.c import _engine
from seqpipe.kernels.c._engine import Scratch


def test_tensors_are_separate_and_have_the_wanted_shapes():
    a, b = Scratch().take(torch.zeros(1, dtype=torch.float64), (3, 4), (5,))
    a.fill_(1)
    b.fill_(2)
    assert a.shape == (3, 4) and b.shape == (5,) and a.dtype == b.dtype == torch.float64
    assert bool((a == 1).all()) and bool((b == 2).all())


def test_memory_is_used_again_and_grows():
    scratch, like = Scratch(), torch.zeros(1)
    (first,) = scratch.take(like, (10, 10))
    (again,) = scratch.take(like, (7, 3))
    assert again.data_ptr() == first.data_ptr()
    (more,) = scratch.take(like, (20, 10))
    assert more.shape == (20, 10) and scratch.take(like, (1,))[0].data_ptr() == more.data_ptr()


def test_nothing_is_needed_for_nothing():
    (empty,) = Scratch().take(torch.zeros(1), (0, 5))
    assert empty.shape == (0, 5)


def test_what_is_too_large_to_keep_is_the_callers_own(monkeypatch):
    monkeypatch.setattr(_engine, "_MAX_BYTES", 100)
    scratch, like = Scratch(), torch.zeros(1)
    (first,), (second,) = scratch.take(like, (26,)), scratch.take(like, (26,))
    assert first.data_ptr() != second.data_ptr()


def test_each_thread_has_its_own():
    scratch, like = Scratch(), torch.zeros(1)
    (mine,) = scratch.take(like, (8,))
    found = []
    thread = threading.Thread(target=lambda: found.append(scratch.take(like, (8,))[0]))
    thread.start()
    thread.join()
    assert found[0].data_ptr() != mine.data_ptr()


def test_memory_is_the_processors_whatever_the_default_device_is():
    with torch.device("meta"):
        (found,) = Scratch().take(torch.zeros(1, device="cpu"), (4,))
    assert found.is_cpu

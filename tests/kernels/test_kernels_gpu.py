"""The engine in Triton's language on a GPU, where there is one."""

import random

import pytest
import torch
from triton_walks import both_ways, lift, make_walk

from seqpipe.kernels import Eager
from seqpipe.kernels._pass import Pass
from seqpipe.kernels._triton import Triton
from seqpipe.parts.cells import GRU, LSTM, RNN, PeepholeLSTM

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there's no GPU")

#: How far results may be from those in 64 bits: the norm of the difference by the norm.
BOUNDS = {torch.float32: 5e-6, torch.float16: 5e-3, torch.bfloat16: 2e-2}
MIXED = {"biased": True, "masked": True, "clip": 0.5}


def ragged(sequences: int, steps: int) -> list[int]:
    """Draw lengths, the same ones every time."""
    draw = random.Random(0)
    return [draw.randint(0, steps) for _ in range(sequences)]


def on_gpu(walk: Pass, dtype: torch.dtype) -> Pass:
    """Return a walk whose tensors are on the GPU."""
    return walk._make(
        each.to("cuda", dtype) if isinstance(each, torch.Tensor) else each for each in walk
    )


def assert_like_double(walk: Pass, dtype: torch.dtype) -> None:
    """Check that a walk gives what `Eager` gives in 64 bits, and gives the same once more."""
    given = on_gpu(walk, dtype)
    found, again = both_ways(Triton(), given), both_ways(Triton(), given)
    wanted = both_ways(Eager(), on_gpu(given, torch.float64), dtype)
    for name, each in found.items():
        if each is not None and each.numel():
            assert torch.equal(each, again[name]), name
            apart = (each.double() - wanted[name]).norm() / wanted[name].norm()
            assert apart <= BOUNDS[dtype], name


@pytest.mark.parametrize(
    ("cell", "width", "sequences", "steps", "dtype", "options"),
    [
        # Blocks share the width, in one launch or several.
        (LSTM, 256, 33, 40, torch.bfloat16, {}),
        (LSTM, 512, 256, 30, torch.bfloat16, {}),
        (LSTM, 256, 1, 500, torch.bfloat16, {}),
        (LSTM, 512, 20, 20, torch.float32, {}),
        (LSTM, 1024, 20, 20, torch.bfloat16, {}),
        (GRU, 300, 70, 40, torch.bfloat16, {**MIXED, "reverse": True}),
        (PeepholeLSTM, 77, 40, 50, torch.float32, MIXED),
        (PeepholeLSTM, 200, 40, 50, torch.float16, {"reverse": True}),
        # One has all units.
        (RNN, 33, 300, 30, torch.float32, {"biased": True}),
        (GRU, 64, 50, 60, torch.bfloat16, MIXED),
        # The weights fit nowhere.
        (LSTM, 1024, 18, 12, torch.float32, {}),
    ],
)
def test_computes_what_eager_computes_in_double(cell, width, sequences, steps, dtype, options):
    walk = make_walk(lift(cell(4, width)), width, ragged(sequences, steps), dtype=dtype, **options)
    assert_like_double(walk, dtype)


def test_a_nan_of_all_ones_is_no_blank():
    walk = on_gpu(make_walk(lift(LSTM(4, 256)), 256, [20, 20]), torch.bfloat16)
    ones = torch.full((40, 4 * 256), -1, device="cuda", dtype=torch.int16).view(torch.bfloat16)
    assert Triton().forward(walk, ones).outputs.isnan().all()


def test_walks_on_two_streams_at_once():
    walk = on_gpu(make_walk(lift(LSTM(4, 512)), 512, [100] * 64), torch.bfloat16)
    wanted = both_ways(Triton(), walk)
    found, streams = [], [torch.cuda.Stream() for _ in range(2)]
    torch.cuda.synchronize()
    for stream in 3 * streams:
        with torch.cuda.stream(stream):
            found.append(both_ways(Triton(), walk))
    torch.cuda.synchronize()
    for each in found:
        torch.testing.assert_close(each, wanted, rtol=0, atol=0)

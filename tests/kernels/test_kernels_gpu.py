"""The engine in Triton's language on a GPU, where there is one."""

import random

import pytest
import torch
from triton_jobs import lift, make_job, run_both_passes

from seqpipe.kernels import Eager, Layout, Sizes, trace
from seqpipe.kernels._engine import Job
from seqpipe.kernels.triton._engine import Triton, supports
from seqpipe.parts.cells import GRU, LSTM, RNN, PeepholeLSTM

GPU = torch.device("cuda")
pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available() or supports(torch.float32, GPU) is not None,
    reason="there's no GPU, or no Triton",
)

#: How far results may be from those in 64 bits: the norm of the difference by the norm.
BOUNDS = {torch.float32: 5e-6, torch.float16: 5e-3, torch.bfloat16: 2e-2}
MIXED = {"biased": True, "masked": True, "clip": 0.5}


def ragged(sequences: int, steps: int) -> list[int]:
    """Draw lengths, the same ones every time."""
    draw = random.Random(0)
    return [draw.randint(0, steps) for _ in range(sequences)]


def on_gpu(job: Job, dtype: torch.dtype) -> Job:
    """Return a job whose tensors are on the GPU."""
    return job._make(
        each.to("cuda", dtype) if isinstance(each, torch.Tensor) else each for each in job
    )


def assert_like_double(job: Job, dtype: torch.dtype) -> None:
    """Check that a job gives what `Eager` gives in 64 bits, and gives the same once more."""
    given = on_gpu(job, dtype)
    found, again = run_both_passes(Triton(), given), run_both_passes(Triton(), given)
    wanted = run_both_passes(Eager(), on_gpu(given, torch.float64), dtype)
    for name, each in found.items():
        if each is not None and each.numel():
            assert torch.equal(each, again[name]), name
            difference = (each.double() - wanted[name]).norm() / wanted[name].norm()
            assert difference <= BOUNDS[dtype], name


@pytest.mark.parametrize(
    ("cell", "width", "sequences", "steps", "dtype", "options"),
    [
        # Blocks share the width, in one launch or several, where they have as much memory as a H100's.
        (LSTM, 256, 33, 40, torch.bfloat16, {}),
        (LSTM, 512, 256, 30, torch.bfloat16, {}),
        (LSTM, 256, 1, 500, torch.bfloat16, {}),
        (LSTM, 512, 20, 20, torch.float32, {}),
        (LSTM, 1024, 20, 20, torch.bfloat16, {}),
        (GRU, 300, 70, 40, torch.bfloat16, {**MIXED, "reverse": True}),
        (PeepholeLSTM, 77, 40, 50, torch.float32, MIXED),
        (PeepholeLSTM, 200, 40, 50, torch.float16, {"reverse": True}),
        (LSTM, 128, 900, 9, torch.bfloat16, {}),
        # One has all units, as the weights are small or the batch is large.
        (RNN, 33, 300, 30, torch.float32, {"biased": True}),
        (GRU, 64, 50, 60, torch.bfloat16, MIXED),
        (LSTM, 128, 1200, 9, torch.bfloat16, {}),
        # The weights fit nowhere.
        (LSTM, 1024, 18, 12, torch.float32, {}),
        (PeepholeLSTM, 1024, 18, 6, torch.float32, {**MIXED, "reverse": True}),
        # There are no steps.
        (LSTM, 256, 3, 0, torch.bfloat16, {}),
        (LSTM, 256, 0, 0, torch.bfloat16, {}),
    ],
)
def test_computes_what_eager_computes_in_double(cell, width, sequences, steps, dtype, options):
    job = make_job(lift(cell(4, width)), width, ragged(sequences, steps), dtype=dtype, **options)
    assert_like_double(job, dtype)


def test_a_nan_of_all_ones_is_not_waited_for():
    # The sign of a NaN is flipped, and those that a GPU makes have all other bits set.
    recurrence = trace(lambda x, h, s, p, n: [-(x[0] + h[0])], Sizes(1, (0,), 1))
    job = on_gpu(make_job(recurrence, 256, [20, 20]), torch.float32)
    ones = torch.full((40, 256), -1, device=GPU, dtype=torch.int32).view(torch.float32)
    assert Triton().forward(job, ones).outputs.isnan().all()


def test_passes_on_two_streams_at_once():
    job = on_gpu(make_job(lift(LSTM(4, 512)), 512, [100] * 64), torch.bfloat16)
    wanted = run_both_passes(Triton(), job)
    found, streams = [], [torch.cuda.Stream() for _ in range(2)]
    torch.cuda.synchronize()
    for stream in 3 * streams:
        with torch.cuda.stream(stream):
            alone = job._replace(layout=Layout(job.layout.lengths, False))
            found.append(run_both_passes(Triton(), alone))
    torch.cuda.synchronize()
    for each in found:
        torch.testing.assert_close(each, wanted, rtol=0, atol=0)

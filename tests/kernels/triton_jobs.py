"""Passes over sequences made of cells, and comparisons of two engines' results."""

import copy

import torch
from torch import Tensor, nn

from seqpipe.kernels import Eager, Sizes, trace
from seqpipe.kernels._engine import Job, Layout
from seqpipe.parts.cells import GatedCell

#: Ragged, with empty ones, and more than a block's sixteen.
LENGTHS = [3, 0, 4, 1, 2, 0, 4, 1, 1, 1, 2, 1, 1, 1, 1, 1, 3, 1]
FEW = [2, 0, 3, 1]


class Stepping(nn.Module):
    """A cell's step as a module, so that its parameters can be put in for a call."""

    def __init__(self, cell: GatedCell) -> None:
        super().__init__()
        self.cell = copy.deepcopy(cell)

    def forward(self, x: list[Tensor], h: list[Tensor], s: list[Tensor], n: list[Tensor]):
        cell = self.cell
        x = dict(zip(cell.gates, x, strict=True))
        h = dict(zip(cell.recurrent_gates, h, strict=True))
        after = cell.step(x, h, dict(zip(cell.states, s, strict=True)))
        if not n:
            return after
        # A noise says how much of the state before is kept.
        return [k * old + (1 - k) * new for k, old, new in zip(n, s, after, strict=True)]


def lift(cell: GatedCell, *, noisy: bool = False):
    """Trace a cell; with noises, one for each state."""
    recurrent = tuple(cell.gates.index(gate) for gate in cell.recurrent_gates)
    names = [name for name, each in cell.named_parameters() if each.shape == (cell.width,)]
    names = [f"cell.{name}" for name in names if "bias" not in name]
    noises = len(cell.states) if noisy else 0
    sizes = Sizes(len(cell.gates), recurrent, len(cell.states), len(names), noises)
    module = Stepping(cell)

    def step(x, h, s, p, n):
        given = dict(zip(names, p, strict=True))
        return torch.func.functional_call(module, given, (x, h, s, n))

    return trace(step, sizes)


def make_job(
    recurrence,
    width: int,
    lengths: list[int],
    *,
    dtype: torch.dtype = torch.float32,
    reverse: bool = False,
    biased: bool = False,
    masked: bool = False,
    clip: float | None = None,
) -> Job:
    """Make up the inputs of a pass."""
    sizes, draw = recurrence.sizes, torch.Generator().manual_seed(0)

    def numbers(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw).to(dtype)

    columns = len(sizes.recurrent) * width
    return Job(
        recurrence,
        Layout(torch.tensor(lengths, dtype=torch.int64), reverse),
        numbers(sizes.gates * width),
        numbers(columns, width) / width**0.5,
        numbers(columns) if biased else None,
        numbers(sizes.parameters, width) if sizes.parameters else None,
        2 * (numbers(len(lengths), width) > 0).to(dtype) if masked else None,
        (numbers(sum(lengths), sizes.noises * width) > 0).to(dtype) if sizes.noises else None,
        numbers(sizes.states, len(lengths), width),
        clip,
    )


def run_both_passes(engine, job: Job, rounded: torch.dtype | None = None) -> dict[str, Tensor]:
    """Return all results of an engine, of a forward and a backward pass.

    Inputs are made up, and rounded to a dtype, by default the job's own.
    """
    draw, like = torch.Generator().manual_seed(1), job.initial
    rows, gates = job.layout.rows, job.recurrence.sizes.gates

    def numbers(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw).to(rounded or like.dtype).to(like)

    done = engine.forward(job, numbers(rows, gates * job.width))
    found = engine.backward(job, done.saved, numbers(rows, job.width), numbers(*like.shape))
    if found.hidden is None:
        found = found._replace(hidden=engine.hidden_before(job, done.saved))
    made = done.saved._asdict() | {"outputs": done.outputs, "last": done.last}
    return made | {f"d_{name}": each for name, each in found._asdict().items()}


def assert_like_eager(engine, job: Job, bound: float = 1e-5) -> None:
    """Check that an engine gives what `Eager` gives."""
    found, wanted = run_both_passes(engine, job), run_both_passes(Eager(), job)
    assert found.keys() == wanted.keys()
    torch.testing.assert_close(found, wanted, rtol=bound, atol=bound)

"""Cells, batches, and all results of `unroll`, for its tests."""

from functools import partial
from typing import ClassVar

import torch
from hypothesis import strategies as st
from torch import nn

from seqpipe.parts.cells import GRU, LSTM, RNN, CoupledLSTM, GatedCell, PeepholeLSTM
from seqpipe.parts.encoders import unroll, unroll_plain


class Odd(GatedCell):
    """Has all that a gated cell may have, and isn't like any of the known ones."""

    gates: ClassVar = ("keep", "content", "write")
    input_only: ClassVar = ("content",)
    states: ClassVar = ("hidden", "trace")
    has_recurrent_bias: ClassVar = True

    def __init__(self, input_width, width):
        super().__init__(input_width, width)
        self.decay = nn.Parameter(torch.rand(width))
        self.scale = nn.Parameter(torch.tensor(0.7))
        self.register_buffer("slope", torch.rand(width))

    def step(self, x, h, state):
        keep = (x["keep"] + h["keep"]).sigmoid()
        write = x["write"] * h["write"].tanh()
        trace = self.decay.sigmoid() * state["trace"] + write - 0.1 * state["hidden"]
        hidden = keep * self.slope * trace.tanh() + self.scale * x["content"].clamp(-1, 1)
        return torch.where(hidden > 0, hidden, 0.1 * hidden), trace


class Independent(GatedCell):
    """Has no recurrent product."""

    gates: ClassVar = ("hidden",)
    input_only: ClassVar = ("hidden",)
    states: ClassVar = ("hidden",)

    def __init__(self, input_width, width):
        super().__init__(input_width, width)
        self.decay = nn.Parameter(torch.rand(width))

    def step(self, x, h, state):
        return ((x["hidden"] + self.decay * state["hidden"]).tanh(),)


CELLS = {
    "RNN": RNN,
    "RNN, relu": partial(RNN, activation="relu"),
    "LSTM": LSTM,
    "GRU": GRU,
    "PeepholeLSTM": PeepholeLSTM,
    "PeepholeLSTM, output": partial(PeepholeLSTM, peepholes=["output"]),
    "PeepholeLSTM, none": partial(PeepholeLSTM, peepholes=[]),
    "CoupledLSTM": CoupledLSTM,
    "CoupledLSTM, all": partial(CoupledLSTM, peepholes=["forget", "output"]),
    "Odd": Odd,
    "Independent": Independent,
}
#: One of each kind, for what costs more time.
FEW = {name: CELLS[name] for name in ("RNN, relu", "LSTM", "GRU", "Odd")}
ENGINES = ("eager", "compiled")
LENGTHS = st.lists(st.integers(0, 7), min_size=1, max_size=6)
WIDTHS = st.tuples(st.integers(1, 8), st.integers(1, 40))


def stirred(make, input_width, width, *, seed=0, dtype=torch.float64):
    """Return a cell with random weights of moderate size, so that no parameter does nothing."""
    torch.manual_seed(seed)
    cell = make(input_width, width)
    for name, parameter in cell.named_parameters():
        # So that products are about 1 at any width.
        spread = 0.5 if "weight" not in name else (1 / parameter.shape[1]) ** 0.5
        nn.init.normal_(parameter, std=spread)
    return cell.to(dtype)


def batch(lengths, width, *, seed=1, dtype=torch.float64):
    """Return random inputs and the lengths as a tensor."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(sum(lengths), width, dtype=torch.float64, generator=generator)
    return inputs.to(dtype), torch.tensor(lengths, dtype=torch.int64)


def states(cell, count, *, seed=2, dtype=torch.float64):
    """Return random states to begin with."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [each.shape for each in cell.initial_state(count, torch.zeros(1, 1))]
    drawn = [torch.randn(s, dtype=torch.float64, generator=generator) / 2 for s in shapes]
    return tuple(each.to(dtype) for each in drawn)


def everything(unroll, cell, inputs, lengths, state, **options):
    """Return outputs, last states, and the gradients of all that a gradient goes to, by name."""
    inputs = inputs.detach().clone().requires_grad_()
    state = tuple(each.detach().clone().requires_grad_() for each in state)
    outputs, last = unroll(cell, inputs, lengths, state=state, **options)
    generator = torch.Generator().manual_seed(3)
    results = {"outputs": outputs, **{f"last {i}": each for i, each in enumerate(last)}}
    loss = sum(
        (each * torch.randn(each.shape, dtype=torch.float64, generator=generator).to(each)).sum()
        for each in results.values()
    )
    learnt = {name: each for name, each in cell.named_parameters() if each.requires_grad}
    sources = {
        "inputs": inputs,
        **{f"first {i}": each for i, each in enumerate(state)},
        **learnt,
    }
    found = torch.autograd.grad(loss, list(sources.values()), materialize_grads=True)
    gradients = {f"gradient of {n}": g for n, g in zip(sources, found, strict=True)}
    return {**{n: each.detach() for n, each in results.items()}, **gradients}


def assert_same(found, wanted, bound):
    """Compare what `everything` returns, relative to the greatest number of each tensor."""
    assert found.keys() == wanted.keys()
    for name, expected in wanted.items():
        actual = found[name]
        assert actual.shape == expected.shape, name
        size = max(1.0, expected.abs().max().item() if expected.numel() else 0.0)
        torch.testing.assert_close(
            actual.double(),
            expected.double(),
            rtol=0,
            atol=bound * size,
            msg=lambda text, name=name: f"{name}: {text}",
        )


def assert_equals_plain(make, sizes, lengths, bound, *, dtype=torch.float64, **options):
    """Compare an engine with the plain loop in double precision, forward and backward."""
    engine, tbptt = options.pop("engine"), options.pop("tbptt", None)
    inputs, counts = batch(lengths, sizes[0])
    exact = stirred(make, *sizes)
    first = states(exact, len(lengths))
    wanted = everything(unroll_plain, exact, inputs, counts, first, **options)
    cell = stirred(make, *sizes, dtype=dtype)
    given = tuple(each.to(dtype) for each in first)
    options |= {"engine": engine, "tbptt": tbptt}
    found = everything(unroll, cell, inputs.to(dtype), counts, given, **options)
    assert found["outputs"].dtype == dtype
    assert_same(found, wanted, bound)

"""Which engine runs, what it says when it can't, and what holds for all of them."""

import copy
import gc
import logging
import pickle
import shutil
import weakref
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn
from unroll_cases import CELLS, ENGINES, FEW, LENGTHS, Odd, batch, states, stirred

from seqpipe.errors import ConfigError
from seqpipe.parts.cells import GRU, LSTM, RNN, GatedCell, PeepholeLSTM, ResetBeforeGRU
from seqpipe.parts.encoders import Recurrent, unroll, unroll_plain
from seqpipe.parts.recurrence import _engines, _gated
from seqpipe.parts.recurrence._gated import trace_cell

ALL = ("plain", *ENGINES)
each_few = pytest.mark.parametrize("make", FEW.values(), ids=FEW)
each_engine = pytest.mark.parametrize("engine", ENGINES)
any_engine = pytest.mark.parametrize("engine", ALL)
has_compiler = any(shutil.which(name) for name in ("cc", "gcc", "clang"))
needs_compiler = pytest.mark.skipif(not has_compiler, reason="there's no C compiler")


def fresh_lstm():
    """Return a subclass of LSTM of its own, which nothing was traced or compiled for."""
    return type("FreshLSTM", (LSTM,), {})


@pytest.fixture
def no_compiler(monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    _engines._WARNED.clear()
    yield
    _engines._WARNED.clear()


def test_unknown_engine_is_refused_with_those_that_there_are():
    message = r"`engine` is 'fast'; it must be one of plain, eager, compiled, triton"
    with pytest.raises(ConfigError, match=message):
        Recurrent(3, cell=LSTM, width=4, engine="fast")
    with pytest.raises(ConfigError, match=message):
        unroll(LSTM(3, 4), torch.ones(2, 3), torch.tensor([2]), engine="fast")


@needs_compiler
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_compiled_engine_is_the_default(dtype):
    encoder = Recurrent(3, cell=LSTM, width=4, depth=2)
    named = encoder.engines(torch.ones(1, 3, dtype=dtype))
    assert named == {f"layers.{i}.{j}": "compiled" for i in range(2) for j in range(2)}


@any_engine
def test_engine_that_was_asked_for_runs(engine):
    encoder = Recurrent(3, cell=LSTM, width=4, bidirectional=False, engine=engine)
    assert encoder.engines(torch.ones(1, 3)) == {"layers.0.0": engine}


def test_compiled_engine_without_a_compiler_is_refused_with_the_reason(no_compiler):
    encoder = Recurrent(3, cell=fresh_lstm(), width=4, engine="compiled")
    with pytest.raises(
        ConfigError, match=r"'compiled', which can't run here: there's no C compiler"
    ):
        encoder(*batch([2], 3, dtype=torch.float32))


def test_without_a_compiler_a_slower_engine_runs_and_that_is_said_once(no_compiler, caplog):
    torch.manual_seed(0)
    encoder = Recurrent(3, cell=fresh_lstm(), width=4, depth=2)
    inputs, lengths = batch([3, 2], 3, dtype=torch.float32)
    with caplog.at_level(logging.WARNING, "seqpipe"):
        outputs = encoder(inputs, lengths)
        encoder(inputs, lengths)
    assert {*encoder.engines(inputs).values()} == {"eager"}
    (said,) = [r for r in caplog.records if r.name == "seqpipe" and r.levelno == logging.WARNING]
    assert "'compiled' can't run here" in said.message and "no-such-compiler" in said.message
    encoder.engine = "plain"
    torch.testing.assert_close(outputs, encoder(inputs, lengths), rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@each_few
def test_half_precision_runs_eagerly(make, dtype):
    cell = stirred(make, 3, 5, dtype=dtype)
    inputs, lengths = batch([3, 0, 2], 3, dtype=dtype)
    first = states(cell, 3, dtype=dtype)
    outputs, last = unroll(cell, inputs, lengths, state=first)
    assert outputs.dtype == dtype and {s.dtype for s in last} == {dtype}
    outputs.sum().backward()
    assert all(p.grad.dtype == dtype for p in cell.parameters() if p.requires_grad)
    exact = stirred(make, 3, 5)
    expected, _ = unroll_plain(exact, inputs.double(), lengths, state=states(exact, 3))
    torch.testing.assert_close(outputs.double(), expected, rtol=0, atol=0.1)
    with pytest.raises(ConfigError, match="for float32 and float64"):
        unroll(cell, inputs, lengths, state=first, engine="compiled")


def test_cell_that_is_not_gated_runs_in_the_plain_loop():
    cell = stirred(ResetBeforeGRU, 3, 4)
    inputs, lengths = batch([3, 2], 3)
    assert torch.equal(unroll(cell, inputs, lengths)[0], unroll_plain(cell, inputs, lengths)[0])
    for engine in ENGINES:
        with pytest.raises(ConfigError, match=rf"'{engine}', but ResetBeforeGRU isn't a GatedCell"):
            unroll(cell, inputs, lengths, engine=engine)


def test_forward_of_ones_own_is_called():
    class Doubled(LSTM):
        def forward(self, input, state):
            output, after = super().forward(input, state)
            return 2 * output, after

    cell = stirred(Doubled, 3, 4)
    inputs, lengths = batch([3, 2], 3)
    expected = 2 * unroll(stirred(LSTM, 3, 4), inputs, lengths)[0]
    torch.testing.assert_close(unroll(cell, inputs, lengths)[0], expected)
    with pytest.raises(ConfigError, match="only 'plain' runs it"):
        unroll(cell, inputs, lengths, engine="eager")


def test_step_of_ones_own_is_run():
    class Halved(LSTM):
        def step(self, x, h, state):
            hidden, cell = super().step(x, h, state)
            return hidden / 2, cell

    cell = stirred(Halved, 3, 4)
    inputs, lengths = batch([3, 2], 3)
    expected = unroll_plain(cell, inputs, lengths)[0]
    torch.testing.assert_close(unroll(cell, inputs, lengths)[0], expected)
    assert not torch.allclose(expected, unroll(stirred(LSTM, 3, 4), inputs, lengths)[0])


class Mixing(LSTM):
    """Isn't elementwise."""

    def step(self, x, h, state):
        hidden, cell = super().step(x, h, state)
        return hidden - hidden.mean(1, keepdim=True), cell


def test_step_that_is_not_elementwise_is_refused_but_by_the_plain_loop():
    cell = stirred(Mixing, 3, 4)
    inputs, lengths = batch([3, 2], 3)
    with pytest.raises(ConfigError, match=r"uses `mean`, in .*test_encoders_engines.py, line \d+"):
        unroll(cell, inputs, lengths)
    assert unroll(cell, inputs, lengths, engine="plain")[0].shape == (5, 4)


@pytest.mark.parametrize("make", CELLS.values(), ids=CELLS)
def test_shapes_can_be_tried_without_memory(make):
    cell = make(3, 4).to("meta")
    outputs, last = unroll(cell, torch.empty(5, 3, device="meta"), torch.tensor([3, 0, 2]))
    assert outputs.is_meta and outputs.shape == (5, 4)
    assert {each.shape for each in last} == {(3, 4)}


@any_engine
def test_gradients_flow_in_evaluation(engine):
    encoder = Recurrent(3, cell=LSTM, width=4, zoneout=0.1, engine=engine).eval()
    inputs, lengths = batch([3, 2], 3, dtype=torch.float32)
    encoder(inputs.requires_grad_(), lengths).sum().backward()
    assert inputs.grad.abs().sum() > 0
    assert all(p.grad is not None for p in encoder.parameters())


@any_engine
@pytest.mark.parametrize("reverse", [False, True])
@each_few
def test_nan_stays_in_its_sequence(make, reverse, engine):
    cell = stirred(make, 3, 5, dtype=torch.float32)
    inputs, lengths = batch([3, 4, 0, 2], 3, dtype=torch.float32)
    clean, ended = unroll(cell, inputs, lengths, reverse=reverse, engine=engine)
    inputs[4] = float("nan")
    outputs, last = unroll(cell, inputs, lengths, reverse=reverse, engine=engine)
    others = torch.tensor([0, 1, 2, 7, 8])
    assert torch.equal(outputs[others], clean[others])
    assert outputs[3 if reverse else 6].isnan().any()
    for found, wanted in zip(last, ended, strict=True):
        rest = torch.tensor([0, 2, 3])
        assert torch.equal(found[rest], wanted[rest])


@any_engine
@pytest.mark.parametrize("lengths", [[], [0], [0, 0, 0]], ids=str)
@each_few
def test_nothing_gives_nothing_and_keeps_its_state(make, lengths, engine):
    cell = stirred(make, 3, 4)
    inputs, counts = batch(lengths, 3)
    first = states(cell, len(lengths))
    outputs, last = unroll(cell, inputs, counts, state=first, engine=engine)
    assert outputs.shape == (0, 4)
    assert all(map(torch.equal, last, first))
    encoder = Recurrent(3, cell=make, width=4, depth=2, window=2, engine=engine)
    assert encoder.double()(inputs, counts).shape == (0, 4)


@any_engine
def test_state_of_an_empty_sequence_goes_through_with_its_gradient(engine):
    cell = stirred(LSTM, 3, 4)
    inputs, lengths = batch([0, 2], 3)
    first = tuple(each.requires_grad_() for each in states(cell, 2))
    _, last = unroll(cell, inputs, lengths, state=first, engine=engine)
    assert torch.equal(last[1][0], first[1][0])
    last[1][0].sum().backward()
    assert torch.equal(first[1].grad[0], torch.ones(4, dtype=torch.float64))
    assert not first[1].grad[1].any()


@any_engine
def test_graph_can_be_gone_through_twice(engine):
    cell = stirred(LSTM, 3, 4)
    inputs, lengths = batch([3, 2], 3)
    inputs.requires_grad_()
    outputs, _ = unroll(cell, inputs, lengths, engine=engine)
    loss = outputs.square().sum()
    (first,) = torch.autograd.grad(loss, inputs, retain_graph=True)
    (second,) = torch.autograd.grad(loss, inputs)
    assert torch.equal(first, second)


@any_engine
def test_inputs_and_weights_need_not_lie_in_one_piece(engine):
    cell = stirred(LSTM, 3, 4)
    inputs, lengths = batch([3, 2], 3)
    expected = unroll(cell, inputs, lengths, engine=engine)[0]
    wide = torch.stack([inputs, inputs], dim=2)[:, :, 0]
    cell.recurrent_weight.data = cell.recurrent_weight.data.t().contiguous().t()
    assert not wide.is_contiguous() and not cell.recurrent_weight.is_contiguous()
    torch.testing.assert_close(unroll(cell, wide, lengths, engine=engine)[0], expected)


@each_engine
def test_inputs_and_states_are_not_changed(engine):
    cell = stirred(Odd, 3, 4)
    inputs, lengths = batch([3, 0, 2], 3)
    first = states(cell, 3)
    given = [inputs, *first, *cell.parameters(), *cell.buffers()]
    before = [each.detach().clone() for each in given]
    outputs, last = unroll(cell, inputs, lengths, state=first, engine=engine)
    kept = outputs.detach().clone()
    (outputs.sum() + last[0].sum()).backward()
    assert all(map(torch.equal, given, before))
    assert torch.equal(outputs, kept)


@any_engine
@each_few
@given(lengths=LENGTHS)
@settings(max_examples=8, deadline=None)
def test_sequence_alone_equals_sequence_in_a_batch(make, engine, lengths):
    torch.manual_seed(0)
    encoder = Recurrent(4, cell=make, width=6, depth=2, engine=engine).eval()
    inputs, counts = batch(lengths, 4, dtype=torch.float32)
    with torch.no_grad():
        together = encoder(inputs, counts)
        alone = [encoder(x, torch.tensor([len(x)])) for x in inputs.split(lengths)]
    # A relu's values aren't bounded, so neither is the size of their last digit.
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-6, rtol=1e-6)


class Switched(GatedCell):
    """Depends on settings of several kinds."""

    gates: ClassVar = ("hidden",)
    states: ClassVar = ("hidden",)

    def __init__(self, input_width, width):
        super().__init__(input_width, width)
        self.factor = 0.5
        self.options = {"names": ["tanh"]}
        self.inner = nn.Softplus(beta=1.0)

    def step(self, x, h, state):
        after = (x["hidden"] + h["hidden"]) * self.factor
        if self.training:
            after = after + 0.25
        for name in self.options["names"]:
            after = getattr(torch, name)(after)
        return (self.inner(after),)


def double(cell):
    cell.factor = 1.5


def append(cell):
    cell.options["names"].append("sigmoid")


def replace_inner(cell):
    cell.inner = nn.ReLU()


def change_inner(cell):
    cell.inner.beta = 3.0


def evaluate(cell):
    cell.eval()


@each_engine
@pytest.mark.parametrize("change", [double, append, replace_inner, change_inner, evaluate])
def test_setting_that_is_changed_after_use_is_noticed(change, engine):
    cell = stirred(Switched, 3, 4)
    inputs, lengths = batch([3, 2], 3)
    before = unroll(cell, inputs, lengths, engine=engine)[0]
    torch.testing.assert_close(before, unroll_plain(cell, inputs, lengths)[0])
    change(cell)
    after = unroll(cell, inputs, lengths, engine=engine)[0]
    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, unroll_plain(cell, inputs, lengths)[0])


class Tabled(RNN):
    """Has a setting that can't be compared as a whole."""

    table = np.array([1.0, 0.5])

    def step(self, x, h, state):
        return (((x["hidden"] + h["hidden"]) * float(self.table[1])).tanh(),)


def test_setting_may_be_an_array():
    cell = stirred(Tabled, 3, 4)
    inputs, lengths = batch([3, 2], 3)
    for factor in (0.5, 0.7, 0.5):
        cell.table = np.array([1.0, factor])
        found = unroll(cell, inputs, lengths, engine="eager")[0]
        torch.testing.assert_close(found, unroll_plain(cell, inputs, lengths)[0])


class Masked(RNN):
    """Has a buffer of truth values, and a setting that's the class's."""

    factor = 0.5

    def __init__(self, input_width, width):
        super().__init__(input_width, width)
        self.register_buffer("open", torch.arange(width) % 2 == 0)

    def step(self, x, h, state):
        after = (x["hidden"] + h["hidden"]).tanh() * self.factor
        return (torch.where(self.open & ~(after > 1), after, state["hidden"] * ~self.open),)


@each_engine
def test_buffer_may_hold_truth_values(engine):
    cell = stirred(Masked, 3, 4)
    inputs, lengths = batch([3, 2], 3)
    inputs.requires_grad_()
    found = unroll(cell, inputs, lengths, engine=engine)[0]
    wanted = unroll_plain(cell, inputs, lengths)[0]
    torch.testing.assert_close(found, wanted)
    gradients = (torch.autograd.grad(each.square().sum(), inputs)[0] for each in (found, wanted))
    torch.testing.assert_close(*gradients)


@each_engine
def test_setting_of_a_class_that_is_changed_after_use_is_noticed(engine, monkeypatch):
    cell = stirred(Masked, 3, 4)
    inputs, lengths = batch([3, 2], 3)
    before = unroll(cell, inputs, lengths, engine=engine)[0]
    monkeypatch.setattr(Masked, "factor", 0.25)
    after = unroll(cell, inputs, lengths, engine=engine)[0]
    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, unroll_plain(cell, inputs, lengths)[0])


@each_engine
def test_step_that_is_replaced_after_use_is_noticed(engine, monkeypatch):
    cell = stirred(Masked, 3, 4)
    inputs, lengths = batch([3, 2], 3)
    unroll(cell, inputs, lengths, engine=engine)
    monkeypatch.setattr(Masked, "step", lambda self, x, h, state: (x["hidden"] + h["hidden"],))
    after = unroll(cell, inputs, lengths, engine=engine)[0]
    torch.testing.assert_close(after, unroll_plain(cell, inputs, lengths)[0])


@each_engine
def test_parameter_that_is_replaced_after_use_is_taken(engine):
    cell = stirred(PeepholeLSTM, 3, 4)
    inputs, lengths = batch([3, 2], 3)
    unroll(cell, inputs, lengths, engine=engine)
    cell.peephole["input"] = nn.Parameter(torch.full((4,), 0.7, dtype=torch.float64))
    found = unroll(cell, inputs, lengths, engine=engine)[0]
    torch.testing.assert_close(found, unroll_plain(cell, inputs, lengths)[0])
    del cell.peephole["input"]
    found = unroll(cell, inputs, lengths, engine=engine)[0]
    torch.testing.assert_close(found, unroll_plain(cell, inputs, lengths)[0])


@each_engine
def test_cell_that_is_no_longer_needed_is_forgotten(engine):
    cell = stirred(LSTM, 3, 4)
    unroll(cell, *batch([3, 2], 3), engine=engine)
    gone = weakref.ref(cell)
    del cell
    gc.collect()
    assert gone() is None


def test_cells_alike_are_traced_once():
    make = fresh_lstm()
    assert trace_cell(make(3, 4)) is trace_cell(make(3, 4))
    assert trace_cell(RNN(3, 4)) is not trace_cell(RNN(3, 4, activation="relu"))


@each_engine
@each_few
@pytest.mark.parametrize(
    "renew", [copy.deepcopy, lambda cell: pickle.loads(pickle.dumps(cell))], ids=["copy", "pickle"]
)
def test_cell_and_encoder_can_be_copied_after_use(renew, make, engine):
    inputs, lengths = batch([3, 2], 3)
    cell = stirred(make, 3, 4)
    used = unroll(cell, inputs, lengths, engine=engine)[0]
    used.sum().backward()
    assert torch.equal(unroll(renew(cell), inputs, lengths, engine=engine)[0], used)
    encoder = Recurrent(3, cell=make, width=8, depth=2, engine=engine).double()
    outputs = encoder(inputs, lengths)
    assert torch.equal(renew(encoder)(inputs, lengths), outputs)


@each_engine
def test_weights_may_change_after_use(engine):
    cell = stirred(Odd, 3, 4)
    inputs, lengths = batch([3, 2], 3)
    unroll(cell, inputs, lengths, engine=engine)
    with torch.no_grad():
        for each in (*cell.parameters(), *cell.buffers()):
            each.mul_(0.5)
    found = unroll(cell, inputs, lengths, engine=engine)[0]
    torch.testing.assert_close(found, unroll_plain(cell, inputs, lengths)[0])


@each_engine
def test_parameters_may_be_shared_and_frozen(engine):
    cell = stirred(partial(GRU), 3, 4)
    for name, parameter in cell.named_parameters():
        parameter.requires_grad_(name == "recurrent_bias")
    inputs, lengths = batch([3, 2], 3)
    unroll(cell, inputs, lengths, engine=engine)[0].sum().backward()
    assert [n for n, p in cell.named_parameters() if p.grad is not None] == ["recurrent_bias"]


@each_engine
def test_first_use_may_be_in_a_checkpoint(engine):
    make = fresh_lstm()
    cell = stirred(make, 3, 4)
    inputs, lengths = batch([3, 2], 3)
    inputs.requires_grad_()
    outputs, _ = torch.utils.checkpoint.checkpoint(
        lambda x: unroll(cell, x, lengths, engine=engine), inputs, use_reentrant=False
    )
    (found,) = torch.autograd.grad(outputs.square().sum(), inputs)
    plain = unroll_plain(cell, inputs, lengths)[0]
    torch.testing.assert_close(found, torch.autograd.grad(plain.square().sum(), inputs)[0])


def test_asking_for_engines_after_evaluation_makes_no_further_kernel():
    class Own(LSTM):
        pass

    encoder = Recurrent(3, cell=Own, width=4, zoneout=0.2).eval()
    inputs = torch.zeros(2, 3)
    encoder(inputs, torch.tensor([2]))
    before = len(_gated._TRACED[Own])
    assert set(encoder.engines(inputs).values()) <= {"compiled", "eager"}
    assert len(_gated._TRACED[Own]) == before == 1


class ReadsShape(RNN):
    """An RNN whose step uses what `read` makes of a tensor's shape or dtype."""

    @staticmethod
    def read(h):
        raise NotImplementedError

    def step(self, x, h, state):
        (after,) = super().step(x, h, state)
        return (after * self.read(h["hidden"]),)


class CountedGradient(torch.autograd.Function):
    """Doubles a tensor; its derivative reads the shape, which isn't seen from outside."""

    @staticmethod
    def forward(x):
        return x * 2

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, gradient):
        return gradient * gradient.shape[0]


OF_UNITS = {
    "last of the shape": lambda h: 1 / h.shape[-1],
    "size by dimension": lambda h: 1 / h.size(1),
    "a tensor of the same shape": lambda h: torch.full(h.shape, 0.5).to(h),
    "dtype of a new tensor": lambda h: torch.full((h.shape[1],), 0.5, dtype=h.dtype),
}
OF_THE_BATCH = {
    "first of the shape": lambda h: 1 / h.shape[0],
    "length": lambda h: 1 / len(h),
    "count of numbers": lambda h: 1 / h.numel(),
    "branch": lambda h: 0.5 if h.size()[0] > 3 else 0.6,
    "precision of the dtype": lambda h: 1 + 1e15 * torch.finfo(h.dtype).eps,
    "derivative of its own": lambda h: CountedGradient.apply(h),
}


def cell_that_reads(read, width):
    return stirred(type("Reads", (ReadsShape,), {"read": staticmethod(read)}), 3, width)


@each_engine
@pytest.mark.parametrize("width", [2, 5])
@pytest.mark.parametrize("read", OF_UNITS.values(), ids=OF_UNITS)
def test_step_may_read_the_number_of_units_from_a_shape(read, width, engine):
    inputs, lengths = batch([3, 0, 2], 3)
    cell = cell_that_reads(read, width)
    found = unroll(cell, inputs, lengths, engine=engine)[0]
    torch.testing.assert_close(found, unroll_plain(cell, inputs, lengths)[0])


@pytest.mark.parametrize("read", OF_THE_BATCH.values(), ids=OF_THE_BATCH)
def test_step_that_depends_on_the_batch_runs_in_the_plain_loop(read, caplog):
    inputs, lengths = batch([3, 0, 2], 3)
    cell = cell_that_reads(read, 4)
    _engines._WARNED.clear()
    for _ in range(2):
        torch.testing.assert_close(
            unroll(cell, inputs, lengths)[0], unroll_plain(cell, inputs, lengths)[0], rtol=0, atol=0
        )
    assert caplog.text.count("for another number of rows, or another dtype") == 1
    with pytest.raises(ConfigError, match=r"another number of rows.*only 'plain' runs it"):
        unroll(cell, inputs, lengths, engine="eager")
    assert _engines.usable_engines(cell, inputs) == ["plain"]


def of_all(scale):
    return scale.shape[-1]


@pytest.mark.parametrize("read", [len, of_all, torch.Tensor.dim, torch.Tensor.numel])
def test_step_that_reads_the_shape_of_a_parameter_runs_in_the_plain_loop(read):
    class Reads(RNN):
        def __init__(self, input_width, width):
            super().__init__(input_width, width)
            self.scale = nn.Parameter(torch.tensor([0.5]))

        def step(self, x, h, state):
            return (super().step(x, h, state)[0] * self.scale * read(self.scale),)

    inputs, lengths = batch([3, 0, 2], 3)
    cell = stirred(Reads, 3, 4)
    expected = unroll_plain(cell, inputs, lengths)[0]
    torch.testing.assert_close(unroll(cell, inputs, lengths)[0], expected, rtol=0, atol=0)
    with pytest.raises(ConfigError, match="only 'plain' runs it"):
        unroll(cell, inputs, lengths, engine="eager")

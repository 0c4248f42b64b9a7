"""What the Triton kernels compute is what `Eager` computes.

Runs in Triton's interpreter; `test_kernels_triton.py` starts it, as Triton looks for TRITON_INTERPRET when it's
imported.
"""

import functools

import kernel_steps
import pytest
import test_kernels_trace
import torch
from triton.runtime.interpreter import InterpretedFunction, _patch_lang
from triton_jobs import FEW, LENGTHS, assert_like_eager, lift, make_job, run_both_passes

from seqpipe.kernels import Eager, Layout, Plan, Sizes, Weights, recur, trace
from seqpipe.kernels.triton import _engine
from seqpipe.kernels.triton._engine import Limits, Triton, choose_config, supports
from seqpipe.parts.cells import GRU, LSTM, RNN, CoupledLSTM, PeepholeLSTM

CELLS = {
    "RNN": RNN,
    "relu RNN": lambda *sizes: RNN(*sizes, activation="relu"),
    "LSTM": LSTM,
    "PeepholeLSTM": PeepholeLSTM,
    "CoupledLSTM": lambda *sizes: CoupledLSTM(*sizes, peepholes=("forget", "output")),
    "GRU": GRU,
}
AMPLE = 2**30
#: The modes of a launch. The interpreter runs block by block, so where blocks share the width there's only one here,
#: which waits for what it has written itself.
MODES = {
    "whole": Limits(whole=AMPLE, shared=0),
    "shared": Limits(whole=0, shared=AMPLE, units=(16, 32, 64)),
    "stepwise": Limits(whole=0, shared=0),
}
KINDS = {
    "plain": {},
    "reverse": {"reverse": True, "clip": 0.3},
    "all": {"masked": True, "biased": True, "clip": 0.3},
    "all, reverse": {"masked": True, "biased": True, "reverse": True},
}


class InputOnlyLSTM(LSTM):
    """Has gates without a product of the hidden state."""

    input_only = ("input", "output")

    def step(self, x, h, state):
        """Take one step."""
        f = (x["forget"] + h["forget"]).sigmoid()
        cell = f * state["cell"] + x["input"].sigmoid() * (x["candidate"] + h["candidate"]).tanh()
        return x["output"].sigmoid() * cell.tanh(), cell


class Minimal(LSTM):
    """Has no product of the hidden state at all."""

    gates = ("forget", "candidate")
    input_only = ("forget", "candidate")

    def step(self, x, h, state):
        """Take one step."""
        cell = x["forget"].sigmoid() * state["cell"] + x["candidate"]
        return cell.tanh() * state["hidden"], cell


@functools.cache
def lifted(make, *, noisy=False):
    """Trace a kind of cell once, whose kernels serve all widths, as those of an encoder's cells do."""
    return lift(make(2, 5), noisy=noisy)


@pytest.fixture(autouse=True, scope="module")
def patched_once():
    """Have a module's functions find the interpreted language by what their first call, and each launch, has patched.

    At each call the interpreter patches it again, which takes a fifth of all its time.
    """
    patched = set()

    def call(self, *arguments, **named):
        if self.fn.__module__ not in patched:
            _patch_lang(self.fn)
            patched.add(self.fn.__module__)
        return self.rewrite()(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(InterpretedFunction, "__call__", call)
        yield


@pytest.fixture(autouse=True)
def chosen(request, monkeypatch):
    """Check that the modes that are chosen are the one that a test names."""
    wanted, found = getattr(request.node, "callspec", None), set()

    def choose(products, *others):
        config = choose_config(products, *others)
        found.add(config.mode if products else None)
        return config

    monkeypatch.setattr(_engine, "choose_config", choose)
    yield
    if wanted and "mode" in wanted.params:
        assert found <= {wanted.params["mode"], None}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    ("mode", "width", "kind"),
    [
        ("shared", 33, "all"),
        ("whole", 5, "all"),
        ("shared", 5, "all, reverse"),
        ("whole", 33, "all, reverse"),
        ("stepwise", 33, "all"),
    ],
)
def test_cells(cell, mode, width, kind):
    recurrence = lifted(CELLS[cell], noisy=True)
    lengths = LENGTHS if width == 5 else FEW
    assert_like_eager(Triton(MODES[mode]), make_job(recurrence, width, lengths, **KINDS[kind]))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("width", [1, 16, 17])
@pytest.mark.parametrize("kind", ["plain", "reverse"])
def test_widths(mode, width, kind):
    recurrence = lifted(PeepholeLSTM)
    assert_like_eager(Triton(MODES[mode]), make_job(recurrence, width, FEW, **KINDS[kind]))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("cell", [InputOnlyLSTM, Minimal])
def test_gates_of_the_input_only(cell, mode):
    recurrence = lifted(cell)
    assert_like_eager(Triton(MODES[mode]), make_job(recurrence, 18, FEW, clip=0.3))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(mode, dtype):
    job = make_job(lifted(GRU), 17, FEW, dtype=dtype, **KINDS["all"])
    assert_like_eager(Triton(MODES[mode]), job, bound=0.1)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("lengths", [[0, 0], [], [1]])
def test_few_or_no_rows(mode, lengths):
    assert_like_eager(Triton(MODES[mode]), make_job(lifted(LSTM), 17, lengths))


# NumPy warns of what a GPU passes over.
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("mode", ["whole", "shared"])
def test_padding_stays_out_of_products(mode):
    # Where x is 0, as beyond the width, this is NaN. Elsewhere the factor and its derivative are exact: x/x would
    # give a gradient that cancels to 0 but for the rounding of terms as large as 1/x.
    recurrence = trace(
        lambda x, h, s, p, n: [(1 + 0 * x[0].reciprocal()) * (x[1] + h[0])], Sizes(2, (1,), 1)
    )
    assert_like_eager(Triton(MODES[mode]), make_job(recurrence, 5, FEW))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_kept_is_never_blank(dtype):
    integers = torch.int32 if dtype == torch.float32 else torch.int16
    # All bits set, as what isn't written yet, which passes through the step unchanged.
    recurrence = trace(lambda x, h, s, p, n: [x[0] + h[0]], Sizes(1, (0,), 1))
    job = make_job(recurrence, 5, [2, 1], dtype=dtype)
    ones = torch.full((3, 5), -1, dtype=integers).view(dtype)
    engine = Triton(MODES["shared"])
    done = engine.forward(job, ones.clone())
    found = engine.backward(job, done.saved, ones, torch.zeros_like(job.initial))
    for each in (done.saved.states[0], found.recurrent):
        assert each.isnan().all()
        assert (each.view(integers) != -1).all()


@pytest.mark.parametrize("mode", MODES)
def test_same_whatever_stands_beside(mode):
    job = make_job(lifted(LSTM), 17, LENGTHS)
    layout = Layout(torch.tensor(LENGTHS[:1]), False)
    alone = job._replace(layout=layout, initial=job.initial[:, :1])
    engine = Triton(MODES[mode])
    gates = torch.randn(sum(LENGTHS), 4 * 17)
    states = engine.forward(alone, gates[:3].clone()).saved.states
    torch.testing.assert_close(
        engine.forward(job, gates).saved.states[:, :3], states, rtol=0, atol=0
    )


def test_weights_get_the_same_gradients():
    width = 17
    recurrence, generator = lifted(PeepholeLSTM), torch.Generator().manual_seed(0)
    shapes = [(4 * width, 3), (4 * width,), (4 * width, width), (4 * width,), (3, width)]
    given = [torch.randn(*shape, generator=generator) / 3 for shape in shapes]
    found = []
    for engine in (Eager(), Triton(MODES["stepwise"])):
        leaves = [each.clone().requires_grad_() for each in given]
        layout = Layout(torch.tensor(FEW), True)
        plan = Plan(engine, recurrence, layout, None, None, None)
        initial = torch.ones(2, len(FEW), width, requires_grad=True)
        outputs, last = recur(plan, torch.ones(sum(FEW), 3), Weights(*leaves), initial)
        loss = outputs.sin().sum() + last.cos().sum()
        found.append(torch.autograd.grad(loss, [*leaves, initial]))
    torch.testing.assert_close(found[1], found[0], rtol=1e-5, atol=1e-5)


def test_tensors_that_are_not_contiguous():
    job = make_job(lifted(GRU), 6, FEW, **KINDS["all"])
    transposed = job._replace(
        weight=job.weight.t().contiguous().t(),
        initial=job.initial.transpose(1, 2).contiguous().transpose(1, 2),
    )
    torch.testing.assert_close(
        run_both_passes(Triton(), transposed), run_both_passes(Triton(), job)
    )


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_all_operations():
    given = test_kernels_trace.values(torch.float32)
    recurrence = test_kernels_trace.traced_at_once()
    _, count, width = given.shape
    job = make_job(recurrence, width, [1] * count)
    others = torch.zeros(recurrence.sizes.states - len(given), count, width)
    assert_like_eager(Triton(), job._replace(initial=torch.cat([given, others])))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_hostile_values(monkeypatch):
    monkeypatch.setitem(kernel_steps.ENGINES, "triton", Triton())
    test_kernels_trace.test_hostile_values_give_what_torch_makes_of_them("triton", torch.float32)


def test_supports():
    assert supports(torch.float32, torch.device("cpu")) is None
    assert "float64" in supports(torch.float64, torch.device("cpu"))

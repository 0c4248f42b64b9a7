"""Torch's other ways of using a module: what the table in docs/recurrent.md says of each."""

import copy
import dataclasses
import io
import pickle
import types
import warnings
from typing import ClassVar

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad
from torch.autograd.functional import hessian, jacobian, vhp
from torch.func import functional_call
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm
from torch.overrides import TorchFunctionMode
from torch.testing._internal.two_tensor import TwoTensor
from torch.utils.flop_counter import FlopCounterMode
from unroll_cases import FEW, batch, stirred

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.cells import LSTM, RNN, PeepholeLSTM
from seqpipe.parts.encoders import Recurrent, unroll, unroll_plain
from seqpipe.parts.recurrence import _engines

INPUTS, LENGTHS = batch([2, 0, 3], 3)


def encoder(engine, **settings):
    """Return an encoder with weights of moderate size."""
    torch.manual_seed(0)
    made = Recurrent(3, cell=PeepholeLSTM, width=4, engine=engine, **settings).double()
    for each in made.parameters():
        nn.init.normal_(each, std=0.5)
    return made


def gradients(made, inputs):
    """Return all outputs and gradients as one vector, with noise drawn alike each time."""
    torch.manual_seed(1)
    made.zero_grad()
    inputs = inputs.clone().requires_grad_()
    outputs = made(inputs, LENGTHS)
    outputs.square().sum().backward()
    found = [outputs, inputs.grad, *(p.grad for p in made.parameters() if p.grad is not None)]
    return torch.cat([each.detach().flatten() for each in found])


def penalty(made):
    inputs = INPUTS.clone().requires_grad_()
    (slope,) = torch.autograd.grad(made(inputs, LENGTHS).sum(), inputs, create_graph=True)
    slope.square().sum().backward()
    return torch.cat([each.grad.flatten() for each in made.parameters()])


def penalty_with_tbptt(made):
    made.tbptt = 2
    return penalty(made)


def penalty_with_step_clip(made):
    made.step_clip = 0.05
    return penalty(made)


def penalty_with_noise(made):
    made.state_dropout, made.weight_dropout, made.zoneout = 0.3, 0.3, (0.2, 0.2)
    torch.manual_seed(1)
    return penalty(made)


def anomaly_mode(made):
    with torch.autograd.set_detect_anomaly(True):
        return gradients(made, INPUTS)


def whole_hessian(made):
    return hessian(lambda x: made(x, LENGTHS).sum(), INPUTS)


def vector_hessian(made):
    return vhp(lambda x: made(x, LENGTHS).sum(), INPUTS, INPUTS)[1]


def jacobian_at_once(made):
    return jacobian(lambda x: made(x, LENGTHS), INPUTS, vectorize=True)


def replaced_parameters(made):
    return functional_call(
        made, {n: 2 * p for n, p in made.named_parameters()}, (INPUTS, LENGTHS)
    ).detach()


#: What the engine that was asked for does as well.
BY_ENGINES = [
    *(penalty, penalty_with_tbptt, penalty_with_step_clip, penalty_with_noise, anomaly_mode),
    *(whole_hessian, vector_hessian, jacobian_at_once, replaced_parameters),
]


def func_grad(made):
    return torch.func.grad(lambda x: made(x, LENGTHS).square().sum())(INPUTS)


def func_grad_with_tbptt(made):
    made.tbptt = 2
    return func_grad(made)


def func_grad_with_step_clip(made):
    made.step_clip = 0.05
    return func_grad(made)


def func_grad_of_parameters(made):
    given = dict(made.named_parameters())
    found = torch.func.grad(lambda p: functional_call(made, p, (INPUTS, LENGTHS)).sum())(given)
    return torch.cat([each.flatten() for each in found.values()])


def func_vmap(made):
    return torch.func.vmap(lambda x: made(x, LENGTHS))(torch.stack([INPUTS, -INPUTS])).detach()


def func_jvp(made):
    return torch.func.jvp(lambda x: made(x, LENGTHS), (INPUTS,), (INPUTS,))[1].detach()


def forward_mode(made):
    with forward_ad.dual_level(), torch.no_grad():
        outputs = made(forward_ad.make_dual(INPUTS, INPUTS), LENGTHS)
        return forward_ad.unpack_dual(outputs).tangent


def jit_trace(made):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(made, (INPUTS, LENGTHS), check_trace=False)
    return traced(-INPUTS, LENGTHS).detach()


def recorded_graph(made):
    with torch.no_grad():
        return make_fx(lambda x: made(x, LENGTHS))(INPUTS)(-INPUTS)


def counted_operations(made):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        made(INPUTS, LENGTHS)
    return torch.tensor(float(counter.get_total_flops()))


def hooked(register):
    """Return a use that counts calls of a hook on a cell."""

    def use(made):
        calls = []
        gradients(made, INPUTS)
        handle = register(made.layers[0][0], lambda *given: calls.append(given))
        try:
            return torch.cat([gradients(made, INPUTS), torch.tensor([float(len(calls))])])
        finally:
            handle.remove()

    return use


HOOKS = {
    "forward hook": hooked(nn.Module.register_forward_hook),
    "forward pre-hook": hooked(nn.Module.register_forward_pre_hook),
    "backward hook": hooked(nn.Module.register_full_backward_hook),
    "backward pre-hook": hooked(nn.Module.register_full_backward_pre_hook),
    "hook on a module in it": hooked(lambda cell, hook: cell.peephole.register_forward_hook(hook)),
    "hook on all modules": hooked(
        lambda cell, hook: nn.modules.module.register_module_forward_hook(hook)
    ),
}
BY_THE_LOOP = {
    **{
        use.__name__: use
        for use in (
            *(func_grad, func_grad_with_tbptt, func_grad_with_step_clip, func_grad_of_parameters),
            *(func_vmap, func_jvp, forward_mode, jit_trace, recorded_graph, counted_operations),
        )
    },
    **HOOKS,
}


@pytest.mark.parametrize("engine", ["eager", "compiled"])
@pytest.mark.parametrize("use", BY_ENGINES)
def test_engine_gives_what_the_plain_loop_gives(use, engine):
    torch.testing.assert_close(use(encoder(engine)), use(encoder("plain")), rtol=0, atol=1e-10)


# torch scripts something the first time that it goes forward.
@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
@pytest.mark.parametrize("use", BY_THE_LOOP.values(), ids=BY_THE_LOOP)
def test_plain_loop_takes_over_unless_another_engine_is_asked_for(use):
    torch.testing.assert_close(use(encoder(None)), use(encoder("plain")), rtol=0, atol=1e-12)
    with pytest.raises(ConfigError, match=r"`engine` is 'eager', but .*; only 'plain' runs it"):
        use(encoder("eager"))


@pytest.mark.parametrize("engine", ["eager", "compiled"])
@pytest.mark.parametrize("make", FEW.values(), ids=FEW)
def test_second_derivatives_are_those_of_differences(make, engine):
    cell = stirred(make, 2, 2)
    inputs, lengths = batch([2, 1], 2)
    learnt = [each for each in cell.parameters() if each.requires_grad]

    def run(inputs, *_):
        outputs, last = unroll(cell, inputs, lengths, engine=engine)
        return outputs, *last

    assert torch.autograd.gradgradcheck(run, (inputs.requires_grad_(), *learnt), fast_mode=True)


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_gradient_of_what_depends_on_another_input_is_counted_once(engine):
    cell = stirred(LSTM, 3, 4)
    inputs, lengths = batch([2, 3], 3)

    def penalise(engine):
        inputs_ = inputs.clone().requires_grad_()
        # The first state and the input have a common source.
        first = (inputs_[:2, :1].expand(2, 4), inputs_[:2, 1:2].expand(2, 4))
        outputs, _ = unroll(cell, inputs_, lengths, state=first, engine=engine)
        (slope,) = torch.autograd.grad(outputs.square().sum(), inputs_, create_graph=True)
        (curve,) = torch.autograd.grad(slope.square().sum(), inputs_)
        return slope.detach(), curve

    torch.testing.assert_close(penalise(engine), penalise("plain"))


NORMS = {
    "weight_norm": lambda cell: parametrizations.weight_norm(cell, "recurrent_weight"),
    "spectral_norm": lambda cell: parametrizations.spectral_norm(cell, "recurrent_weight"),
    "orthogonal": lambda cell: parametrizations.orthogonal(cell, "recurrent_weight"),
    "pruned": lambda cell: prune.l1_unstructured(cell, "recurrent_weight", 0.5),
    "pruned bias": lambda cell: prune.l1_unstructured(cell, "bias", 0.5),
    "old spectral_norm": lambda cell: spectral_norm(cell, "recurrent_weight"),
    "old weight_norm": lambda cell: weight_norm(cell, "recurrent_weight"),
}


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.parametrize("settings", [{}, {"weight_dropout": 0.3}, {"state_dropout": 0.3}])
@pytest.mark.parametrize("norm", NORMS.values(), ids=NORMS)
def test_computed_weights_follow_what_is_learnt(norm, settings):
    def train(engine):
        made = encoder(engine, **settings)
        for layer in made.layers:
            for cell in layer:
                norm(cell)
        first = gradients(made, INPUTS)
        with torch.no_grad():
            for each in made.parameters():
                each.mul_(1.5)
        return first, gradients(made, INPUTS)

    found = train(None)
    assert not torch.allclose(*found)
    torch.testing.assert_close(found, train("plain"), rtol=0, atol=1e-10)


def test_recorded_call_refuses_other_lengths():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(encoder(None), (INPUTS, LENGTHS), check_trace=False)
    with pytest.raises(RuntimeError, match="index 5 is out of bounds"):
        traced(INPUTS, torch.tensor([3, 0, 2]))
    with pytest.raises(RuntimeError, match="shape"):
        traced(torch.cat([INPUTS, INPUTS]), LENGTHS)


def test_export_is_refused_with_what_to_do():
    with pytest.raises(DataError, match=r"no values here, as in torch\.export.*torch\.jit\.trace"):
        torch.export.export(encoder(None), (INPUTS, LENGTHS))


@pytest.mark.parametrize("engine", ["eager", None])
@torch.no_grad()
def test_compiled_graphs_hold_no_steps(engine):
    """A graph that held them would be made anew for each length."""
    graphs = []

    def backend(module, inputs):
        graphs.append(len(module.graph.nodes))
        return module.forward

    made = encoder(engine)
    compiled = torch.compile(lambda x, lengths: 2 * made(2 * x, lengths), backend=backend)
    for steps in (3, 5, 8):
        inputs, lengths = batch([steps, 2], 3)
        assert torch.equal(compiled(inputs, lengths), 2 * made(2 * inputs, lengths))
    # Once with sizes as they were, once with any.
    assert 0 < len(graphs) <= 8 and max(graphs) < 10


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_script_is_refused_by_torch():
    with pytest.raises((RuntimeError, torch.jit.frontend.NotSupportedError)):
        torch.jit.script(encoder(None))


def test_onnx_export_records_a_call():
    pytest.importorskip("onnx")
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(encoder(None), (INPUTS, LENGTHS), file, dynamo=False)
    assert file.getvalue()


@pytest.mark.parametrize("engine", ["plain", "eager", None])
def test_inference_mode_gives_the_same(engine):
    made = encoder(engine)
    with torch.inference_mode():
        found = made(INPUTS, LENGTHS)
    torch.testing.assert_close(found, made(INPUTS, LENGTHS))


def test_autocast_leaves_a_recurrence_in_full_precision():
    made = encoder("eager").float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = made(INPUTS.float(), LENGTHS)
    assert torch.equal(found, made(INPUTS.float(), LENGTHS))


def test_module_without_numbers_gives_shapes():
    found = encoder(None).to("meta")(INPUTS.to("meta"), LENGTHS)
    assert found.is_meta and found.shape == (5, 4)


def test_default_device_of_torch_makes_no_difference():
    made = encoder(None, window=2, tbptt=1)
    with torch.device("meta"):
        found = made(INPUTS, LENGTHS)
    assert torch.equal(found, made(INPUTS, LENGTHS))


def noisy(made):
    """Return the results of a training step, with the same masks each time."""
    torch.manual_seed(1)
    return made(INPUTS, LENGTHS)


@pytest.mark.parametrize("settings", [{"weight_dropout": 0.5}, {"state_dropout": 0.5}])
@pytest.mark.parametrize("place", ["class", "instance"])
def test_forward_around_that_of_a_gated_cell_has_its_noise(place, settings, caplog):
    class Wrapped(PeepholeLSTM):
        def forward(self, input, state):
            return super().forward(input, state)

    made, plain = encoder(None, **settings), encoder("plain", **settings)
    for cell in made.layers[0]:
        if place == "class":
            cell.__class__ = Wrapped
        else:
            theirs = cell.forward
            cell.forward = lambda input, state, theirs=theirs: theirs(input, state)
    torch.testing.assert_close(noisy(made), noisy(plain))
    assert not torch.allclose(noisy(made), noisy(plain.eval()))
    assert not caplog.records


def test_noise_that_a_forward_of_ones_own_leaves_out_is_named(caplog):
    class Untouched(RNN):
        def forward(self, input, state):
            after = self.advance(
                input @ self.input_weight.T, state[0] @ self.recurrent_weight.T, state
            )
            return after[0], after

    made = Recurrent(3, cell=Untouched, width=4, weight_dropout=0.5).double()
    assert torch.equal(noisy(made), noisy(made.eval()))
    assert ["do nothing for Untouched" in each for each in caplog.messages] == [True]


def test_masked_weight_is_computed_once_a_pass():
    class Watching(TorchFunctionMode):
        products = 0

        def __torch_function__(self, function, types, args=(), kwargs=None):
            weights = [a for a in args if isinstance(a, torch.Tensor) and a.shape == (16, 4)]
            self.products += function is torch.Tensor.mul and len(weights) == 2
            return function(*args, **(kwargs or {}))

    made = Recurrent(3, cell=LSTM, width=4, bidirectional=False, weight_dropout=0.5, engine="plain")
    with Watching() as watching:
        noisy(made.double())
    assert watching.products == 1


def test_forward_that_is_set_on_one_cell_is_called():
    cell = stirred(LSTM, 3, 4)
    expected = 2 * unroll(cell, INPUTS, LENGTHS)[0]
    theirs = cell.forward
    cell.forward = lambda input, state: (2 * theirs(input, state)[0], theirs(input, state)[1])
    torch.testing.assert_close(unroll(cell, INPUTS, LENGTHS)[0], expected)


def test_replica_of_data_parallel_uses_its_own_tensors():
    cell = stirred(PeepholeLSTM, 3, 4)
    replica = cell._replicate_for_data_parallel()
    replica.peephole = cell.peephole._replicate_for_data_parallel()
    for ours, theirs in ((replica, cell), (replica.peephole, cell.peephole)):
        ours._former_parameters = {n: 2 * p for n, p in theirs._parameters.items() if p is not None}
        ours.__dict__.update(ours._former_parameters)
    wanted = copy.deepcopy(cell)
    with torch.no_grad():
        for each in wanted.parameters():
            each.mul_(2)
    if not any(isinstance(each, torch.Tensor) for each in replica.peephole.values()):
        pytest.skip("this torch keeps a replica's ParameterDict empty")
    found = unroll(replica, INPUTS, LENGTHS)[0]
    torch.testing.assert_close(found, unroll(wanted, INPUTS, LENGTHS)[0])


def saved_and_loaded(made):
    file = io.BytesIO()
    torch.save(made, file)
    return torch.load(io.BytesIO(file.getvalue()), weights_only=False)


def loaded_state(made):
    other = encoder(made.engine)
    other.load_state_dict(made.state_dict())
    return other


def back_from_other_types(made):
    return made.to("cpu").float().double()


@pytest.mark.parametrize(
    "renew",
    [
        *(copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made)), saved_and_loaded),
        *(loaded_state, nn.Module.share_memory, back_from_other_types, nn.Module.eval),
    ],
)
def test_module_may_be_renewed_after_use(renew):
    made = encoder(None)
    with torch.no_grad():
        for each in made.parameters():
            each.copy_(each.float())
    before = gradients(made, INPUTS)
    assert torch.equal(gradients(renew(made), INPUTS), before)


FACTOR = 0.5
SETTINGS = types.SimpleNamespace(factor=0.5)
TABLE = {"factor": [0.5]}


def factor_of(settings):
    return settings.factor


class Slotted:
    """Has no `__dict__`."""

    __slots__ = ("factor",)

    def __init__(self):
        self.factor = 0.5


class Scaled(RNN):
    """Reads all sorts of things."""

    slotted: ClassVar = Slotted()

    def __init__(self, input_width, width):
        super().__init__(input_width, width)
        self.own = types.SimpleNamespace(factor=0.5)

    def step(self, x, h, state):
        factor = FACTOR + factor_of(SETTINGS) + TABLE["factor"][0] + self.own.factor
        factor = factor + self.slotted.factor
        return (((x["hidden"] + h["hidden"]) * factor).tanh(),)


CHANGES = {
    "global": lambda patch, cell: patch.setitem(globals(), "FACTOR", 2.0),
    "attribute of a global": lambda patch, cell: patch.setattr(SETTINGS, "factor", 2.0),
    "list in a global": lambda patch, cell: TABLE["factor"].append(TABLE["factor"].pop(0) + 1),
    "helper": lambda patch, cell: patch.setitem(globals(), "factor_of", lambda settings: 2.0),
    "attribute of an attribute": lambda patch, cell: patch.setattr(cell.own, "factor", 2.0),
    "slot": lambda patch, cell: patch.setattr(cell.slotted, "factor", 2.0),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_a_step_reads_may_change_after_use(change, monkeypatch):
    cell = stirred(Scaled, 3, 4)
    before = unroll(cell, INPUTS, LENGTHS, engine="eager")[0]
    change(monkeypatch, cell)
    after = unroll(cell, INPUTS, LENGTHS, engine="eager")[0]
    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, unroll_plain(cell, INPUTS, LENGTHS)[0])


def test_closure_of_a_step_may_change_after_use():
    factor = 0.5

    class Closed(RNN):
        def step(self, x, h, state):
            return (((x["hidden"] + h["hidden"]) * factor).tanh(),)

    cell = stirred(Closed, 3, 4)
    before = unroll(cell, INPUTS, LENGTHS, engine="eager")[0]
    factor = 2.0
    after = unroll(cell, INPUTS, LENGTHS, engine="eager")[0]
    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, unroll_plain(cell, INPUTS, LENGTHS)[0])


class Proxy:
    """Asks something else for each attribute, and never ends if there's nothing else."""

    def __getattr__(self, name):
        return getattr(self.target, name)


@dataclasses.dataclass
class Held:
    tensor: torch.Tensor
    factor: float


PROXY = Proxy()
HELD = Held(torch.ones(2), 0.5)


class Holding(RNN):
    def step(self, x, h, state):
        factor = 2.0 if PROXY is None else HELD.factor
        return (((x["hidden"] + h["hidden"]) * factor).tanh(),)


def test_objects_that_a_step_reads_need_no_attributes_and_no_comparison(monkeypatch):
    cell = stirred(Holding, 3, 4)
    before = unroll(cell, INPUTS, LENGTHS, engine="eager")[0]
    monkeypatch.setitem(globals(), "HELD", Held(torch.ones(2), 2.0))
    after = unroll(cell, INPUTS, LENGTHS, engine="eager")[0]
    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, unroll_plain(cell, INPUTS, LENGTHS)[0])


def test_step_may_fill_an_attribute_once():
    class Lazy(RNN):
        def step(self, x, h, state):
            if "scale" not in vars(self):
                self.scale = 0.5
            return ((self.scale * (x["hidden"] + h["hidden"])).tanh(),)

    for _ in range(2):
        cell = stirred(Lazy, 3, 4)
        for _ in range(2):
            found = unroll(cell, INPUTS, LENGTHS, engine="eager")[0]
            torch.testing.assert_close(found, unroll_plain(cell, INPUTS, LENGTHS)[0])


def twofold(tensor):
    return TwoTensor(tensor.detach(), tensor.detach())


@pytest.mark.parametrize("engine", [None, "eager"])
def test_weights_of_a_type_of_their_own_are_not_read_as_memory(engine):
    made = encoder(engine)
    given = {name: twofold(each) for name, each in made.named_parameters()}
    found = functional_call(made, given, (INPUTS, LENGTHS))
    assert isinstance(found, TwoTensor)
    torch.testing.assert_close(found.a, made(INPUTS, LENGTHS))
    torch.testing.assert_close(made(twofold(INPUTS), LENGTHS).a, found.a)


def test_weights_that_the_compiled_engine_cannot_read_are_refused(compiler):
    cell = stirred(LSTM, 3, 4)
    state = (torch.zeros(3, 4).double(),) * 2
    unroll(cell, INPUTS, LENGTHS, engine="compiled")
    with pytest.raises(
        TypeError, match=r"needs tensors of torch\.float64 on the CPU, and 'initial'"
    ):
        unroll(cell, INPUTS, LENGTHS, state=tuple(map(twofold, state)), engine="compiled")
    found = unroll(cell, INPUTS, LENGTHS, state=tuple(map(twofold, state)))[0]
    torch.testing.assert_close(found.a, unroll(cell, INPUTS, LENGTHS, engine="compiled")[0])
    # In place, which doesn't show in the parameters themselves.
    cell.recurrent_weight.data = cell.recurrent_weight.data.float()
    with pytest.raises(TypeError, match=r"'weight' is a Parameter of torch\.float32 on cpu"):
        unroll(cell, INPUTS, LENGTHS, engine="compiled")
    cell.recurrent_weight = nn.Parameter(twofold(cell.recurrent_weight))
    with pytest.raises(ConfigError, match="'recurrent_weight' is a tensor of a type or layout"):
        unroll(cell, INPUTS, LENGTHS, engine="compiled")


def test_step_that_keeps_something_runs_in_the_plain_loop(monkeypatch):
    class Keeping(RNN):
        def step(self, x, h, state):
            self.seen = x["hidden"]
            return super().step(x, h, state)

    cell = stirred(Keeping, 3, 4)
    for _ in range(2):
        unroll(cell, INPUTS, LENGTHS)
        assert type(cell.seen) is torch.Tensor and cell.seen.shape == (1, 4)
    monkeypatch.setattr(_engines, "Snapshot", None)
    unroll(cell, INPUTS, LENGTHS)
    with pytest.raises(ConfigError, match=r"step of Keeping changes attributes.*only 'plain'"):
        unroll(cell, INPUTS, LENGTHS, engine="eager")

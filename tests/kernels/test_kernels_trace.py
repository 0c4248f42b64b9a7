"""What a traced step computes, and its derivative, are torch's."""

import functools

import pytest
import torch
from kernel_steps import ENGINES, take_step, trace_states
from torch.nn import functional as F

from seqpipe.kernels import Sizes, trace

#: Of three tensors each; where an operation isn't defined everywhere, of what it is defined on.
STEPS = {
    "add": lambda a, b, c: a + b,
    "add a number": lambda a, b, c: 2 + a + 1,
    "add a multiple": lambda a, b, c: torch.add(a, b, alpha=3),
    "sub": lambda a, b, c: a - b,
    "sub from a number": lambda a, b, c: 1 - a,
    "sub a multiple": lambda a, b, c: torch.sub(a, b, alpha=0.5),
    "mul": lambda a, b, c: a * b * 2,
    "div": lambda a, b, c: a / (b.abs() + 1),
    "div a number": lambda a, b, c: 2 / (b.abs() + 1) + a / 3,
    "neg": lambda a, b, c: -a,
    "abs": lambda a, b, c: a.abs(),
    "sign": lambda a, b, c: a.sign() * b,
    "sqrt": lambda a, b, c: (a.abs() + 0.5).sqrt(),
    "rsqrt": lambda a, b, c: (a.abs() + 0.5).rsqrt(),
    "reciprocal": lambda a, b, c: (a.abs() + 0.5).reciprocal(),
    "exp": lambda a, b, c: a.exp(),
    "expm1": lambda a, b, c: a.expm1(),
    "log": lambda a, b, c: (a.abs() + 0.5).log(),
    "log1p": lambda a, b, c: a.abs().log1p(),
    "erf": lambda a, b, c: a.erf(),
    "pow of a number": lambda a, b, c: 2**a,
    "pow 2": lambda a, b, c: a**2,
    "pow 3": lambda a, b, c: a**3,
    "pow -1": lambda a, b, c: (a.abs() + 0.5) ** -1,
    "pow 1/2": lambda a, b, c: (a.abs() + 0.5) ** 0.5,
    "pow 0": lambda a, b, c: a**0 * b,
    "pow": lambda a, b, c: (a.abs() + 0.5) ** b,
    "minimum": lambda a, b, c: torch.minimum(a, b),
    "maximum": lambda a, b, c: torch.maximum(a, b),
    "clamp": lambda a, b, c: a.clamp(-0.5, 0.5),
    "clamp below": lambda a, b, c: a.clamp(min=-0.5),
    "clamp above": lambda a, b, c: a.clamp(max=0.5),
    "clamp between tensors": lambda a, b, c: a.clamp(b, b + c.abs()),
    "clamp below a tensor": lambda a, b, c: torch.clamp(a, min=b),
    "sigmoid": lambda a, b, c: a.sigmoid(),
    "tanh": lambda a, b, c: a.tanh(),
    "relu": lambda a, b, c: a.relu(),
    "softplus": lambda a, b, c: F.softplus(a),
    "softplus of settings": lambda a, b, c: F.softplus(a, beta=2.0, threshold=1.0),
    "logsigmoid": lambda a, b, c: F.logsigmoid(a),
    "silu": lambda a, b, c: F.silu(a),
    "gelu": lambda a, b, c: F.gelu(a),
    "gelu by tanh": lambda a, b, c: F.gelu(a, approximate="tanh"),
    "elu": lambda a, b, c: F.elu(a, alpha=0.7),
    "selu": lambda a, b, c: F.selu(a),
    "celu": lambda a, b, c: F.celu(a),
    "mish": lambda a, b, c: F.mish(a),
    "leaky relu": lambda a, b, c: F.leaky_relu(a, 0.1),
    "hardtanh": lambda a, b, c: F.hardtanh(a),
    # Written out, since torch's derivative of `hardsigmoid` takes a sixth in single precision.
    "hardsigmoid": lambda a, b, c: (a / 6 + 0.5).clamp(0, 1),
    "hardswish": lambda a, b, c: F.hardswish(a),
    "relu6": lambda a, b, c: F.relu6(a * 4),
    "softsign": lambda a, b, c: F.softsign(a),
    "lerp": lambda a, b, c: torch.lerp(a, b, c),
    "addcmul": lambda a, b, c: torch.addcmul(a, b, c, value=0.5),
    "addcdiv": lambda a, b, c: torch.addcdiv(a, b, c.abs() + 1, value=0.5),
    "masked fill": lambda a, b, c: a.masked_fill(b > 0, 0.25),
    "where less": lambda a, b, c: torch.where(a < b, a * b, c),
    "where at most": lambda a, b, c: torch.where(a <= b, a, 2.0),
    "where more": lambda a, b, c: torch.where(a > 0, a, c),
    "where at least": lambda a, b, c: torch.where(a >= 0, a * 2, c),
    "where a number is more": lambda a, b, c: torch.where(torch.ones_like(a) > b, a, c),
    "where numbers differ": lambda a, b, c: torch.where(
        torch.ones_like(a) > torch.zeros_like(a), a, c
    ),
    "where equal": lambda a, b, c: torch.where(a == b, c, a),
    "where other": lambda a, b, c: torch.where(a != b, c, a),
    "where two hold": lambda a, b, c: torch.where((a > 0) & (b > 0), a, c),
    "where one holds": lambda a, b, c: torch.where((a > 0) | (b > 0), a, c),
    "where it does not hold": lambda a, b, c: torch.where(~(a > 0), a, c),
    "where both are not 0": lambda a, b, c: torch.where(torch.logical_and(a, b > 0), a, c),
    "where either is not 0": lambda a, b, c: torch.where(torch.logical_or(a, b), a, c),
    "where it is 0": lambda a, b, c: torch.where(torch.logical_not(a), b, c),
    "mask times number": lambda a, b, c: (a > 0) * 2.0 * b,
    "mask times mask": lambda a, b, c: (a > 0) * (b > 0) * c,
    "mask plus number": lambda a, b, c: (a > 0) + c,
    "1 - mask": lambda a, b, c: (1 - (a > 0).to(b)) * b,
    "mask as a state": lambda a, b, c: (a > 0).to(b.dtype),
    "masks compared": lambda a, b, c: ((a > 0) == (b > 0)) * c,
    "mask plus mask": lambda a, b, c: ((a > 0) + (b > 0)) * c,
    "lesser and greater mask": lambda a, b, c: (
        torch.minimum(a > 0, b > 0) * c + torch.maximum(a > 0, c > 0) * b
    ),
    "where mask": lambda a, b, c: torch.where(a > 0, b > 0, c > 0) * c,
    "integers of masks": lambda a, b, c: ((a > 0).long() + (b > 0).long()) * c,
    "ones": lambda a, b, c: torch.ones_like(a) - a * torch.zeros_like(b),
    "full": lambda a, b, c: torch.full_like(a, 0.3) * a + b.new_full(b.shape, 0.2),
    "new": lambda a, b, c: a.new_ones(a.shape) * b + a.new_zeros(()),
    "number as a tensor": lambda a, b, c: a * torch.tensor(0.5) + torch.tensor(2.0).to(b),
    "detached": lambda a, b, c: a.detach() * b,
    "copy": lambda a, b, c: a.clone().contiguous() * b,
    "a state as it was": lambda a, b, c: a,
    "a number alone": lambda a, b, c: torch.full_like(a, 0.5),
    "deep": lambda a, b, c: (a * b.sigmoid() + (1 - b.sigmoid()) * c.tanh()).tanh() * a.exp(),
}

ALL = list(STEPS.values())


def all_at_once(a, b, c, *others):
    """Be a step whose states are a, b and c, and what each of `STEPS` makes of them."""
    return [a, b, c, *(step(a, b, c) for step in ALL)]


@functools.cache
def traced_at_once():
    return trace_states(all_at_once, 3 + len(ALL))


def values(dtype=torch.float64):
    """Return numbers, among them 0, equal ones, and corners of the activations."""
    generator = torch.Generator().manual_seed(0)
    given = torch.randn(3, 5, 7, dtype=torch.float64, generator=generator)
    given[0, 0] = torch.tensor([0.0, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0])
    given[0, 1] = given[1, 1]
    return given.to(dtype)


def gradients(step, given, weight):
    """Return the gradient of a step's three tensors, its result's gradient being `weight`."""
    given = given.clone().requires_grad_()
    result = step(*given)
    if not result.requires_grad:
        return torch.zeros_like(given)
    return torch.autograd.grad((weight * result).sum(), given)[0]


def assert_close(name, found, wanted, bound, absolute):
    torch.testing.assert_close(
        found,
        wanted.to(found.dtype),
        rtol=bound,
        atol=absolute,
        equal_nan=True,
        msg=lambda text: f"{name}: {text}",
    )


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_programs_equal_the_step_and_its_derivative(step):
    sizes = Sizes(gates=1, recurrent=(0,), states=1, parameters=1)
    traced = trace(lambda x, h, s, p, n: [step(x[0] + h[0], s[0], p[0])], sizes)
    a, b, c = values()
    weight = torch.randn_like(a)
    # Fused or not, the sum is `a`.
    given = {"x0": a, "h0": torch.zeros_like(a), "z0": a, "s0": b, "p0": c, "d0": weight}
    done = traced.forward.run(given)
    after = done["s0"]
    given["k0"] = torch.as_tensor(done["k0"], dtype=a.dtype).expand_as(a)
    torch.testing.assert_close(
        torch.as_tensor(after, dtype=a.dtype).expand_as(a), step(a, b, c) * 1.0, rtol=1e-12, atol=0
    )
    expected = gradients(step, values(), weight)
    pulled = traced.backward.run(given)
    for name, wanted in zip((traced.input_name(0), "s0", "p0"), expected, strict=True):
        found = torch.as_tensor(pulled[name], dtype=a.dtype).expand_as(a)
        torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("engine", ENGINES)
def test_engines_equal_the_step_and_its_derivative(engine, dtype, bound):
    given = values(dtype)
    states = torch.cat([given, given.new_zeros(len(ALL), *given.shape[1:])]).requires_grad_()
    after = take_step(engine, traced_at_once(), states)
    expected = all_at_once(*values())
    for name, found, wanted in zip(["a", "b", "c", *STEPS], after, expected, strict=True):
        assert_close(name, found, wanted, bound, bound)
    for i, (name, step) in enumerate(STEPS.items(), 3):
        weight = torch.randn_like(given[0])
        found = torch.autograd.grad((after[i] * weight).sum(), states, retain_graph=True)[0]
        wanted = gradients(step, values(), weight.double())
        assert_close(name, found[:3], wanted, bound, bound)


#: What comes out of processors' special cases must be what torch makes of them.
HOSTILE_STEPS = {
    "exp": lambda a, b: a.exp(),
    "tanh": lambda a, b: a.tanh(),
    "sigmoid": lambda a, b: a.sigmoid(),
    "relu": lambda a, b: a.relu(),
    "abs": lambda a, b: a.abs(),
    "sign": lambda a, b: a.sign(),
    "minimum": lambda a, b: torch.minimum(a, b),
    "maximum": lambda a, b: torch.maximum(a, b),
    "minimum of a number": lambda a, b: a.clamp(max=1.0),
    "clamp": lambda a, b: a.clamp(-1, 1),
    "where more": lambda a, b: torch.where(a > b, a, b),
    "where other": lambda a, b: torch.where(a != b, 1.0, 2.0),
    "where not less": lambda a, b: torch.where(~(a < b), 1.0, 2.0),
    "where it is NaN": lambda a, b: torch.where(a != a, 1.0, a),
    "add": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "times 0": lambda a, b: a * 0.0,
    "sqrt": lambda a, b: a.sqrt(),
    "log": lambda a, b: a.log(),
    "log1p": lambda a, b: a.log1p(),
    "expm1": lambda a, b: a.expm1(),
    "erf": lambda a, b: a.erf(),
    "softplus": lambda a, b: F.softplus(a),
    "silu": lambda a, b: F.silu(a),
    "infinity": lambda a, b: torch.where(a > 0, float("inf"), float("-inf")),
}


@functools.cache
def traced_hostile():
    steps = HOSTILE_STEPS.values()
    return trace_states(lambda a, b, *_: [a, b, *(step(a, b) for step in steps)], 2 + len(steps))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("engine", ENGINES)
def test_hostile_values_give_what_torch_makes_of_them(engine, dtype):
    tiny, huge = torch.finfo(dtype).tiny, torch.finfo(dtype).max
    corners = [0.0, tiny, tiny / 8, 1e-8, 1.0, 9.0, 20.0, 87.0, 88.5, 100.0, 1000.0, huge]
    one = torch.tensor(
        [*corners, *(-x for x in corners), float("inf"), float("-inf"), float("nan")], dtype=dtype
    )
    a, b = torch.cartesian_prod(one, one).T
    states = torch.stack([a, b, *[torch.zeros_like(a)] * len(HOSTILE_STEPS)])[:, None]
    after = take_step(engine, traced_hostile(), states)[2:, 0]
    for (name, step), found in zip(HOSTILE_STEPS.items(), after, strict=True):
        bound = 2e-6 if dtype is torch.float32 else 1e-14
        assert_close(name, found, step(a, b), bound, tiny)


@pytest.mark.parametrize("engine", ENGINES)
def test_number_stays_in_its_column_and_row(engine):
    states = torch.zeros(2 + len(HOSTILE_STEPS), 3, 9, dtype=torch.float64)
    clean = take_step(engine, traced_hostile(), states)
    states[:, 1, 4] = float("nan")
    changed = take_step(engine, traced_hostile(), states)
    same = (changed == clean) | (changed.isnan() & clean.isnan())
    same[:, 1, 4] = True
    assert same.all()


AROUND = {
    "without gradients": torch.no_grad,
    "in inference": torch.inference_mode,
    "in mixed precision": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "where what's kept is elsewhere": torch.autograd.graph.save_on_cpu,
    "on another device": lambda: torch.device("meta"),
}


@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
def test_a_trace_is_the_same_wherever_it_is_made(around):
    def step(x, h, s, p, n):
        return [(x[0] + h[0] * torch.tensor(0.5)).sigmoid() * s[0] + torch.where(p[0] > 0, p[0], 1)]

    sizes = Sizes(gates=1, recurrent=(0,), states=1, parameters=1)
    expected = trace(step, sizes)
    with around():
        found = trace(step, sizes)
    assert (found.forward, found.backward) == (expected.forward, expected.backward)

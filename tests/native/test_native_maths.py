"""C's own functions are as good as a float allows, and so are their ends."""

import functools
import math
import re
import subprocess
from importlib.resources import files

import pytest
import torch
from kernel_steps import take_step, trace_states

from seqpipe.compilers import find_compiler
from seqpipe.kernels.c._library import render_c

FUNCTIONS = {
    "exp": torch.exp,
    "expm1": torch.expm1,
    "log": torch.log,
    "log1p": torch.log1p,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "erf": torch.erf,
}
WIDTH = 1000

pytestmark = pytest.mark.usefixtures("compiler")


@functools.cache
def traced():
    return trace_states(lambda a, *_: [a, *(f(a) for f in FUNCTIONS.values())], 1 + len(FUNCTIONS))


def compute(name, numbers):
    """Let C compute a function of float32 numbers."""
    padded = torch.zeros(-(-len(numbers) // WIDTH) * WIDTH)
    padded[: len(numbers)] = numbers
    states = torch.zeros(1 + len(FUNCTIONS), len(padded) // WIDTH, WIDTH)
    states[0] = padded.view(-1, WIDTH)
    after = take_step("compiled", traced(), states)
    return after[1 + list(FUNCTIONS).index(name)].flatten()[: len(numbers)]


def units_off(found, exact):
    """Return the greatest error, in units of the last place of the exact result."""
    size = exact.float().abs().double()
    unit = torch.nextafter(size.float(), torch.tensor(float("inf"))).double() - size
    return ((found.double() - exact).abs() / unit).max().item()


RANGES = {
    "exp": (-87.0, 88.7),
    "expm1": (-20.0, 88.7),
    "log": (1e-3, 1e3),
    "log1p": (-0.9999, 100.0),
    "tanh": (-12.0, 12.0),
    "sigmoid": (-87.0, 40.0),
    "erf": (-5.0, 5.0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_dense_range_is_within_a_few_units_of_the_last_place(name):
    numbers = torch.linspace(*RANGES[name], 400_000)
    exact = FUNCTIONS[name](numbers.double())
    assert units_off(compute(name, numbers), exact) < 4


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "log"])
def test_small_numbers_are_as_exact(name):
    sizes = torch.logspace(-38, -1e-4, 50_000, dtype=torch.float64).float()
    numbers = torch.cat([sizes, -sizes])
    exact = FUNCTIONS[name](numbers.double())
    assert units_off(compute(name, numbers), exact) < 4


@pytest.mark.parametrize("name", ["log", "log1p"])
def test_logarithm_of_any_size_is_as_exact(name):
    numbers = torch.logspace(-44, 38, 100_000, dtype=torch.float64).float()
    assert units_off(compute(name, numbers), FUNCTIONS[name](numbers.double())) < 4


@pytest.mark.parametrize("name", ["expm1", "log1p"])
def test_subnormal_numbers_are_their_own_results(name):
    numbers = torch.tensor([2.0**-149, -(2.0**-149), 1e-40, -1e-40])
    assert torch.equal(compute(name, numbers), numbers)


def test_exp_fades_through_the_subnormal_numbers():
    numbers = torch.linspace(-104, -87, 20_001)
    found, exact = compute("exp", numbers), torch.exp(numbers.double())
    smallest = 2.0**-149
    assert ((found.double() - exact).abs() <= exact * 4e-7 + smallest).all()
    assert (found.diff() >= 0).all()


def test_ends_are_reached_and_never_passed():
    inf = float("inf")
    numbers = torch.tensor([-inf, -1e30, -200.0, 200.0, 1e30, inf])
    assert compute("exp", numbers).tolist() == [0, 0, 0, inf, inf, inf]
    assert compute("sigmoid", numbers).tolist() == [0, 0, 0, 1, 1, 1]
    assert compute("tanh", numbers).tolist() == [-1, -1, -1, 1, 1, 1]
    assert compute("expm1", numbers).tolist() == [-1, -1, -1, inf, inf, inf]
    assert compute("erf", numbers).tolist() == [-1, -1, -1, 1, 1, 1]
    wide = torch.linspace(-100, 100, 100_001)
    assert compute("erf", wide).abs().max() <= 1
    assert compute("tanh", wide).abs().max() <= 1
    assert (compute("sigmoid", wide) <= 1).all() and (compute("sigmoid", wide) >= 0).all()


def test_zero_and_signs_are_exact():
    numbers = torch.tensor([0.0, -0.0])
    assert compute("exp", numbers).tolist() == [1, 1]
    assert compute("sigmoid", numbers).tolist() == [0.5, 0.5]
    assert compute("tanh", numbers).tolist() == [0, 0]
    for name in ("expm1", "log1p", "erf"):
        assert compute(name, numbers).tolist() == [0, 0]
        assert compute(name, numbers).signbit().tolist() == [False, True]


def test_logarithm_ends_where_it_is_defined():
    inf, nan = float("inf"), float("nan")
    for name, zero in (("log", 0.0), ("log1p", -1.0)):
        numbers = torch.tensor([zero, zero - 1, -inf, inf, 3e38])
        wanted = torch.tensor([-inf, nan, nan, inf, math.log(3e38)])
        torch.testing.assert_close(compute(name, numbers), wanted, equal_nan=True)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nan_stays_nan(name):
    numbers = torch.tensor([float("nan"), 1.0, -float("nan")])
    assert compute(name, numbers).isnan().tolist() == [True, False, True]


@functools.cache
def traced_power():
    return trace_states(lambda a, b, _: [a, b, torch.pow(a, b)], 3)


def compute_power(bases, exponents):
    states = torch.stack([bases, exponents, torch.zeros_like(bases)])
    states = states.view(3, -1, math.gcd(len(bases), WIDTH))
    return take_step("compiled", traced_power(), states)[2].flatten()


def test_power_is_within_a_few_units_of_the_last_place():
    generator = torch.Generator().manual_seed(0)
    bases = torch.exp(10 * torch.randn(200_000, generator=generator))
    exponents = 80 * (torch.rand(200_000, generator=generator) - 0.5)
    exponents /= bases.log().abs().clamp(min=1e-3)
    exact = bases.double().pow(exponents.double())
    assert units_off(compute_power(bases, exponents), exact) < 4


def test_power_of_ends_is_what_torch_says():
    inf, nan = float("inf"), float("nan")
    numbers = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 2.5, -2.5]
    numbers += [inf, -inf, nan, 1e-40, -1e-40, 3e38, 16777215.0, 16777216.0, -1e30]
    pairs = torch.cartesian_prod(torch.tensor(numbers), torch.tensor(numbers))
    found = compute_power(*pairs.T)
    exact = pairs[:, 0].double().pow(pairs[:, 1].double()).float()
    torch.testing.assert_close(found, exact, rtol=5e-7, atol=2.0**-148, equal_nan=True)
    assert torch.equal(found.signbit()[~exact.isnan()], exact.signbit()[~exact.isnan()])


def test_no_function_is_called_for_one_lane_alone():
    source = render_c(traced(), torch.float32)
    maths = source[: source.index("typedef REAL vec")]
    assert not re.search(r"\b(exp|expm1|log|log1p|tanh|erf|pow)f\b", maths)


#: Calls each function of numbers from everywhere, the ends among them.
PROGRAM = """
volatile REAL sink;
static REAL number(uint64_t i) { return i < 1 << 16 ? from_bits((uint32_t)i << 16) : from_bits(1u << (i & 31)); }
int main(void) {
    for (uint64_t i = 0; i < (1 << 16) + 32; i++) {
        const REAL x = number(i);
        sink = EXP(x), sink = EXPM1(x), sink = LOG(x), sink = LOG1P(x), sink = TANH(x), sink = ERF(x);
        for (uint64_t j = 0; j < 1 << 16; j += 1023) sink = POW(x, number(j)), sink = POW(number(j), x);
    }
    return 0;
}
"""


def test_no_number_reaches_undefined_behaviour_of_c(tmp_path):
    source = tmp_path / "program.c"
    source.write_text(files("seqpipe.native").joinpath("maths.c").read_text() + PROGRAM)
    checks = ["-fsanitize=undefined,float-cast-overflow", "-fsanitize-undefined-trap-on-error"]
    given = [*checks, "-O1", "-std=gnu11", "-DREAL=float", "-DIS_DOUBLE=0", str(source), "-lm"]
    command = [*find_compiler(), *given, "-o", str(tmp_path / "program")]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("the compiler checks no such thing")
    subprocess.run([tmp_path / "program"], check=True)

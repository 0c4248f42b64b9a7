"""C's own exp, tanh and sigmoid are as good as a float allows, and so are their ends."""

import functools

import pytest
import torch
from kernel_walks import take_step, trace_states

FUNCTIONS = {"exp": torch.exp, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
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
    exact32 = exact.float()
    above = torch.nextafter(exact32.abs(), torch.tensor(float("inf")))
    unit = (above - exact32.abs()).double()
    return ((found.double() - exact).abs() / unit).max().item()


RANGES = {
    "exp": (-87.0, 88.7),
    "tanh": (-12.0, 12.0),
    "sigmoid": (-87.0, 40.0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_dense_range_is_within_a_few_units_of_the_last_place(name):
    numbers = torch.linspace(*RANGES[name], 400_000)
    exact = FUNCTIONS[name](numbers.double())
    assert units_off(compute(name, numbers), exact) < 4


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "exp"])
def test_small_numbers_are_as_exact(name):
    sizes = torch.logspace(-38, 0, 50_000, dtype=torch.float64).float()
    numbers = torch.cat([sizes, -sizes])
    exact = FUNCTIONS[name](numbers.double())
    assert units_off(compute(name, numbers), exact) < 4


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
    wide = torch.linspace(-100, 100, 100_001)
    assert compute("tanh", wide).abs().max() <= 1
    assert (compute("sigmoid", wide) <= 1).all() and (compute("sigmoid", wide) >= 0).all()


def test_zero_and_signs_are_exact():
    numbers = torch.tensor([0.0, -0.0])
    assert compute("exp", numbers).tolist() == [1, 1]
    assert compute("sigmoid", numbers).tolist() == [0.5, 0.5]
    assert compute("tanh", numbers).tolist() == [0, 0]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nan_stays_nan(name):
    numbers = torch.tensor([float("nan"), 1.0, -float("nan")])
    assert compute(name, numbers).isnan().tolist() == [True, False, True]

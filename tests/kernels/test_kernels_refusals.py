"""A step that isn't elementwise maths is refused: by the operation's name, and with its line."""

import inspect
import re
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from seqpipe.errors import ConfigError
from seqpipe.kernels import Sizes, trace

SIZES = Sizes(gates=2, recurrent=(0, 1), states=2, parameters=1)


def matrix_product(x, h, s, p, n):
    return [x[0] @ h[0].T @ s[0], s[1]]


def sum_of_units(x, h, s, p, n):
    return [x[0] - x[0].sum(1, keepdim=True), s[1]]


def mean_of_all(x, h, s, p, n):
    return [x[0] - x[0].mean(), s[1]]


def greatest(x, h, s, p, n):
    return [x[0] - x[0].amax(1, keepdim=True), s[1]]


def softmax(x, h, s, p, n):
    return [x[0].softmax(1), s[1]]


def cosine(x, h, s, p, n):
    return [x[0] + h[0], torch.cos(s[1])]


def in_place(x, h, s, p, n):
    after = x[0] + h[0]
    after.mul_(2)
    return [after, s[1]]


def added_in_place(x, h, s, p, n):
    after = x[0] + h[0]
    after += s[0]
    return [after, s[1]]


def rolled(x, h, s, p, n):
    return [torch.roll(x[0], 1, 1), s[1]]


def cumulated(x, h, s, p, n):
    return [x[0].cumsum(1), s[1]]


def dropped_out(x, h, s, p, n):
    return [F.dropout(x[0], 0.5), s[1]]


def drawn(x, h, s, p, n):
    return [x[0] * torch.rand_like(x[0]), s[1]]


def cut(x, h, s, p, n):
    return [x[0][:, :1] + h[0], s[1]]


def flipped(x, h, s, p, n):
    return [x[0].flip(0), s[1]]


def rounded(x, h, s, p, n):
    return [x[0].round(), s[1]]


def whole_division(x, h, s, p, n):
    return [torch.div(x[0], h[0], rounding_mode="floor"), s[1]]


def whole_numbers(x, h, s, p, n):
    return [x[0].long() * h[0], s[1]]


def truth(x, h, s, p, n):
    return [x[0].bool() * h[0], s[1]]


def table(x, h, s, p, n):
    return [x[0] * torch.arange(3.0), s[1]]


NAMED = {
    matrix_product: "mm|matmul|permute|t",
    sum_of_units: "sum",
    mean_of_all: "mean",
    greatest: "amax",
    softmax: "_softmax",
    cosine: "cos",
    in_place: "mul_",
    added_in_place: "add_",
    rolled: "roll",
    cumulated: "cumsum",
    dropped_out: "empty_like|native_dropout|bernoulli_?",
    drawn: "rand_like",
    cut: "slice",
    flipped: "flip",
    rounded: "round",
    whole_division: "aten.div.Tensor_mode",
    whole_numbers: "_to_copy",
    truth: "_to_copy",
    table: "arange",
}


@pytest.mark.parametrize(("step", "name"), NAMED.items(), ids=[f.__name__ for f in NAMED])
def test_operation_and_line_and_remedy_are_named(step, name):
    with pytest.raises(ConfigError) as caught:
        trace(step, SIZES)
    first, place, line = _parts_of(caught)
    assert re.fullmatch(f"the step of a gated cell uses `({name})`", first)
    source, start = inspect.getsourcelines(step)
    assert Path(place[0]) == Path(__file__)
    assert start < place[1] < start + len(source)
    assert line in map(str.strip, source)
    assert "derive the cell from `Cell`" in str(caught.value)


def _parts_of(caught):
    """Split the message: what, where, and the line itself."""
    found = re.match(r"(.*), in (.*), line (\d+):\n +(.*)\n", str(caught.value))
    assert found, str(caught.value)
    what, file, number, line = found.groups()
    return what, (file, int(number)), line


def branch(x, h, s, p, n):
    if x[0].sum() > 0:
        return [x[0], s[1]]
    return [h[0], s[1]]


def number_of_a_tensor(x, h, s, p, n):
    return [x[0] * float(x[0].sum()), s[1]]


@pytest.mark.parametrize("step", [branch, number_of_a_tensor])
def test_branch_on_values_is_refused_with_its_line(step):
    with pytest.raises(ConfigError) as caught:
        trace(step, SIZES)
    what, (file, number), _ = _parts_of(caught)
    assert what == "the step of a gated cell uses a branch on the values of a tensor"
    source, start = inspect.getsourcelines(step)
    assert Path(file) == Path(__file__) and start < number < start + len(source)
    assert "derive the cell from `Cell`" in str(caught.value)


def test_error_of_the_step_itself_is_reported_with_its_line():
    def broken(x, h, s, p, n):
        return [x[0] + x[0].no_such_thing, s[1]]

    with pytest.raises(ConfigError, match="no_such_thing") as caught:
        trace(broken, SIZES)
    assert f"{__file__}, line " in str(caught.value)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_wrong_count_of_states_is_refused(count):
    with pytest.raises(ConfigError, match=rf"returns {count} states, and should return 2"):
        trace(lambda x, h, s, p, n: [x[0] + h[0]] * count, SIZES)


def test_state_of_another_shape_is_refused():
    def wrong(x, h, s, p, n):
        return [x[0], s[1].new_zeros(())]

    with pytest.raises(ConfigError, match="each state must keep its shape"):
        trace(wrong, SIZES)


def test_settings_may_decide_what_a_step_does():
    for flag, operation in ((True, "tanh"), (False, "maximum")):

        def step(x, h, s, p, n, flag=flag):
            after = x[0] + h[0]
            return [after.tanh() if flag else after.relu(), s[1]]

        (instruction,) = trace(step, SIZES).forward.instructions
        assert instruction.operation == operation

"""What `GatedCell` does for its subclasses: gates that see the input only, and what a step may be made of."""

from functools import partial
from typing import ClassVar

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from seqpipe.parts.cells import GRU, LSTM, RNN, CoupledLSTM, GatedCell, PeepholeLSTM


class Highway(GatedCell):
    """One of its gates sees the input only; it isn't the last one."""

    gates: ClassVar = ("keep", "content", "write")
    input_only: ClassVar = ("content",)
    states: ClassVar = ("hidden",)
    has_recurrent_bias: ClassVar = True

    def step(self, x, h, state):
        assert {*x} == {"keep", "content", "write"}
        assert {*h} == {"keep", "write"}
        keep = (x["keep"] + h["keep"]).sigmoid()
        write = (x["write"] + h["write"]).sigmoid()
        return (keep * state["hidden"] + write * x["content"],)


class Independent(GatedCell):
    """Nothing of it sees the state through a matrix."""

    gates: ClassVar = ("hidden",)
    input_only: ClassVar = ("hidden",)
    states: ClassVar = ("hidden",)

    def __init__(self, input_width, width):
        super().__init__(input_width, width)
        self.decay = nn.Parameter(torch.rand(width))

    def step(self, x, h, state):
        assert not h
        return ((x["hidden"] + self.decay * state["hidden"]).relu(),)


class IndependentWithBias(Independent):
    """Asks for a recurrent bias, of which there's nothing either."""

    has_recurrent_bias: ClassVar = True


def test_gates_that_see_the_input_only_have_no_recurrent_rows():
    cell = Highway(3, 4)
    assert cell.recurrent_gates == Highway.recurrent_gates == ("keep", "write")
    assert cell.input_weight.shape == (12, 3)
    assert cell.bias.shape == (12,)
    assert cell.recurrent_weight.shape == (8, 4)
    assert cell.recurrent_bias.shape == (8,)
    for weight in cell.recurrent_weight.split(4):
        torch.testing.assert_close(weight @ weight.T, torch.eye(4), atol=1e-5, rtol=0)


def test_rows_of_recurrent_gates_stand_in_the_order_of_the_gates():
    torch.manual_seed(0)
    cell = Highway(3, 4).double()
    nn.init.normal_(cell.bias)
    nn.init.normal_(cell.recurrent_bias)
    x, h = torch.randn(2, 3, dtype=torch.float64), torch.randn(2, 4, dtype=torch.float64)
    W_k, W_c, W_w = cell.input_weight.split(4)
    b_k, b_c, b_w = cell.bias.split(4)
    U_k, U_w = cell.recurrent_weight.split(4)
    c_k, c_w = cell.recurrent_bias.split(4)
    keep = torch.sigmoid(x @ W_k.T + b_k + h @ U_k.T + c_k)
    write = torch.sigmoid(x @ W_w.T + b_w + h @ U_w.T + c_w)
    expected = keep * h + write * (x @ W_c.T + b_c)
    torch.testing.assert_close(cell(x, (h,))[0], expected)


@pytest.mark.parametrize("make", [Independent, IndependentWithBias])
def test_cell_without_recurrent_gates_has_an_empty_matrix_and_learns(make):
    cell = make(3, 4)
    assert cell.recurrent_gates == ()
    assert cell.recurrent_weight.shape == (0, 4)
    assert cell.recurrent_bias is None or cell.recurrent_bias.shape == (0,)
    before = torch.rand(2, 4)
    output, _ = cell(torch.zeros(2, 3), (before,))
    torch.testing.assert_close(output, cell.decay * before)
    output.sum().backward()
    # What's empty isn't learnt: an optimizer would find no gradient.
    assert all(p.numel() and p.grad is not None for p in cell.parameters() if p.requires_grad)
    make(3, 4).load_state_dict(cell.state_dict())


@pytest.mark.parametrize("batch_size", [0, 1, 3])
@pytest.mark.parametrize("make", [Highway, Independent])
def test_gradients_are_those_of_finite_differences(make, batch_size):
    torch.manual_seed(0)
    cell = make(3, 2).double()
    inputs = torch.randn(batch_size, 3, dtype=torch.float64, requires_grad=True)
    state = torch.rand(batch_size, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, s: cell(x, (s,))[0], (inputs, state))


def test_all_gates_are_recurrent_where_nothing_is_said():
    assert LSTM.input_only == ()
    assert LSTM.recurrent_gates == LSTM.gates


def test_class_that_names_an_unknown_gate_cannot_be_made():
    with pytest.raises(
        TypeError, match=r"^Odd.input_only names 'memory', which isn't one of its gates \('keep', "
    ):
        type("Odd", (Highway,), {"input_only": ("content", "memory")})


def test_unknown_gate_is_reported_where_the_gates_come_last():
    base = type("Base", (GatedCell,), {"input_only": ("content",)})
    with pytest.raises(TypeError, match="names 'content'"):
        type("Odd", (base,), {"gates": ("keep",)})


def test_subclass_may_name_others():
    plain = type("Plain", (Highway,), {"input_only": ()})
    assert plain(3, 4).recurrent_weight.shape == (12, 4)
    assert Highway(3, 4).recurrent_weight.shape == (8, 4)


def test_constructor_of_two_sizes_goes_on_working():
    class Old(LSTM):
        def __init__(self, input_width, width):
            super(LSTM, self).__init__(input_width, width)

    assert Old(3, 4).bias.tolist() == [0.0] * 16


#: What engines can run: see `GatedCell.step`.
ALLOWED = {
    *("add", "sub", "rsub", "mul", "div", "pow", "neg", "sqrt", "abs", "exp", "log", "erf"),
    *("sigmoid", "tanh", "relu", "softplus", "where", "clamp", "minimum", "maximum"),
    *("lt", "le", "gt", "ge", "eq", "ne"),
}


class Noted(TorchFunctionMode):
    """Notes what's done to tensors."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.names.add(func.__name__.strip("_"))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "make",
    [
        RNN,
        partial(RNN, activation="relu"),
        LSTM,
        PeepholeLSTM,
        CoupledLSTM,
        partial(CoupledLSTM, peepholes=["forget", "output"]),
        GRU,
    ],
)
def test_steps_are_made_of_what_engines_can_run(make):
    cell = make(3, 4)
    x = {gate: torch.randn(2, 4) for gate in cell.gates}
    h = {gate: torch.randn(2, 4) for gate in cell.recurrent_gates}
    with Noted() as noted:
        cell.step(x, h, {name: torch.randn(2, 4) for name in cell.states})
    # Drawing the states is part of what's noted.
    assert noted.names - {"randn"} <= ALLOWED

"""Cells equal torch's, step by step and gradient by gradient, and do what's asked of all cells."""

import pickle
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from seqpipe.parts.cells import (
    GRU,
    LSTM,
    RNN,
    CoupledLSTM,
    GatedCell,
    LayerNormLSTM,
    PeepholeLSTM,
    ResetBeforeGRU,
)

#: Cells that torch has too, with what it calls them.
TORCH_CELLS = {
    "RNN": (RNN, nn.RNNCell),
    "RNN, relu": (partial(RNN, activation="relu"), partial(nn.RNNCell, nonlinearity="relu")),
    "LSTM": (LSTM, nn.LSTMCell),
    "PeepholeLSTM, none": (partial(PeepholeLSTM, peepholes=[]), nn.LSTMCell),
    "GRU": (GRU, nn.GRUCell),
}
CELLS = {
    **{name: make for name, (make, _) in TORCH_CELLS.items()},
    "PeepholeLSTM": PeepholeLSTM,
    "CoupledLSTM": CoupledLSTM,
    "CoupledLSTM, all": partial(CoupledLSTM, peepholes=["forget", "output"]),
    "LayerNormLSTM": LayerNormLSTM,
    "ResetBeforeGRU": ResetBeforeGRU,
}

each_cell = pytest.mark.parametrize("make", CELLS.values(), ids=CELLS)
each_torch_cell = pytest.mark.parametrize(("make", "theirs"), TORCH_CELLS.values(), ids=TORCH_CELLS)


def stirred(cell):
    """Return a cell in double precision, with random weights."""
    cell = cell.double()
    for parameter in cell.parameters():
        nn.init.normal_(parameter)
    return cell


def copy_of(cell: GatedCell, make) -> nn.Module:
    reference = make(cell.input_width, cell.width, dtype=cell.bias.dtype)
    reference.weight_ih.data.copy_(cell.input_weight.data)
    reference.weight_hh.data.copy_(cell.recurrent_weight.data)
    reference.bias_ih.data.copy_(cell.bias.data)
    reference.bias_hh.data.zero_()
    if cell.recurrent_bias is not None:
        reference.bias_hh.data.copy_(cell.recurrent_bias.data)
    return reference


@each_torch_cell
@pytest.mark.parametrize("batch_size", [0, 1, 5])
def test_step_equals_torch(make, theirs, batch_size):
    torch.manual_seed(0)
    cell = stirred(make(4, 6))
    inputs = torch.randn(batch_size, 4, dtype=torch.float64)
    state = tuple(torch.randn_like(s) for s in cell.initial_state(batch_size, inputs))
    output, after = cell(inputs, state)
    expected = copy_of(cell, theirs)(inputs, state if len(state) > 1 else state[0])
    expected = expected if isinstance(expected, tuple) else (expected,)
    torch.testing.assert_close(after, expected)
    torch.testing.assert_close(output, expected[0])


@each_torch_cell
def test_gradients_equal_torchs(make, theirs):
    torch.manual_seed(0)
    cell = stirred(make(4, 6))
    reference = copy_of(cell, theirs)
    inputs = torch.randn(3, 4, dtype=torch.float64)
    state = tuple(torch.randn_like(s) for s in cell.initial_state(3, inputs))
    cell(inputs, state)[0].square().sum().backward()
    after = reference(inputs, state if len(state) > 1 else state[0])
    (after[0] if isinstance(after, tuple) else after).square().sum().backward()
    torch.testing.assert_close(cell.input_weight.grad, reference.weight_ih.grad)
    torch.testing.assert_close(cell.recurrent_weight.grad, reference.weight_hh.grad)
    torch.testing.assert_close(cell.bias.grad, reference.bias_ih.grad)
    if cell.recurrent_bias is not None:
        torch.testing.assert_close(cell.recurrent_bias.grad, reference.bias_hh.grad)


@each_cell
def test_gradients_are_those_of_finite_differences(make):
    torch.manual_seed(0)
    cell = stirred(make(3, 4))
    inputs = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    state = tuple(torch.randn_like(s).requires_grad_() for s in cell.initial_state(2, inputs))
    names, weights = zip(*cell.named_parameters(), strict=True)

    def step(inputs, *others):
        given, state = others[: len(names)], others[len(names) :]
        return torch.func.functional_call(
            cell, dict(zip(names, given, strict=True)), (inputs, state)
        )[1]

    assert torch.autograd.gradcheck(step, (inputs, *weights, *state))


@each_cell
def test_every_parameter_gets_a_gradient(make):
    torch.manual_seed(0)
    cell = make(3, 4)
    inputs = torch.randn(2, 3)
    _, state = cell(inputs, cell.initial_state(2, inputs))
    cell(inputs, state)[0].sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in cell.parameters())


@each_cell
@settings(max_examples=25, deadline=None)
@given(
    input_width=st.integers(1, 9),
    width=st.integers(1, 9),
    batch_size=st.integers(0, 4),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
)
def test_shapes_and_dtypes_at_every_width(make, input_width, width, batch_size, dtype):
    cell = make(input_width, width).to(dtype)
    assert (cell.input_width, cell.width) == (input_width, width)
    inputs = torch.ones(batch_size, input_width, dtype=dtype)
    before = cell.initial_state(batch_size, inputs)
    output, after = cell(inputs, before)
    assert output.shape == (batch_size, width)
    assert {s.shape for s in (*before, *after)} == {(batch_size, width)}
    assert {output.dtype, *(s.dtype for s in (*before, *after))} == {dtype}
    assert not any(s.any() for s in before)
    assert output is after[0]


@each_cell
def test_pickled_cell_computes_the_same(make):
    cell = make(3, 4)
    inputs = torch.randn(2, 3)
    state = cell.initial_state(2, inputs)
    torch.testing.assert_close(pickle.loads(pickle.dumps(cell))(inputs, state), cell(inputs, state))

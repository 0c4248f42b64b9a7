"""Saturated gates are counted and named."""

import numpy as np
import pytest
import torch
from diagnostics.diagnostics_examples import Linear, Plain, batch

from seqpipe.diagnostics import gate_saturation
from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.cells import (
    GRU,
    LSTM,
    RNN,
    CoupledLSTM,
    LayerNormLSTM,
    PeepholeLSTM,
    ResetBeforeGRU,
)

NAMES = {
    RNN: {"hidden": "tanh"},
    GRU: {"reset": "sigmoid", "update": "sigmoid", "candidate": "tanh"},
    LSTM: {
        "input": "sigmoid",
        "forget": "sigmoid",
        "candidate": "tanh",
        "output": "sigmoid",
        "tanh 2": "tanh",
    },
    LayerNormLSTM: {
        "sigmoid 1": "sigmoid",
        "sigmoid 2": "sigmoid",
        "tanh 1": "tanh",
        "sigmoid 3": "sigmoid",
        "tanh 2": "tanh",
    },
    ResetBeforeGRU: {"sigmoid 1": "sigmoid", "sigmoid 2": "sigmoid", "tanh 1": "tanh"},
    Plain: {"tanh 1": "tanh", "sigmoid 1": "sigmoid"},
}
NAMES[PeepholeLSTM] = NAMES[LSTM]


@pytest.mark.parametrize("make", NAMES)
def test_each_function_has_the_name_of_its_gate(make):
    torch.manual_seed(0)
    cell = make(3, 4)
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter)
        parameter.requires_grad_(False)
    found = gate_saturation(cell, *batch(cell, 5, 0, 3)).gates
    assert {name: each.function for name, each in found.items()} == NAMES[make]


def test_gates_of_the_coupled_cell_are_named():
    cell = CoupledLSTM(3, 4)
    assert set(cell.gates) <= set(gate_saturation(cell, *batch(cell, 4)).gates)


def rnn(*weights):
    """Return h' = tanh(W x), column by column."""
    cell = RNN(1, len(weights))
    cell.input_weight.data = torch.tensor(weights)[:, None]
    cell.recurrent_weight.data.zero_()
    return cell


def test_shares_of_a_tanh_are_those_counted_by_hand():
    inputs = torch.tensor([[-2.0], [-1.0], [1.0], [2.0], [3.0]])  # tanh(2) = 0.96, tanh(1) = 0.76
    found = gate_saturation(rnn(1.0, -1.0, 0.1), inputs, torch.tensor([2, 3])).gates["hidden"]
    np.testing.assert_allclose(found.low, [0.2, 0.4, 0])
    np.testing.assert_allclose(found.high, [0.4, 0.2, 0])


def test_shares_of_sigmoids_are_those_counted_by_hand():
    cell = LSTM(1, 2)
    for parameter in cell.parameters():
        parameter.data.zero_()
    cell.gate_bias("forget")[:] = torch.tensor([3.0, 2.0])  # σ(3) = 0.95, σ(2) = 0.88
    cell.gate_bias("input")[:] = torch.tensor([-3.0, -2.0])
    found = gate_saturation(cell, torch.zeros(4, 1), torch.tensor([4])).gates
    assert (found["forget"].low.tolist(), found["forget"].high.tolist()) == ([0, 0], [1, 0])
    assert (found["input"].low.tolist(), found["input"].high.tolist()) == ([1, 0], [0, 0])
    assert not any(found["output"].low) and not any(found["output"].high)


def test_gate_of_a_peephole_sees_the_memory():
    cell = PeepholeLSTM(1, 1)
    for parameter in cell.parameters():
        parameter.data.zero_()
    cell.gate_bias("forget")[:] = 20.0
    cell.gate_bias("input")[:] = 20.0
    cell.gate_bias("candidate")[:] = 20.0  # so the memory is 1, 2, 3
    cell.peephole["output"].data[:] = 1.0  # σ(1) = 0.73, σ(2) = 0.88, σ(3) = 0.95
    found = gate_saturation(cell, torch.zeros(3, 1), torch.tensor([3])).gates["output"]
    assert found.high.tolist() == pytest.approx([1 / 3])


def test_cell_is_counted_in_evaluation_mode_and_left_as_it_was():
    cell = Plain(3, 4).train()
    inputs, lengths = batch(cell, 6)
    with torch.no_grad():
        before = gate_saturation(cell, inputs, lengths).gates["tanh 1"]
    assert cell.training and cell.dropout.training
    after = gate_saturation(cell.eval(), inputs, lengths).gates["tanh 1"]
    np.testing.assert_array_equal(before.high, after.high)


@pytest.mark.parametrize("cell", [Linear(3, 4), RNN(3, 4, activation="relu")])
def test_cell_without_such_functions_is_refused(cell):
    with pytest.raises(ConfigError, match="computes no sigmoid and no tanh"):
        gate_saturation(cell, *batch(cell, 3))


def test_inputs_that_are_not_finite_are_refused():
    with pytest.raises(DataError, match="row 0"):
        gate_saturation(RNN(3, 4), torch.full((1, 3), torch.inf), torch.tensor([1]))

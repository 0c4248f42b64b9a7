"""Where a cell's weights make it one that torch has, it equals torch's over a whole sequence.

A gate that a cell lacks is in torch's one that's wide open: σ(50) is 1 in double precision. A missing
tanh can't be told where all that goes into it is small, as tanh a is a - a³/3 + ...
"""

import pytest
import torch
from seqpipe.parts.cells import Cell, PeepholeCell
from torch import nn

from seqpipe_lstm_variants._ablations import (
    NoForgetGate,
    NoInputActivation,
    NoInputGate,
    NoOutputActivation,
    NoOutputGate,
)
from seqpipe_lstm_variants._fgr import FullGateRecurrence
from seqpipe_lstm_variants._functions import ChosenFunctions
from seqpipe_lstm_variants._indrnn import IndRNN
from seqpipe_lstm_variants._janet import JANET
from seqpipe_lstm_variants._mgu import MGU
from seqpipe_lstm_variants._minimal_rnn import MinimalRNN
from seqpipe_lstm_variants._ran import RAN

STEPS, BATCH, INPUTS, WIDTH = 7, 3, 4, 5
OPEN = 50.0


@pytest.fixture
def inputs():
    torch.manual_seed(1)
    return torch.randn(STEPS, BATCH, INPUTS, dtype=torch.float64)


def draw(make, **settings):
    """Return a cell with random weights, its peepholes closed."""
    torch.manual_seed(0)
    cell = make(INPUTS, WIDTH, **settings).double()
    for name, parameter in cell.named_parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter)
        if name.startswith("peephole"):
            nn.init.zeros_(parameter)
    return cell.requires_grad_(False)


def unrolled(cell: Cell, inputs):
    state = cell.initial_state(inputs.shape[1], inputs)
    outputs = []
    for step in inputs:
        output, state = cell(step, state)
        outputs.append(output)
    return torch.stack(outputs)


def torchs(make, gates, inputs):
    """Return the outputs of torch's layer with (W, U, b) for each of its gates."""
    W, U, b = (torch.cat(weights) for weights in zip(*gates, strict=True))
    layer = make(INPUTS, WIDTH, dtype=torch.float64).requires_grad_(False)
    layer.weight_ih_l0.copy_(W)
    layer.weight_hh_l0.copy_(U)
    layer.bias_ih_l0.copy_(b)
    layer.bias_hh_l0.zero_()
    return layer(inputs)[0]


def gate(W=None, U=None, b=None):
    """Return (W, U, b), zeros for those that are missing."""
    shapes = ((WIDTH, INPUTS), (WIDTH, WIDTH), (WIDTH,))
    return [
        torch.zeros(shape, dtype=torch.float64) if given is None else given
        for given, shape in zip((W, U, b), shapes, strict=True)
    ]


def open_gate():
    return gate(b=torch.full((WIDTH,), OPEN, dtype=torch.float64))


def gates_of(cell):
    """Return (W, U, b) for each gate of a cell that has all three."""
    weights = (cell.input_weight, cell.recurrent_weight, cell.bias)
    return list(zip(*(w.split(WIDTH) for w in weights), strict=True))


@pytest.mark.parametrize("make", [NoInputGate, NoForgetGate, NoOutputGate])
def test_missing_gate_is_an_open_one(make, inputs):
    cell = draw(make)
    own = dict(zip(cell.gates, gates_of(cell), strict=True))
    gates = [own.get(name, open_gate()) for name in ("input", "forget", "candidate", "output")]
    torch.testing.assert_close(unrolled(cell, inputs), torchs(nn.LSTM, gates, inputs))


@pytest.mark.parametrize("make", [NoInputActivation, NoOutputActivation])
def test_missing_activation_cannot_be_told_near_zero(make, inputs):
    cell = draw(make)
    candidate = slice(2 * WIDTH, 3 * WIDTH)
    for weight in (cell.input_weight, cell.recurrent_weight, cell.bias):
        weight[candidate] *= 1e-5
    expected = torchs(nn.LSTM, gates_of(cell), inputs)
    torch.testing.assert_close(unrolled(cell, inputs), expected, rtol=1e-6, atol=0)


def test_full_gate_recurrence_without_weights_between_gates_is_an_lstm(inputs):
    cell = draw(FullGateRecurrence)
    cell.gate_weight.zero_()
    torch.testing.assert_close(unrolled(cell, inputs), torchs(nn.LSTM, gates_of(cell), inputs))


def test_functions_of_the_lstm_make_it_one(inputs):
    cell = draw(ChosenFunctions)
    torch.testing.assert_close(unrolled(cell, inputs), torchs(nn.LSTM, gates_of(cell), inputs))


def test_each_function_stands_where_its_setting_says(inputs):
    cell = draw(ChosenFunctions, gate="relu", candidate="sigmoid", output="tanh")
    state = cell.initial_state(BATCH, inputs)
    memory = torch.full_like(state[1], 0.5)
    hidden, (_, after) = cell(inputs[0], (state[0], memory))
    i, f, g, o = (inputs[0] @ cell.input_weight.T + cell.bias).split(WIDTH, dim=1)
    expected = f.relu() * 0.5 + i.relu() * g.sigmoid()
    torch.testing.assert_close(after, expected)
    torch.testing.assert_close(hidden, o.relu() * expected.tanh())


def test_full_gate_recurrence_begins_as_an_lstm(inputs):
    cell = draw(FullGateRecurrence)
    first = torchs(nn.LSTM, gates_of(cell), inputs)[0]
    torch.testing.assert_close(unrolled(cell, inputs)[0], first)


def test_janet_without_beta_is_a_gru_that_never_resets(inputs):
    cell = draw(JANET, beta=0.0)
    gates = [open_gate(), *gates_of(cell)]
    torch.testing.assert_close(unrolled(cell, inputs), torchs(nn.GRU, gates, inputs))


def test_mgu_whose_candidate_sees_no_state_is_such_a_gru(inputs):
    cell = draw(MGU)
    cell.candidate_weight.zero_()
    W_f, W_g = cell.input_weight.split(WIDTH)
    b_f, b_g = cell.bias.split(WIDTH)
    # torch's update gate says how much to keep, this one how much to write: σ(-a) is 1 - σ(a).
    gates = [gate(), gate(-W_f, -cell.forget_weight, -b_f), gate(W_g, b=b_g)]
    torch.testing.assert_close(unrolled(cell, inputs), torchs(nn.GRU, gates, inputs))


def test_minimal_rnn_whose_gate_sees_no_input_is_such_a_gru(inputs):
    cell = draw(MinimalRNN)
    cell.latent_weight.zero_()
    update = gate(U=cell.recurrent_weight, b=cell.update_bias)
    gates = [gate(), update, gate(cell.input_weight, b=cell.input_bias)]
    torch.testing.assert_close(unrolled(cell, inputs), torchs(nn.GRU, gates, inputs))


def test_ran_is_an_lstm_that_writes_inputs_and_hides_nothing(inputs):
    cell = draw(RAN)
    cell.input_weight[:WIDTH] *= 1e-5
    W_c, W_i, W_f = cell.input_weight.split(WIDTH)
    U_i, U_f = cell.recurrent_weight.split(WIDTH)
    b_i, b_f = cell.recurrent_bias.split(WIDTH)
    gates = [gate(W_i, U_i, b_i), gate(W_f, U_f, b_f), gate(W_c), open_gate()]
    expected = torchs(nn.LSTM, gates, inputs)
    torch.testing.assert_close(unrolled(cell, inputs), expected, rtol=1e-6, atol=0)


def test_indrnn_is_an_rnn_with_a_diagonal(inputs):
    cell = draw(IndRNN)
    u = cell.bound * cell.unit_weight.tanh()

    def rectifier(*sizes, **options):
        return nn.RNN(*sizes, nonlinearity="relu", **options)

    gates = [gate(cell.input_weight, u.diag(), cell.bias)]
    torch.testing.assert_close(unrolled(cell, inputs), torchs(rectifier, gates, inputs))


@pytest.mark.parametrize(
    "make", [NoInputGate, NoForgetGate, NoOutputGate, NoInputActivation, NoOutputActivation]
)
def test_output_gate_sees_the_new_memory_and_the_others_the_old(make, inputs):
    cell = draw(make)
    hidden, memory = torch.zeros(2, BATCH, WIDTH, dtype=torch.float64)

    def effect(name, before):
        closed = cell(inputs[0], (hidden, before))[1]
        cell.peephole[name].fill_(1.0)
        opened = cell(inputs[0], (hidden, before))[1]
        cell.peephole[name].zero_()
        return [not torch.equal(a, b) for a, b in zip(closed, opened, strict=True)]

    assert isinstance(cell, PeepholeCell)
    for name in cell.peephole:
        sees_new = name == "output"
        assert effect(name, memory) == [sees_new, False]
        assert effect(name, memory + 1) == [True, not sees_new]

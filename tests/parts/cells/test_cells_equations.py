"""Cells equal their papers' equations, written down in NumPy, one sequence and one step at a time."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from seqpipe.parts.cells import (
    GRU,
    LSTM,
    RNN,
    CoupledLSTM,
    LayerNormLSTM,
    PeepholeLSTM,
    ResetBeforeGRU,
)

STEPS, BATCH, INPUTS, WIDTH = 6, 3, 4, 5


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def by_gate(gates: str, stacked):
    return dict(zip(gates, np.split(stacked, len(gates)), strict=True))


def weights(p, gates: str):
    """Return W, U and b, each by gate."""
    return [by_gate(gates, p[name]) for name in ("input_weight", "recurrent_weight", "bias")]


def rnn(squash):
    def run(p, xs):
        h = np.zeros(WIDTH)
        for x in xs:
            h = squash(p["input_weight"] @ x + p["bias"] + p["recurrent_weight"] @ h)
            yield h

    return run


def lstm(p, xs):
    W, U, b = weights(p, "ifgo")
    # No peephole is one that shows nothing.
    see = {
        gate: p.get(f"peephole.{name}", 0.0)
        for gate, name in (("i", "input"), ("f", "forget"), ("o", "output"))
    }
    h = c = np.zeros(WIDTH)
    for x in xs:
        a = {gate: W[gate] @ x + U[gate] @ h + b[gate] for gate in "ifgo"}
        i, f = (sigmoid(a[gate] + see[gate] * c) for gate in "if")
        c = f * c + i * np.tanh(a["g"])
        h = sigmoid(a["o"] + see["o"] * c) * np.tanh(c)
        yield h


def coupled_lstm(p, xs):
    W, U, b = weights(p, "fgo")
    h = c = np.zeros(WIDTH)
    for x in xs:
        a = {gate: W[gate] @ x + U[gate] @ h + b[gate] for gate in "fgo"}
        f = sigmoid(a["f"] + p.get("peephole.forget", 0.0) * c)
        c = f * c + (1 - f) * np.tanh(a["g"])
        h = sigmoid(a["o"] + p.get("peephole.output", 0.0) * c) * np.tanh(c)
        yield h


def layer_norm(z, gain, bias):
    return gain * (z - z.mean()) / np.sqrt(((z - z.mean()) ** 2).mean() + 1e-5) + bias


def layer_norm_lstm(p, xs):
    norms = {
        name: (p[f"{name}_norm.weight"], p[f"{name}_norm.bias"])
        for name in ("input", "recurrent", "cell")
    }
    h = c = np.zeros(WIDTH)
    for x in xs:
        below = layer_norm(p["input_weight"] @ x, *norms["input"])
        before = layer_norm(p["recurrent_weight"] @ h, *norms["recurrent"])
        i, f, g, o = np.split(before + below + p["bias"], 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(layer_norm(c, *norms["cell"]))
        yield h


def gru(p, xs):
    W, U, b = weights(p, "rzn")
    d = by_gate("rzn", p["recurrent_bias"])
    h = np.zeros(WIDTH)
    for x in xs:
        r, z = (sigmoid(W[a] @ x + b[a] + U[a] @ h + d[a]) for a in "rz")
        n = np.tanh(W["n"] @ x + b["n"] + r * (U["n"] @ h + d["n"]))
        h = (1 - z) * n + z * h
        yield h


def reset_before_gru(p, xs):
    W, U, b = weights(p, "rzn")
    h = np.zeros(WIDTH)
    for x in xs:
        r, z = (sigmoid(W[a] @ x + b[a] + U[a] @ h) for a in "rz")
        n = np.tanh(W["n"] @ x + b["n"] + U["n"] @ (r * h))
        h = z * h + (1 - z) * n
        yield h


CASES = {
    "RNN": (RNN, rnn(np.tanh)),
    "RNN, relu": (partial(RNN, activation="relu"), rnn(lambda a: np.maximum(a, 0))),
    "LSTM": (LSTM, lstm),
    "GRU": (GRU, gru),
    "ResetBeforeGRU": (ResetBeforeGRU, reset_before_gru),
    "LayerNormLSTM": (LayerNormLSTM, layer_norm_lstm),
    **{
        f"PeepholeLSTM, {names}": (partial(PeepholeLSTM, peepholes=names), lstm)
        for names in (
            [],
            ["input"],
            ["forget"],
            ["output"],
            ["output", "forget"],
            ("input", "forget", "output"),
        )
    },
    **{
        f"CoupledLSTM, {names}": (partial(CoupledLSTM, peepholes=names), coupled_lstm)
        for names in ([], ["forget"], ["output"], ("output", "forget"))
    },
}


def outputs_of(cell, sequences):
    state = cell.initial_state(len(sequences), sequences)
    outputs = []
    with torch.no_grad():
        for step in sequences.unbind(1):
            output, state = cell(step, state)
            outputs.append(output)
    return torch.stack(outputs, dim=1)


def draw(make, inputs=INPUTS):
    torch.manual_seed(0)
    cell = make(inputs, WIDTH).double()
    for parameter in cell.parameters():
        nn.init.normal_(parameter)
    return cell, torch.randn(BATCH, STEPS, inputs, dtype=torch.float64)


@pytest.mark.parametrize(("make", "reference"), CASES.values(), ids=CASES)
def test_outputs_equal_the_equations(make, reference):
    cell, sequences = draw(make)
    p = {name: value.detach().numpy() for name, value in cell.named_parameters()}
    expected = [list(reference(p, xs)) for xs in sequences.numpy()]
    np.testing.assert_allclose(outputs_of(cell, sequences).numpy(), expected, rtol=1e-10)


def load(cell, other):
    """Give a cell the weights of another one that go by the same names."""
    cell = cell.double()
    cell.load_state_dict(other.state_dict(), strict=False)
    return cell


@pytest.mark.parametrize("names", [[], ()])
def test_peephole_lstm_without_peepholes_is_the_lstm(names):
    cell, sequences = draw(partial(PeepholeLSTM, peepholes=names))
    assert {*cell.state_dict()} == {*LSTM(1, 1).state_dict()}
    plain = load(LSTM(INPUTS, WIDTH), cell)
    assert torch.equal(outputs_of(cell, sequences), outputs_of(plain, sequences))


def test_peephole_lstm_starts_as_the_lstm():
    sequences = torch.randn(BATCH, STEPS, INPUTS)
    torch.manual_seed(0)
    cell = PeepholeLSTM(INPUTS, WIDTH)
    torch.manual_seed(0)
    plain = LSTM(INPUTS, WIDTH)
    assert torch.equal(outputs_of(cell, sequences), outputs_of(plain, sequences))


def test_coupled_lstm_is_an_lstm_whose_input_gate_is_the_forget_gate_turned_round():
    cell, sequences = draw(CoupledLSTM)
    plain = LSTM(INPUTS, WIDTH).double()
    for name in ("input_weight", "recurrent_weight", "bias"):
        forget, candidate, output = getattr(cell, name).detach().split(WIDTH)
        # 1 - σ(a) is σ(-a).
        getattr(plain, name).data = torch.cat([-forget, forget, candidate, output])
    torch.testing.assert_close(outputs_of(cell, sequences), outputs_of(plain, sequences))


def test_where_a_candidate_sees_units_one_by_one_it_does_not_matter_when_they_are_reset():
    cell, sequences = draw(ResetBeforeGRU)
    candidate = cell.recurrent_weight.data[2 * WIDTH :]
    candidate.copy_(candidate.diag().diag())
    after = load(GRU(INPUTS, WIDTH), cell)
    torch.testing.assert_close(outputs_of(cell, sequences), outputs_of(after, sequences))
    candidate[0, 1] += 1
    other = load(GRU(INPUTS, WIDTH), cell)
    assert not torch.allclose(outputs_of(cell, sequences), outputs_of(other, sequences))


def test_layer_norm_lstm_does_not_see_how_large_its_matrices_are():
    cell, sequences = draw(LayerNormLSTM)
    before = outputs_of(cell, sequences)
    cell.input_weight.data *= 100
    cell.recurrent_weight.data *= 100
    # Apart from the 1e-5 that keeps LN from dividing by 0.
    torch.testing.assert_close(outputs_of(cell, sequences), before, rtol=1e-3, atol=1e-3)

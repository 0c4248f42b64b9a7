"""Each cell equals its paper's equations, written down in NumPy, one sequence and one step at a time."""

import numpy as np
import pytest
import torch
from seqpipe.parts.cells import Cell
from torch import nn

from seqpipe_lstm_variants._ablations import (
    NoForgetGate,
    NoInputActivation,
    NoInputGate,
    NoOutputActivation,
    NoOutputGate,
)
from seqpipe_lstm_variants._fgr import FullGateRecurrence
from seqpipe_lstm_variants._indrnn import IndRNN
from seqpipe_lstm_variants._janet import JANET
from seqpipe_lstm_variants._mgu import MGU
from seqpipe_lstm_variants._minimal_rnn import MinimalRNN
from seqpipe_lstm_variants._ran import RAN

STEPS, BATCH, INPUTS, WIDTH = 6, 3, 4, 5


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def relu(a):
    return np.maximum(a, 0)


def same(a):
    return a


def weights_of(cell: Cell):
    return {name: p.detach().numpy() for name, p in cell.named_parameters()}


def by_gate(gates: str, stacked):
    return dict(zip(gates, np.split(stacked, len(gates)), strict=True))


PEEPHOLES = {"i": "peephole.input", "f": "peephole.forget", "o": "peephole.output"}


def vanilla(gates: str, squash=np.tanh, show=np.tanh):
    """The vanilla LSTM of Greff et al. in the paper's letters, where a gate that's left out is 1."""

    def run(p, xs):
        W, R, b = (by_gate(gates, p[n]) for n in ("input_weight", "recurrent_weight", "bias"))

        def open_to(a, x, y, c):
            if a not in gates:
                return 1.0
            return sigmoid(W[a] @ x + R[a] @ y + p[PEEPHOLES[a]] * c + b[a])

        y = c = np.zeros(WIDTH)
        for x in xs:
            z = squash(W["z"] @ x + R["z"] @ y + b["z"])
            c = z * open_to("i", x, y, c) + c * open_to("f", x, y, c)
            y = show(c) * open_to("o", x, y, c)
            yield y

    return run


def full_gate_recurrence(p, xs):
    W, R, b = (by_gate("ifzo", p[n]) for n in ("input_weight", "recurrent_weight", "bias"))
    # The paper's R_if leads from the input gate to the forget gate: its indices are source, target.
    R |= {
        source + target: block
        for target, rows in by_gate("ifo", p["gate_weight"]).items()
        for source, block in zip("ifo", np.hsplit(rows, 3), strict=True)
    }
    y = c = i = f = o = np.zeros(WIDTH)
    for x in xs:
        gates = {
            a: W[a] @ x + R[a] @ y + b[a] + R["i" + a] @ i + R["f" + a] @ f + R["o" + a] @ o
            for a in "ifo"
        }
        z = np.tanh(W["z"] @ x + R["z"] @ y + b["z"])
        i, f = (sigmoid(gates[a] + p[PEEPHOLES[a]] * c) for a in "if")
        c = z * i + c * f
        o = sigmoid(gates["o"] + p[PEEPHOLES["o"]] * c)
        y = np.tanh(c) * o
        yield y


def mgu(p, xs):
    W, b = by_gate("fh", p["input_weight"]), by_gate("fh", p["bias"])
    # The paper writes one matrix for [h, x].
    W_f = np.concatenate([p["forget_weight"], W["f"]], axis=1)
    W_h = np.concatenate([p["candidate_weight"], W["h"]], axis=1)
    h = np.zeros(WIDTH)
    for x in xs:
        f = sigmoid(W_f @ np.concatenate([h, x]) + b["f"])
        new = np.tanh(W_h @ np.concatenate([f * h, x]) + b["h"])
        h = (1 - f) * h + f * new
        yield h


def janet(beta):
    def run(p, xs):
        W, U, b = (by_gate("fc", p[n]) for n in ("input_weight", "recurrent_weight", "bias"))
        h = c = np.zeros(WIDTH)
        for x in xs:
            s = U["f"] @ h + W["f"] @ x + b["f"]
            new = np.tanh(U["c"] @ h + W["c"] @ x + b["c"])
            c = sigmoid(s) * c + (1 - sigmoid(s - beta)) * new
            h = c
            yield h

    return run


def ran(show):
    def run(p, xs):
        W_cx, W_ix, W_fx = np.split(p["input_weight"], 3)
        W_ih, W_fh = np.split(p["recurrent_weight"], 2)
        b_i, b_f = np.split(p["recurrent_bias"], 2)
        h = c = np.zeros(WIDTH)
        for x in xs:
            i = sigmoid(W_ih @ h + W_ix @ x + b_i)
            f = sigmoid(W_fh @ h + W_fx @ x + b_f)
            c = i * (W_cx @ x) + f * c
            h = show(c)
            yield h

    return run


def indrnn(steps):
    def run(p, xs):
        u = 2 ** (1 / steps) * np.tanh(p["unit_weight"])
        h = np.zeros(WIDTH)
        for x in xs:
            h = relu(p["input_weight"] @ x + u * h + p["bias"])
            yield h

    return run


def minimal_rnn(p, xs):
    h = np.zeros(WIDTH)
    for x in xs:
        z = np.tanh(p["input_weight"] @ x + p["input_bias"])
        u = sigmoid(p["recurrent_weight"] @ h + p["latent_weight"] @ z + p["update_bias"])
        h = u * h + (1 - u) * z
        yield h


CASES = [
    (NoInputGate, {}, vanilla("fzo")),
    (NoForgetGate, {}, vanilla("izo")),
    (NoOutputGate, {}, vanilla("ifz")),
    (NoInputActivation, {}, vanilla("ifzo", squash=same)),
    (NoOutputActivation, {}, vanilla("ifzo", show=same)),
    (FullGateRecurrence, {}, full_gate_recurrence),
    (MGU, {}, mgu),
    (JANET, {}, janet(beta=1.0)),
    (JANET, {"beta": 0.3}, janet(beta=0.3)),
    (RAN, {}, ran(np.tanh)),
    (RAN, {"activation": "identity"}, ran(same)),
    (IndRNN, {"steps": 4}, indrnn(steps=4)),
    (MinimalRNN, {}, minimal_rnn),
]


@pytest.mark.parametrize(("make", "settings", "reference"), CASES)
def test_outputs_equal_the_papers_equations(make, settings, reference):
    torch.manual_seed(0)
    cell = make(INPUTS, WIDTH, **settings).double()
    for parameter in cell.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter)
    sequences = torch.randn(BATCH, STEPS, INPUTS, dtype=torch.float64)
    state = cell.initial_state(BATCH, sequences)
    outputs = []
    with torch.no_grad():
        for step in sequences.unbind(1):
            output, state = cell(step, state)
            outputs.append(output)
    expected = [list(reference(weights_of(cell), xs)) for xs in sequences.numpy()]
    np.testing.assert_allclose(torch.stack(outputs, dim=1).numpy(), expected, rtol=1e-12)

"""Every cell as a loop of ONNX gives what it gives in torch, at any lengths and in any batch."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from export.export_cases import assert_same, make_vectors, run_graph, stirred
from parts.encoders.unroll_cases import Independent, Odd

from seqpipe.errors import ExportError
from seqpipe.export import export_model
from seqpipe.parts.cells import GRU, LSTM, RNN, Cell, GatedCell, ResetBeforeGRU
from seqpipe.parts.encoders import Recurrent
from seqpipe.parts.heads import TextClassifier
from seqpipe.plugins import host

REGISTERED = {
    name: part for plugin in host().survey() for name, part in plugin.parts["cells"].items()
}


def make(cell, **settings):
    encoder = stirred(Recurrent(5, cell=cell, width=6, **settings))
    return encoder, stirred(TextClassifier(6, 3))


def test_cells_of_core_and_of_plugins_are_registered():
    assert {"seqpipe.LSTM.v1", "seqpipe.LayerNormLSTM.v1"} <= set(REGISTERED)
    assert len([name for name in REGISTERED if name.startswith("lstm_variants.")]) >= 11


@pytest.mark.parametrize("name", sorted(REGISTERED))
def test_registered_cell_gives_what_it_gives_in_torch(name):
    encoder, head = make(REGISTERED[name].factory)
    assert_same(export_model(encoder, head), encoder, head)


class Unusual(GatedCell):
    """Uses what no registered cell uses: comparisons, softplus, powers, a state that's a number, one that stays."""

    gates: ClassVar = ("a", "b")
    states: ClassVar = ("hidden", "constant", "kept")

    def step(self, x, h, state):
        a = torch.nn.functional.softplus(x["a"] + h["a"]).log1p()
        b = torch.where((x["b"] > 0) & (h["b"] != 0.5), x["b"].abs().sqrt(), h["b"].expm1())
        hidden = (a * b - state["kept"]).erf() + (x["a"] >= 0) / (1 + a**2) + state["constant"]
        return hidden.clamp(-1, 1), torch.full_like(a, 0.25), state["kept"]


@pytest.mark.parametrize("cell", [Unusual, Odd, Independent])
def test_cells_with_unusual_steps_are_exported(cell):
    encoder, head = make(cell)
    assert_same(export_model(encoder, head), encoder, head)


class Warmed(LSTM):
    """Begins with another state than zeros."""

    def initial_state(self, batch_size, like):
        return tuple(state + 0.5 for state in super().initial_state(batch_size, like))


def test_first_state_is_the_cells_own():
    encoder, head = make(Warmed)
    assert_same(export_model(encoder, head), encoder, head)


@pytest.mark.parametrize(
    "settings",
    [
        {"bidirectional": False},
        {"depth": 3, "residual": True},
        {"window": 4, "residual": True},
        {"window": 1, "bidirectional": False},
        {"window": 4, "depth": 2, "zoneout": [0.1, 0.4]},
        {"dropout": 0.5, "word_dropout": 0.5, "state_dropout": 0.5, "output_dropout": 0.5},
    ],
    ids=str,
)
def test_settings_of_the_encoder_are_kept(settings):
    encoder, head = make(LSTM, **settings)
    assert_same(export_model(encoder, head), encoder, head)


def test_zoneout_of_a_cell_that_is_not_gated_is_kept():
    encoder, head = make(ResetBeforeGRU, zoneout=0.3)
    assert_same(export_model(encoder, head), encoder, head)


def test_text_has_the_same_scores_alone_and_in_any_batch():
    encoder, head = make(GRU, window=5)
    data = export_model(encoder, head)
    lengths = [3, 0, 17, 1, 8]
    vectors = make_vectors(lengths, 5)
    together = run_graph(data, vectors, lengths)
    ends = np.cumsum(lengths)
    for end, length, row in zip(ends, lengths, together, strict=True):
        alone = run_graph(data, vectors[end - length : end], [length])
        np.testing.assert_allclose(alone[0], row, atol=1e-6)


def test_training_mode_is_left_as_it_was():
    encoder, head = make(RNN, dropout=0.5)
    encoder.train()
    export_model(encoder, head)
    assert encoder.training and not head.training


class Sorted(Cell):
    """Does what nobody translates."""

    def __init__(self, input_width, width):
        super().__init__()
        self.input_width, self.width = input_width, width
        self.weight = torch.nn.Parameter(torch.ones(width, input_width))

    def initial_state(self, batch_size, like):
        return (like.new_zeros(batch_size, self.width),)

    def forward(self, input, state):
        hidden = (input @ self.weight.T + state[0]).sort(1).values
        return hidden, (hidden,)


class Branching(Sorted):
    def forward(self, input, state):
        hidden = input @ self.weight.T
        return (hidden if hidden.sum() > 0 else -hidden), (hidden,)


class Batchwise(Sorted):
    def forward(self, input, state):
        hidden = (input @ self.weight.T + state[0]) / len(input)
        return hidden, (hidden,)


class Multiplying(GatedCell):
    gates: ClassVar = ("a",)
    states: ClassVar = ("hidden",)

    def step(self, x, h, state):
        return (x["a"] @ x["a"].T @ h["a"],)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (Sorted, "the cell Sorted can't be exported: it uses `sort`"),
        (Branching, "the cell Branching can't be exported: a call of it can't be traced"),
        (Batchwise, "differ from its own"),
        (Multiplying, "the cell Multiplying can't be exported: the step of a gated cell uses"),
    ],
)
def test_cell_that_cannot_be_exported_is_an_error_that_says_why(cell, reason):
    encoder, head = make(cell)
    with pytest.raises(ExportError, match=reason):
        export_model(encoder, head)

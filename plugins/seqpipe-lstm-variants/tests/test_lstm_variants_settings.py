"""Settings do what the README says, and values that can't be used are told."""

import math
import re

import pytest
import torch
from seqpipe.errors import ConfigError
from torch import nn

from seqpipe_lstm_variants._ablations import (
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

WIDTH = 5
FORGET_ROW = {
    NoInputGate: 0,
    NoOutputGate: 1,
    NoInputActivation: 1,
    NoOutputActivation: 1,
    FullGateRecurrence: 1,
    ChosenFunctions: 1,
    MGU: 0,
    JANET: 0,
}


@pytest.mark.parametrize(("make", "row"), FORGET_ROW.items())
def test_forget_bias_is_where_the_forget_gate_alone_starts(make, row):
    bias = make(3, WIDTH, forget_bias=2.5).bias.split(WIDTH)
    assert [rows.tolist() for rows in bias] == [
        [2.5 if i == row else 0.0] * WIDTH for i in range(len(bias))
    ]


def test_forget_bias_of_ran_stands_with_the_recurrent_product():
    cell = RAN(3, WIDTH, forget_bias=2.5)
    assert cell.recurrent_bias.tolist() == [0.0] * WIDTH + [2.5] * WIDTH
    assert not cell.bias.any() and not cell.bias.requires_grad


def test_cells_that_see_the_input_only_have_no_recurrent_rows():
    assert RAN(3, WIDTH).recurrent_weight.shape == (2 * WIDTH, WIDTH)
    assert IndRNN(3, WIDTH).recurrent_weight.shape == (0, WIDTH)


def test_update_bias_is_where_the_update_gate_alone_starts():
    cell = MinimalRNN(3, WIDTH, update_bias=-1.5)
    assert cell.update_bias.tolist() == [-1.5] * WIDTH
    assert not cell.input_bias.any()


@pytest.mark.parametrize("steps", [2, 3, 100])
def test_chrono_steps_spread_forget_biases_up_to_the_longest_memory(steps):
    forget, candidate = JANET(3, 2000, chrono_steps=steps).bias.detach().split(2000)
    assert forget.min() >= 0
    assert forget.max() <= math.log(steps - 1) + 1e-6
    # u is drawn evenly from [1, T - 1], whose middle is T / 2.
    assert forget.exp().mean() == pytest.approx(steps / 2, rel=0.1)
    assert not candidate.any()


def recurrent_weights(cell):
    """Return u, by which each unit of an IndRNN is multiplied at a step."""
    ones = torch.ones(1, cell.width)
    with torch.no_grad():
        nn.init.constant_(cell.bias, 10.0)
        return (cell(torch.zeros(1, 3), (ones,))[0] - 10).flatten()


@pytest.mark.parametrize("steps", [1, 10])
def test_recurrent_weights_of_indrnn_start_between_zero_and_their_bound(steps):
    u = recurrent_weights(IndRNN(3, 2000, steps=steps))
    assert u.min() >= -1e-5
    assert u.max() <= 2 ** (1 / steps) + 1e-5
    assert u.mean() == pytest.approx(2 ** (1 / steps) / 2, rel=0.1)


def test_recurrent_weights_of_indrnn_never_leave_their_bound():
    cell = IndRNN(3, 2, steps=1)
    cell.unit_weight.data = torch.tensor([100.0, -100.0])
    torch.testing.assert_close(recurrent_weights(cell), torch.tensor([2.0, -2.0]))


MISTAKES = [
    *(
        (make, {"forget_bias": value})
        for make in (*FORGET_ROW, RAN)
        for value in (math.nan, math.inf)
    ),
    (MinimalRNN, {"update_bias": math.nan}),
    (JANET, {"beta": math.inf}),
    (JANET, {"chrono_steps": 1}),
    (RAN, {"activation": "relu"}),
    *((ChosenFunctions, {name: "cosine"}) for name in ("gate", "candidate", "output")),
    (IndRNN, {"steps": 0}),
]


@pytest.mark.parametrize(("make", "settings"), MISTAKES)
def test_value_that_cannot_be_used_is_named_with_its_setting(make, settings):
    ((name, value),) = settings.items()
    with pytest.raises(ConfigError, match=re.escape(f"`{name}` is {value!r}; it must be ")):
        make(3, WIDTH, **settings)

"""Settings leave the contract of cells whole; defaults are checked with all other built-in parts."""

from functools import partial

import pytest

from seqpipe.parts.cells import (
    GRU,
    LSTM,
    RNN,
    CoupledLSTM,
    LayerNormLSTM,
    PeepholeLSTM,
    ResetBeforeGRU,
)
from seqpipe.testing import checks

VARIANTS = {
    "RNN, relu": partial(RNN, activation="relu", recurrent_init="identity"),
    "LSTM, gaussian": partial(LSTM, forget_bias=-1.0, recurrent_init="gaussian"),
    "PeepholeLSTM, none": partial(PeepholeLSTM, peepholes=[]),
    "PeepholeLSTM, output": partial(PeepholeLSTM, peepholes=["output"], input_init="uniform"),
    "CoupledLSTM, all": partial(CoupledLSTM, peepholes=["forget", "output"]),
    "LayerNormLSTM, uniform": partial(LayerNormLSTM, forget_bias=0.0, input_init="uniform"),
    "GRU, uniform": partial(GRU, input_init="uniform", recurrent_init="uniform"),
    "ResetBeforeGRU, glorot": partial(ResetBeforeGRU, recurrent_init="glorot"),
}


@pytest.mark.parametrize("make", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("check", [c for c in checks("cells") if c.name != "speed"], ids=str)
def test_cell_keeps_the_contract(check, make):
    check(make)

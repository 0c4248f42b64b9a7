"""Settings do what's documented, and invalid values are reported with what's allowed."""

import math
import re

import pytest
import torch

from seqpipe.config import check, read_text
from seqpipe.errors import ConfigError
from seqpipe.parts.cells import (
    GRU,
    LSTM,
    RNN,
    CoupledLSTM,
    LayerNormLSTM,
    PeepholeLSTM,
    ResetBeforeGRU,
)

ALL = [RNN, LSTM, PeepholeLSTM, CoupledLSTM, LayerNormLSTM, GRU, ResetBeforeGRU]
#: Where each cell's forget gate stands.
FORGETTING = {LSTM: 1, PeepholeLSTM: 1, CoupledLSTM: 0, LayerNormLSTM: 1}
INITS = ["glorot", "orthogonal", "gaussian", "uniform"]
WIDTH = 64


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def blocks(weight):
    return weight.detach().split(WIDTH)


def expect_start(weight, init):
    """Check that the matrix of a gate started as it should."""
    rows, columns = weight.shape
    if init == "orthogonal":
        small = min(rows, columns)
        gram = weight.T @ weight if rows > columns else weight @ weight.T
        torch.testing.assert_close(gram, torch.eye(small), atol=1e-5, rtol=0)
    elif init == "identity":
        assert torch.equal(weight, torch.eye(rows))
    elif init == "gaussian":
        assert weight.std() == pytest.approx(columns**-0.5, rel=0.1)
        assert weight.abs().max() > 2.5 * columns**-0.5
    else:
        bound = rows**-0.5 if init == "uniform" else math.sqrt(6 / (rows + columns))
        assert 0.95 * bound < weight.max() <= bound
        assert -bound <= weight.min() < -0.95 * bound
        assert weight.std() == pytest.approx(bound / math.sqrt(3), rel=0.1)


@pytest.mark.parametrize("make", ALL)
def test_matrices_start_as_documented_where_nothing_is_said(make):
    cell = make(32, WIDTH)
    for weight in blocks(cell.input_weight):
        expect_start(weight, "glorot")
    for weight in blocks(cell.recurrent_weight):
        expect_start(weight, "orthogonal")


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("init", INITS)
def test_each_gates_matrix_of_the_input_starts_as_said(make, init):
    cell = make(32, WIDTH, input_init=init)
    for weight in blocks(cell.input_weight):
        expect_start(weight, init)
    for weight in blocks(cell.recurrent_weight):
        expect_start(weight, "orthogonal")


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("init", [*INITS, "identity"])
def test_each_gates_matrix_of_the_state_starts_as_said(make, init):
    cell = make(32, WIDTH, recurrent_init=init)
    for weight in blocks(cell.recurrent_weight):
        expect_start(weight, init)
    for weight in blocks(cell.input_weight):
        expect_start(weight, "glorot")


def test_gates_start_differently():
    first, second, *_ = blocks(LSTM(32, WIDTH).recurrent_weight)
    assert not torch.allclose(first, second)


@pytest.mark.parametrize(("make", "row"), FORGETTING.items())
def test_forget_bias_is_where_the_forget_gate_alone_starts(make, row):
    assert [b.unique().tolist() for b in blocks(make(3, WIDTH, forget_bias=2.0).bias)] == [
        [2.0 if i == row else 0.0] for i in range(len(blocks(make(3, WIDTH).bias)))
    ]
    assert blocks(make(3, WIDTH).bias)[row].unique() == 1


def test_irnn_remembers_what_it_reads():
    cell = RNN(2, 4, activation="relu", recurrent_init="identity")
    before = torch.rand(3, 4)
    after, _ = cell(torch.zeros(3, 2), (before,))
    assert torch.equal(after, before)


@pytest.mark.parametrize("make", [PeepholeLSTM, CoupledLSTM])
def test_peepholes_are_a_vector_for_each_gate_and_start_closed(make):
    cell = make(3, 5, peepholes=["output", "forget"])
    assert {name: p.tolist() for name, p in cell.peephole.items()} == {
        "forget": [0.0] * 5,
        "output": [0.0] * 5,
    }


def test_order_in_which_peepholes_are_named_does_not_matter():
    first, second = (
        PeepholeLSTM(3, 5, peepholes=names) for names in (("output", "input"), ["input", "output"])
    )
    assert [*first.state_dict()] == [*second.state_dict()]


def test_all_gates_of_a_peephole_lstm_have_one_where_nothing_is_said():
    assert {*PeepholeLSTM(3, 5).peephole} == {"input", "forget", "output"}
    assert not CoupledLSTM(3, 5).peephole


INIT_MISTAKES = [
    ("input_init", "identity", "'glorot', 'orthogonal', 'gaussian' or 'uniform'"),
    ("input_init", [], "'glorot', 'orthogonal', 'gaussian' or 'uniform'"),
    ("recurrent_init", "zeros", "'orthogonal', 'glorot', 'gaussian', 'uniform' or 'identity'"),
    ("recurrent_init", None, "'orthogonal', 'glorot', 'gaussian', 'uniform' or 'identity'"),
]
PEEPHOLES = "a list of names, each of them at most once, out of "
MISTAKES = [
    *((make, *mistake) for make in ALL for mistake in INIT_MISTAKES),
    *(
        (make, "forget_bias", value, "a finite number")
        for make in FORGETTING
        for value in (math.nan, math.inf, -math.inf, "1", None)
    ),
    (RNN, "activation", "sigmoid", "'tanh' or 'relu'"),
    *(
        (PeepholeLSTM, "peepholes", value, f"{PEEPHOLES}'input', 'forget' and 'output'")
        for value in (["candidate"], ["input", "input"], "input", None, [["input"]], {"input"})
    ),
    *(
        (CoupledLSTM, "peepholes", value, f"{PEEPHOLES}'forget' and 'output'")
        for value in (["input"], ["forget", "output", "forget"], "output")
    ),
]


@pytest.mark.parametrize(("make", "setting", "value", "allowed"), MISTAKES)
def test_value_that_cannot_be_used_is_reported_with_what_is_allowed(make, setting, value, allowed):
    message = re.escape(f"`{setting}` is {value!r}; it must be {allowed}")
    with pytest.raises(ConfigError, match=f"^{message}$"):
        make(3, 4, **{setting: value})


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize(("sizes", "name"), [((0, 4), "input_width"), ((3, 0), "width")])
def test_size_of_nothing_is_refused(make, sizes, name):
    with pytest.raises(ConfigError, match=f"^`{name}` is 0; it must be at least 1$"):
        make(*sizes)


FILE = """
[data]
@readers = "seqpipe.Jsonl.v1"
path = "texts.jsonl"

[encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"

[encoder.cell]
@seqpipe_cells = "seqpipe.PeepholeLSTM.v1"
peepholes = {peepholes}
recurrent_init = "identity"

[head]
@seqpipe_heads = "seqpipe.TextClassifier.v1"
"""


@pytest.mark.parametrize("peepholes", ["[]", '["output"]', '["input", "forget", "output"]'])
def test_pipeline_file_lists_peepholes(peepholes):
    check(read_text(FILE.format(peepholes=peepholes)))


@pytest.mark.parametrize("peepholes", ['["candidate"]', '"input"'])
def test_pipeline_file_with_other_peepholes_is_refused(peepholes):
    with pytest.raises(ConfigError, match="peepholes"):
        check(read_text(FILE.format(peepholes=peepholes)))

"""All engines equal the plain loop, and torch's own layers."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from unroll_cases import (
    CELLS,
    ENGINES,
    FEW,
    LENGTHS,
    WIDTHS,
    Odd,
    assert_equals_plain,
    batch,
    everything,
    states,
    stirred,
)

from seqpipe.kernels.c import _engine
from seqpipe.native import own_threads
from seqpipe.parts.cells import GRU, LSTM, RNN
from seqpipe.parts.encoders import Recurrent, unroll, unroll_plain

each_cell = pytest.mark.parametrize("make", CELLS.values(), ids=CELLS)
each_engine = pytest.mark.parametrize("engine", ENGINES)


@each_engine
@each_cell
@given(lengths=LENGTHS, sizes=WIDTHS, reverse=st.booleans())
@settings(max_examples=5, deadline=None)
def test_engine_equals_plain_loop(make, engine, lengths, sizes, reverse):
    assert_equals_plain(make, sizes, lengths, 1e-10, engine=engine, reverse=reverse)


@each_engine
@each_cell
@given(lengths=LENGTHS, sizes=WIDTHS, reverse=st.booleans())
@settings(max_examples=3, deadline=None)
def test_engine_in_single_precision_is_near_the_exact_result(make, engine, lengths, sizes, reverse):
    options = {"engine": engine, "reverse": reverse}
    assert_equals_plain(make, sizes, lengths, 1e-5, dtype=torch.float32, **options)


@each_cell
@pytest.mark.parametrize("reverse", [False, True])
def test_plain_engine_is_the_plain_loop(make, reverse):
    assert_equals_plain(make, (3, 5), [2, 0, 4], 0, engine="plain", reverse=reverse)


@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("width", [1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 130])
@pytest.mark.parametrize("make", [LSTM, RNN, Odd])
def test_width_need_not_fill_the_lanes(make, width):
    options = {"engine": "compiled", "clip": 0.1}
    assert_equals_plain(make, (2, width), [3, 1, 0, 5], 1e-5, dtype=torch.float32, **options)


@each_engine
@pytest.mark.parametrize("make", FEW.values(), ids=FEW)
def test_many_sequences_fall_into_chunks(make, engine):
    lengths = [(7 * i) % 5 for i in range(150)]
    assert_equals_plain(make, (2, 5), lengths, 1e-10, engine=engine)


@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("lengths", [[9], [30, 20], [5, 3, 0, 6, 2, 2, 1]], ids=str)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("make", FEW.values(), ids=FEW)
def test_threads_share_the_work(make, reverse, lengths, monkeypatch):
    for name in ("_MIN_THREADED_PRODUCTS", "_MIN_TEAM_PRODUCTS"):
        monkeypatch.setattr(_engine, name, 1, raising=False)
    monkeypatch.setattr(_engine, "_CHUNK_SIZE", 2)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        options = {"engine": "compiled", "reverse": reverse, "clip": 0.05}
        assert_equals_plain(make, (2, 70), lengths, 1e-10, **options)
    finally:
        torch.set_num_threads(before)


@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("lengths", [[40], [30, 20], [(5 * i) % 9 for i in range(50)]], ids=str)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", [*FEW, "PeepholeLSTM"])
def test_any_number_of_threads_gives_the_same_bits(name, reverse, lengths, dtype, monkeypatch):
    for limit in ("_MIN_THREADED_PRODUCTS", "_MIN_TEAM_PRODUCTS", "_MIN_MULTIPLICATIONS"):
        monkeypatch.setattr(_engine, limit, 1)
    monkeypatch.setattr(_engine, "_MIN_ROWS", 1)
    cell = stirred(CELLS[name], 3, 70, dtype=dtype)
    inputs, counts = batch(lengths, 3, dtype=dtype)
    first = states(cell, len(lengths), dtype=dtype)
    options = {"engine": "compiled", "reverse": reverse, "clip": 0.05}
    found = []
    for threads in (1, 2, 3):
        with own_threads(threads):
            found.append(everything(unroll, cell, inputs, counts, first, **options))
    assert all(torch.equal(other[n], each) for other in found[1:] for n, each in found[0].items())


@each_engine
@each_cell
def test_no_state_is_that_of_the_cell(make, engine):
    cell = stirred(make, 3, 5)
    inputs, lengths = batch([2, 3], 3)
    given = unroll(cell, inputs, lengths, state=cell.initial_state(2, inputs), engine=engine)
    torch.testing.assert_close(unroll(cell, inputs, lengths, engine=engine), given, rtol=0, atol=0)


LAYERS = {
    "RNN": (CELLS["RNN"], nn.RNN, {}),
    "RNN, relu": (CELLS["RNN, relu"], nn.RNN, {"nonlinearity": "relu"}),
    "LSTM": (LSTM, nn.LSTM, {}),
    "GRU": (GRU, nn.GRU, {}),
}
each_layer = pytest.mark.parametrize(("make", "theirs", "more"), LAYERS.values(), ids=LAYERS)
PARAMETERS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def ours(cell):
    return dict(
        zip(
            PARAMETERS,
            (cell.input_weight, cell.recurrent_weight, cell.bias, cell.recurrent_bias),
            strict=True,
        )
    )


def copy_weights(cell, layer, suffix):
    for name, value in ours(cell).items():
        target = getattr(layer, f"{name}_{suffix}").data
        target.zero_() if value is None else target.copy_(value.data)


def assert_same_gradients(cell, layer, suffix):
    for name, value in ours(cell).items():
        if value is not None:
            theirs = getattr(layer, f"{name}_{suffix}").grad
            torch.testing.assert_close(value.grad, theirs, rtol=1e-10, atol=1e-10)


def pack(inputs, lengths):
    return nn.utils.rnn.pack_sequence(list(inputs.split(lengths.tolist())), enforce_sorted=False)


def unpack(packed):
    return torch.cat(nn.utils.rnn.unpack_sequence(packed))


@pytest.mark.parametrize("engine", ["plain", *ENGINES])
@each_layer
def test_outputs_states_and_gradients_equal_torchs(make, theirs, more, engine):
    cell = stirred(make, 3, 5)
    layer = theirs(3, 5, dtype=torch.float64, **more)
    copy_weights(cell, layer, "l0")
    inputs, lengths = batch([4, 1, 6, 2], 3)
    first = states(cell, 4)
    mine, their = inputs.clone().requires_grad_(), inputs.clone().requires_grad_()
    outputs, last = unroll(cell, mine, lengths, state=first, engine=engine)
    begun = tuple(each[None] for each in first)
    packed, ended = layer(pack(their, lengths), begun if len(begun) > 1 else begun[0])
    ended = ended if isinstance(ended, tuple) else (ended,)
    torch.testing.assert_close(outputs, unpack(packed), rtol=0, atol=1e-12)
    torch.testing.assert_close(last, tuple(each[0] for each in ended), rtol=0, atol=1e-12)
    (outputs.square().sum() + last[-1].sum()).backward()
    (unpack(packed).square().sum() + ended[-1].sum()).backward()
    torch.testing.assert_close(mine.grad, their.grad, rtol=1e-10, atol=1e-10)
    assert_same_gradients(cell, layer, "l0")


@pytest.mark.parametrize("engine", ["plain", *ENGINES])
@each_layer
def test_bidirectional_layers_equal_torchs(make, theirs, more, engine):
    torch.manual_seed(0)
    encoder = Recurrent(3, cell=make, width=8, depth=2, engine=engine).double()
    layer = theirs(3, 4, num_layers=2, bidirectional=True, dtype=torch.float64, **more)
    pairs = [
        (cell, f"l{depth}{suffix}")
        for depth, cells in enumerate(encoder.layers)
        for cell, suffix in zip(cells, ("", "_reverse"), strict=True)
    ]
    for cell, suffix in pairs:
        copy_weights(cell, layer, suffix)
    inputs, lengths = batch([5, 1, 3], 3)
    outputs, expected = encoder(inputs, lengths), unpack(layer(pack(inputs, lengths))[0])
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-12)
    outputs.square().sum().backward()
    expected.square().sum().backward()
    for cell, suffix in pairs:
        assert_same_gradients(cell, layer, suffix)


@pytest.mark.parametrize("engine", ["plain", *ENGINES])
@pytest.mark.parametrize("reverse", [False, True])
@each_cell
def test_gradients_are_those_of_finite_differences(make, reverse, engine):
    cell = stirred(make, 2, 3)
    inputs, lengths = batch([2, 0, 3], 2)
    names, weights = zip(
        *((n, p) for n, p in cell.named_parameters() if p.requires_grad), strict=True
    )
    first = states(cell, 3)

    def unrolled(inputs, *others):
        learnt, state = others[: len(names)], others[len(names) :]
        named = dict(zip(names, learnt, strict=True))
        module = Unroll(cell, lengths, reverse=reverse, engine=engine)
        given = {f"cell.{name}": value for name, value in named.items()}
        outputs, last = torch.func.functional_call(module, given, (inputs, state))
        return outputs, *last

    given = (inputs, *weights, *first)
    assert torch.autograd.gradcheck(
        unrolled, [t.detach().requires_grad_() for t in given], fast_mode=True
    )


class Unroll(nn.Module):
    """Lets parameters be put in a cell's place."""

    def __init__(self, cell, lengths, **options):
        super().__init__()
        self.cell = cell
        self.lengths = lengths
        self.options = options

    def forward(self, inputs, state):
        return unroll(self.cell, inputs, self.lengths, state=state, **self.options)


@each_engine
@pytest.mark.parametrize("make", FEW.values(), ids=FEW)
def test_only_what_is_wanted_gets_a_gradient(make, engine):
    cell = stirred(make, 3, 5)
    cell.input_weight.requires_grad_(False)
    inputs, lengths = batch([2, 3], 3)
    outputs, _ = unroll(cell, inputs, lengths, engine=engine)
    outputs.sum().backward()
    assert cell.input_weight.grad is None
    plain = stirred(make, 3, 5)
    unroll_plain(plain, inputs, lengths)[0].sum().backward()
    torch.testing.assert_close(cell.bias.grad, plain.bias.grad)


@each_engine
@pytest.mark.parametrize("make", FEW.values(), ids=FEW)
@pytest.mark.parametrize("used", ["outputs", "last"])
def test_results_may_be_used_separately(make, engine, used):
    inputs, lengths = batch([2, 0, 3], 3)
    gradients = []
    for name in ("plain", engine):
        cell = stirred(make, 3, 5)
        outputs, last = unroll(cell, inputs, lengths, state=states(cell, 3), engine=name)
        (outputs if used == "outputs" else last[-1]).square().sum().backward()
        gradients.append([p.grad for p in cell.parameters()])
    for plain, other in zip(*gradients, strict=True):
        zero = torch.zeros(())
        torch.testing.assert_close(
            other if other is not None else zero.expand_as(plain) if plain is not None else zero,
            plain if plain is not None else torch.zeros_like(other) if other is not None else zero,
        )

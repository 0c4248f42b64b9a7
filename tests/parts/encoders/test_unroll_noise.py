"""Noise is drawn before it's known what computes, and means the same to all that do."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from unroll_cases import (
    CELLS,
    ENGINES,
    FEW,
    LENGTHS,
    assert_same,
    batch,
    everything,
    states,
    stirred,
)

from seqpipe.errors import ConfigError
from seqpipe.parts.cells import LSTM, RNN, LayerNormLSTM, ResetBeforeGRU
from seqpipe.parts.encoders import Recurrent, unroll, unroll_plain
from seqpipe.parts.recurrence._noise import Noise, draw_mask, draw_zoneout

each_few = pytest.mark.parametrize("make", FEW.values(), ids=FEW)
each_engine = pytest.mark.parametrize("engine", ENGINES)
KINDS = ("hidden", "recurrent", "zoneout", "mean", "first only", "all")


def drawn(kind, cell, inputs, lengths):
    """Return noise of a kind for a batch."""
    widths = [cell.width] * len(cell.states)
    shares = [0.4, 0.2][: len(widths)]
    hidden = draw_mask(inputs, len(lengths), cell.width, 0.4)
    recurrent = draw_mask(inputs, *cell.recurrent_weight.shape, 0.4)
    zoneout = draw_zoneout(inputs, widths, shares, training=True)
    mean = draw_zoneout(inputs, widths, shares, training=False)
    first = draw_zoneout(inputs, widths, [0.4, 0.0][: len(widths)], training=True)
    return {
        "hidden": Noise(hidden=hidden),
        "recurrent": Noise(recurrent=recurrent),
        "zoneout": Noise(zoneout=zoneout),
        "mean": Noise(zoneout=mean),
        "first only": Noise(zoneout=first),
        "all": Noise(hidden, recurrent, zoneout),
    }[kind]


@each_engine
@pytest.mark.parametrize("kind", KINDS)
@each_few
@given(lengths=LENGTHS, reverse=st.booleans(), width=st.integers(1, 20))
@settings(max_examples=3, deadline=None)
def test_engines_equal_the_plain_loop_under_the_same_noise(
    make, kind, engine, lengths, reverse, width
):
    cell = stirred(make, 3, width)
    inputs, counts = batch(lengths, 3)
    first, noise = states(cell, len(lengths)), drawn(kind, cell, inputs, counts)
    options = {"noise": noise, "reverse": reverse, "clip": 0.3}
    wanted = everything(unroll_plain, cell, inputs, counts, first, **options)
    found = everything(unroll, cell, inputs, counts, first, engine=engine, **options)
    assert_same(found, wanted, 1e-10)


@pytest.mark.parametrize("make", CELLS.values(), ids=CELLS)
def test_every_cell_runs_with_all_noise(make):
    cell = stirred(make, 3, 5)
    inputs, lengths = batch([4, 0, 2], 3)
    first, noise = states(cell, 3), drawn("all", cell, inputs, lengths)
    wanted = everything(unroll_plain, cell, inputs, lengths, first, noise=noise)
    assert_same(everything(unroll, cell, inputs, lengths, first, noise=noise), wanted, 1e-10)


@pytest.mark.parametrize("engine", ["plain", *ENGINES])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reverse", [False, True])
def test_windows_take_their_part_of_the_noise(kind, reverse, engine):
    cell = stirred(LSTM, 3, 4)
    inputs, lengths = batch([7, 0, 3, 5], 3)
    first, noise = states(cell, 4), drawn(kind, cell, inputs, lengths)
    options = {"noise": noise, "reverse": reverse, "state": first}
    whole, ended = unroll_plain(cell, inputs, lengths, **options)
    cut, last = unroll(cell, inputs, lengths, tbptt=2, engine=engine, **options)
    torch.testing.assert_close(cut, whole, rtol=0, atol=1e-12)
    torch.testing.assert_close(last, ended, rtol=0, atol=1e-12)


def test_hidden_mask_is_that_of_a_smaller_network():
    cell = stirred(LSTM, 3, 4)
    inputs, lengths = batch([5], 3)
    mask = torch.tensor([[2.0, 0.0, 0.0, 2.0]], dtype=torch.float64)
    found, _ = unroll(cell, inputs, lengths, noise=Noise(hidden=mask))
    with torch.no_grad():
        cell.recurrent_weight *= mask
    torch.testing.assert_close(found, unroll(cell, inputs, lengths)[0])


def test_unit_that_is_kept_does_not_move():
    cell = stirred(LSTM, 3, 2)
    inputs, lengths = batch([6], 3)
    kept = torch.tensor([[1.0, 0.0]], dtype=torch.float64).expand(6, 2)
    first = states(cell, 1)
    outputs, last = unroll(cell, inputs, lengths, state=first, noise=Noise(zoneout=(kept, kept)))
    assert (outputs[:, 0] == first[0][0, 0]).all()
    assert last[1][0, 0] == first[1][0, 0]
    assert len(set(outputs[:, 1].tolist())) == 6


@pytest.mark.parametrize("make", [LayerNormLSTM, ResetBeforeGRU])
def test_zoneout_is_for_any_cell(make):
    torch.manual_seed(0)
    encoder = Recurrent(3, cell=make, width=4, zoneout=0.5)
    inputs, lengths = batch([4, 2], 3, dtype=torch.float32)
    encoder(inputs, lengths).sum().backward()
    with torch.no_grad():
        assert not torch.equal(encoder(inputs, lengths), encoder(inputs, lengths))
        encoder.eval()
        assert torch.equal(encoder(inputs, lengths), encoder(inputs, lengths))


NOISY = {
    "dropout": {"dropout": 0.5},
    "state_dropout": {"state_dropout": 0.5},
    "output_dropout": {"output_dropout": 0.5},
    "weight_dropout": {"weight_dropout": 0.5},
    "zoneout": {"zoneout": 0.5},
    "zoneout of each": {"zoneout": (0.5, 0.1)},
    "word_dropout": {"word_dropout": 0.5},
    "all": {
        "dropout": 0.2,
        "state_dropout": 0.2,
        "output_dropout": 0.2,
        "weight_dropout": 0.2,
        "zoneout": (0.2, 0.1),
        "word_dropout": 0.2,
        "window": 3,
        "tbptt": 2,
    },
}
each_noise = pytest.mark.parametrize("noise", NOISY.values(), ids=NOISY)


def encode(encoder, *data, seed):
    torch.manual_seed(seed)
    with torch.no_grad():
        return encoder(*data)


@each_noise
def test_noise_of_training_is_that_of_the_seed(noise):
    encoder = Recurrent(3, cell=LSTM, width=8, depth=2, **noise)
    data = batch([6, 0, 5], 3, dtype=torch.float32)
    assert torch.equal(encode(encoder, *data, seed=1), encode(encoder, *data, seed=1))
    assert not torch.equal(encode(encoder, *data, seed=1), encode(encoder, *data, seed=2))


@each_noise
def test_evaluation_draws_nothing(noise):
    encoder = Recurrent(3, cell=LSTM, width=8, depth=2, **noise).eval()
    data = batch([6, 0, 5], 3, dtype=torch.float32)
    before = torch.get_rng_state()
    encoder(*data)
    assert torch.equal(torch.get_rng_state(), before)
    if "zoneout" not in noise:
        quiet = Recurrent(3, cell=LSTM, width=8, depth=2, window=noise.get("window")).eval()
        quiet.load_state_dict(encoder.state_dict())
        assert torch.equal(encoder(*data), quiet(*data))


@each_noise
@pytest.mark.parametrize("engine", ENGINES)
def test_encoders_noise_does_not_depend_on_the_engine(noise, engine):
    torch.manual_seed(0)
    plain = Recurrent(3, cell=LSTM, width=8, depth=2, engine="plain", **noise)
    other = Recurrent(3, cell=LSTM, width=8, depth=2, engine=engine, **noise)
    other.load_state_dict(plain.state_dict())
    data = batch([6, 0, 5], 3, dtype=torch.float32)
    found, wanted = encode(other, *data, seed=1), encode(plain, *data, seed=1)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)


def test_zoneout_at_evaluation_is_the_mean_of_what_is_kept():
    cell = stirred(RNN, 3, 4)
    encoder = Recurrent(3, cell=lambda *_: cell, width=4, bidirectional=False, zoneout=0.25).eval()
    inputs, lengths = batch([3], 3)
    hidden, expected = torch.zeros(1, 4, dtype=torch.float64), []
    for row in inputs.split(1):
        hidden = 0.25 * hidden + 0.75 * cell(row, (hidden,))[0]
        expected.append(hidden)
    torch.testing.assert_close(encoder(inputs, lengths), torch.cat(expected))


def test_state_dropout_is_one_mask_for_a_sequence_and_its_windows():
    encoder = Recurrent(3, cell=LSTM, width=64, bidirectional=False, window=2, state_dropout=0.5)
    inputs, lengths = batch([5, 2], 3, dtype=torch.float32)
    (cell,) = encoder.layers[0]
    noise = encoder._noise(cell, inputs, torch.tensor([3, 1]), training=True)
    assert torch.equal(noise.hidden[0], noise.hidden[1])
    assert torch.equal(noise.hidden[0], noise.hidden[2])
    assert not torch.equal(noise.hidden[0], noise.hidden[3])
    assert set(noise.hidden.flatten().tolist()) == {0.0, 2.0}
    assert encoder(inputs, lengths).shape == (7, 64)


def test_weight_dropout_leaves_the_weights_as_they_are():
    encoder = Recurrent(3, cell=LSTM, width=8, weight_dropout=0.5)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    encoder(*batch([3, 2], 3, dtype=torch.float32)).sum().backward()
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())
    # What's dropped isn't learnt from.
    assert all((cell.recurrent_weight.grad == 0).sum() >= 8 for cell in encoder.layers[0])


@pytest.mark.parametrize("shares", [(0.1, 0.1, 0.1), (), (0.1,) * 4])
def test_zoneout_of_another_count_of_states_is_refused(shares):
    with pytest.raises(ConfigError, match=rf"`zoneout` has {len(shares)} shares, and LSTM has 2"):
        Recurrent(3, cell=LSTM, width=4, zoneout=shares)


@pytest.mark.parametrize("setting", ["state_dropout", "weight_dropout"])
def test_noise_in_products_needs_a_gated_cell(setting):
    with pytest.raises(ConfigError, match=rf"`{setting}`.*ResetBeforeGRU is none"):
        Recurrent(3, cell=ResetBeforeGRU, width=4, **{setting: 0.1})


@pytest.mark.parametrize("share", [-0.1, 1.0, 1.5, float("nan")])
@pytest.mark.parametrize(
    "setting",
    ["dropout", "state_dropout", "output_dropout", "weight_dropout", "word_dropout", "zoneout"],
)
def test_share_outside_its_bounds_is_refused(setting, share):
    with pytest.raises(ConfigError, match=f"`{setting}"):
        Recurrent(3, cell=LSTM, width=4, **{setting: share})

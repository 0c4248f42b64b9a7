"""The recurrent encoder does with layers, directions and windows what it says."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from unroll_cases import FEW, LENGTHS, batch

from seqpipe.errors import ConfigError
from seqpipe.parts.cells import LSTM
from seqpipe.parts.encoders import Recurrent, unroll_plain


@pytest.mark.parametrize("make", FEW.values(), ids=FEW)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_layers_and_directions_unroll_their_cells(make, bidirectional):
    torch.manual_seed(0)
    encoder = Recurrent(3, cell=make, width=4, depth=3, bidirectional=bidirectional).double()
    inputs, lengths = batch([5, 0, 3], 3)
    outputs = inputs
    for layer in encoder.layers:
        assert len(layer) == 1 + bidirectional
        directions = [
            unroll_plain(cell, outputs, lengths, reverse=bool(i))[0] for i, cell in enumerate(layer)
        ]
        outputs = torch.cat(directions, dim=1)
    torch.testing.assert_close(encoder(inputs, lengths), outputs)


def test_dropout_is_the_same_at_every_step_and_off_in_evaluation():
    encoder = Recurrent(64, cell=LSTM, width=2, dropout=0.5)
    inputs, lengths = torch.ones(5, 64), torch.tensor([2, 3])
    dropped = encoder._drop_dimensions(inputs, lengths, 0.5)
    assert torch.equal(dropped[0], dropped[1]) and torch.equal(dropped[2], dropped[4])
    assert not torch.equal(dropped[0], dropped[2])
    assert set(dropped.flatten().tolist()) == {0.0, 2.0}
    encoder.eval()
    assert torch.equal(encoder._drop_dimensions(inputs, lengths, 0.5), inputs)
    assert torch.equal(encoder(inputs, lengths), encoder(inputs, lengths))


def test_dropout_is_drawn_for_each_layer_and_output_dropout_for_the_last_only():
    encoder = Recurrent(3, cell=LSTM, width=64, depth=2, output_dropout=0.5)
    inputs, lengths = batch([4, 3], 3, dtype=torch.float32)
    outputs = encoder(inputs, lengths)
    gone = outputs == 0
    assert (gone[0] == gone[3]).all() and not (gone[0] == gone[4]).all()
    assert 10 < gone[0].sum() < 54
    encoder.output_dropout = 0.0
    assert not (encoder(inputs, lengths) == 0).any()


def test_word_dropout_drops_whole_words_in_training_only():
    encoder = Recurrent(8, cell=LSTM, width=2, word_dropout=0.5)
    dropped = encoder._drop_words(torch.ones(200, 8))
    assert set(dropped.sum(1).tolist()) == {0.0, 8.0}
    encoder.eval()
    assert torch.equal(encoder._drop_words(torch.ones(200, 8)), torch.ones(200, 8))


@given(lengths=LENGTHS, window=st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_window_reads_each_piece_as_a_sequence_of_its_own(lengths, window):
    encoder = Recurrent(3, cell=LSTM, width=4, window=window).double().eval()
    whole = Recurrent(3, cell=LSTM, width=4).double().eval()
    whole.load_state_dict(encoder.state_dict())
    inputs, counts = batch(lengths, 3)
    pieces = [p for x in inputs.split(lengths) if len(x) for p in x.split(window)]
    expected = [whole(piece, torch.tensor([len(piece)])) for piece in pieces]
    torch.testing.assert_close(
        encoder(inputs, counts), torch.cat([*expected, inputs.new_zeros(0, 4)])
    )


def test_residual_adds_a_linear_map_of_the_input():
    encoder = Recurrent(3, cell=LSTM, width=4, residual=True).eval()
    inputs, lengths = batch([2, 3], 3, dtype=torch.float32)
    added = encoder(inputs, lengths) - inputs @ encoder.shortcut.weight.T
    encoder.shortcut = None
    torch.testing.assert_close(added, encoder(inputs, lengths))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("residual", [False, True])
def test_words_that_occur_again_are_encoded_as_words_of_their_own(residual, training):
    encoder = Recurrent(3, cell=LSTM, width=4, depth=2, residual=residual).train(training)
    words, _ = batch([3], 3, dtype=torch.float32)
    places, lengths = torch.tensor([2, 0, 0, 1, 2, 0]), torch.tensor([4, 0, 2])
    again = encoder(words, lengths, places)
    torch.testing.assert_close(again, encoder(words[places], lengths), rtol=0, atol=1e-6)


@given(lengths=LENGTHS, seed=st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_order_of_a_batch_does_not_matter(lengths, seed):
    torch.manual_seed(0)
    encoder = Recurrent(3, cell=LSTM, width=4, depth=2).eval()
    inputs, counts = batch(lengths, 3, dtype=torch.float32)
    sequences = inputs.split(lengths)
    order = torch.randperm(len(lengths), generator=torch.Generator().manual_seed(seed)).tolist()
    shuffled = encoder(torch.cat([sequences[i] for i in order]), counts[order])
    expected = torch.cat([encoder(inputs, counts).split(lengths)[i] for i in order])
    torch.testing.assert_close(shuffled, expected, rtol=0, atol=1e-6)


def test_training_learns_to_say_the_first_word_at_the_end():
    torch.manual_seed(0)
    encoder = Recurrent(2, cell=LSTM, width=8, bidirectional=False)
    head = nn.Linear(8, 1)
    optimizer = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=0.02)
    lengths = torch.randint(2, 8, (32,))
    ends = lengths.cumsum(0) - 1
    inputs = torch.randn(int(lengths.sum()), 2)
    wanted = (inputs[ends - lengths + 1, 0] > 0).float()
    for _ in range(150):
        optimizer.zero_grad()
        guess = head(encoder(inputs, lengths)[ends]).squeeze(1)
        loss = nn.functional.binary_cross_entropy_with_logits(guess, wanted)
        loss.backward()
        optimizer.step()
    assert loss < 0.05


def test_copy_does_not_share_weights():
    encoder = Recurrent(3, cell=LSTM, width=4)
    inputs, lengths = batch([2, 3], 3, dtype=torch.float32)
    before = encoder(inputs, lengths)
    other = copy.deepcopy(encoder)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    assert torch.equal(encoder(inputs, lengths), before)
    assert not other(inputs, lengths).any()


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"width": 0}, "width"),
        ({"width": 7}, "width"),
        ({"depth": 0}, "depth"),
        ({"window": 0}, "window"),
        ({"tbptt": 0}, "tbptt"),
        ({"step_clip": 0.0}, "step_clip"),
        ({"step_clip": -1.0}, "step_clip"),
        ({"dropout": 1.0}, "dropout"),
        ({"engine": "vendor"}, "engine"),
    ],
    ids=str,
)
def test_impossible_settings_are_refused_by_name(settings, named):
    with pytest.raises(ConfigError, match=f"`{named}`"):
        Recurrent(3, cell=LSTM, **settings)


def test_odd_width_is_fine_in_one_direction():
    assert Recurrent(3, cell=LSTM, width=7, bidirectional=False).width == 7


def test_many_sequences_run_some_at_a_time_have_the_same_outputs(monkeypatch):
    encoder = Recurrent(3, width=4, window=2, residual=True).eval()
    words, places = torch.randn(3, 3), torch.tensor([2, 0, 0, 1, 2, 0, 1])
    lengths = torch.tensor([4, 0, 2, 1])
    with torch.no_grad():
        whole = encoder(words, lengths, places)
        monkeypatch.setattr("seqpipe.parts.recurrence._unroll._MAX_ROWS", 4)
        monkeypatch.setattr("seqpipe.parts.recurrence._unroll._MIN_SEQUENCES", 1)
        monkeypatch.setattr("seqpipe.parts.encoders._recurrent._ROWS", 2)
        torch.testing.assert_close(encoder(words, lengths, places), whole, rtol=0, atol=1e-6)

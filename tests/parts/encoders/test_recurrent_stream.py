"""A sequence that comes in pieces is encoded as if it had come at once, in memory that doesn't grow."""

import weakref

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from unroll_cases import CELLS, batch

from seqpipe.errors import ConfigError
from seqpipe.parts.cells import GRU, LSTM, LayerNormLSTM, ResetBeforeGRU
from seqpipe.parts.encoders import Recurrent

STREAMED = {**CELLS, "ResetBeforeGRU": ResetBeforeGRU, "LayerNormLSTM": LayerNormLSTM}


def whole_and_pieces(encoder, sizes):
    inputs, lengths = batch([sum(sizes)], encoder.input_width)
    with torch.no_grad():
        whole = encoder(inputs, lengths)
    pieces = list(encoder.stream(inputs.split(sizes)))
    assert [len(piece) for piece in pieces] == sizes
    return whole, torch.cat(pieces)


@pytest.mark.parametrize("engine", [None, "plain"])
@pytest.mark.parametrize("make", STREAMED.values(), ids=STREAMED)
@given(sizes=st.lists(st.integers(0, 5), min_size=1, max_size=6))
@settings(max_examples=5, deadline=None)
def test_pieces_of_any_size_give_what_the_whole_gives(make, engine, sizes):
    torch.manual_seed(0)
    settings = {"bidirectional": False, "depth": 2, "residual": True, "engine": engine}
    encoder = Recurrent(3, cell=make, width=4, **settings).double().eval()
    whole, pieces = whole_and_pieces(encoder, sizes)
    torch.testing.assert_close(pieces, whole, rtol=0, atol=1e-12)


def test_zoneout_keeps_its_mean_in_a_stream():
    encoder = Recurrent(3, cell=LSTM, width=4, bidirectional=False, zoneout=(0.3, 0.1))
    whole, pieces = whole_and_pieces(encoder.double().eval(), [2, 3, 1])
    torch.testing.assert_close(pieces, whole, rtol=0, atol=1e-12)


def test_two_streams_do_not_interfere():
    encoder = Recurrent(3, cell=GRU, width=4, bidirectional=False).double().eval()
    first, second = batch([6], 3, seed=1)[0], batch([6], 3, seed=2)[0]
    alone = list(encoder.stream(first.split(2))), list(encoder.stream(second.split(2)))
    streams = encoder.stream(first.split(2)), encoder.stream(second.split(2))
    together = list(zip(*streams, strict=True))
    for i, outputs in enumerate(together):
        assert torch.equal(outputs[0], alone[0][i]) and torch.equal(outputs[1], alone[1][i])


def test_nothing_of_a_piece_is_kept():
    encoder = Recurrent(3, cell=LSTM, width=4, depth=2, bidirectional=False, residual=True).eval()
    alive: list[weakref.ref[torch.Tensor]] = []
    most = 0

    def chunks():
        nonlocal most
        for _ in range(6):
            most = max(most, sum(each() is not None for each in alive))
            chunk = torch.randn(8, 3)
            alive.append(weakref.ref(chunk))
            yield chunk
            del chunk

    for outputs in encoder.stream(chunks()):
        assert not outputs.requires_grad
        alive.append(weakref.ref(outputs))
        del outputs
    # The last piece and its outputs.
    assert most <= 4


def test_stream_that_is_left_early_asks_for_no_more():
    asked = []

    def chunks():
        for i in range(10):
            asked.append(i)
            yield torch.randn(2, 3)

    encoder = Recurrent(3, cell=LSTM, width=4, bidirectional=False).eval()
    next(encoder.stream(chunks()))
    assert asked == [0]


@pytest.mark.parametrize(
    "settings", [{"bidirectional": True}, {"bidirectional": False, "window": 4}], ids=str
)
def test_encoder_that_must_see_the_end_refuses(settings):
    encoder = Recurrent(3, cell=LSTM, width=4, **settings)
    with pytest.raises(ConfigError, match="piece by piece"):
        list(encoder.stream([torch.randn(2, 3)]))


def test_no_pieces_give_nothing():
    encoder = Recurrent(3, cell=LSTM, width=4, bidirectional=False)
    assert list(encoder.stream([])) == []

"""Training is that of a loop written by hand with torch's own modules, from the same weights."""

import math

import pytest
import torch
from torch import nn

from seqpipe.parts.language_models import (
    Encoded,
    Fitting,
    LanguageModel,
    Streams,
    Window,
    fit,
    join,
    measure,
)
from seqpipe.parts.language_models._stream import cut

SIZE, WIDTH, STEPS, STREAMS = 11, 8, 5, 3


def texts():
    drawn = torch.Generator().manual_seed(3)
    numbers = torch.randint(1, SIZE, (9, 13), generator=drawn).tolist()
    return [Encoded(units, len(units) + 1) for units in numbers]


class Reference(nn.Module):
    """nn.LSTM between an embedding and a linear layer, with a language model's weights."""

    def __init__(self, model):
        super().__init__()
        self.embedding = nn.Embedding(SIZE, WIDTH)
        self.lstm = nn.LSTM(WIDTH, WIDTH, batch_first=True)
        self.output = nn.Linear(WIDTH, SIZE)
        (cell,) = model.layers
        with torch.no_grad():
            self.embedding.weight.copy_(model.embedding.weight)
            self.lstm.weight_ih_l0.copy_(cell.input_weight)
            self.lstm.weight_hh_l0.copy_(cell.recurrent_weight)
            self.lstm.bias_ih_l0.copy_(cell.bias)
            self.lstm.bias_hh_l0.zero_()
            self.output.bias.copy_(model.output.bias)
        self.lstm.bias_hh_l0.requires_grad_(False)
        self.output.weight = self.embedding.weight


def losses_by_hand(model, *, epochs, rate):
    """Return the loss of each step of a plain loop over the same stream."""
    reference = Reference(model)
    groups = [
        {"params": [p for p in reference.parameters() if p.ndim > 1], "weight_decay": 0.01},
        {"params": [p for p in reference.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99))
    stream = [0]
    for text in texts():
        stream += [*text.units, 0]
    length = (len(stream) - 1) // STREAMS
    rows = [stream[i * length : (i + 1) * length + 1] for i in range(STREAMS)]
    found, total, number = [], epochs * math.ceil(length / STEPS), 0
    for _ in range(epochs):
        state = None
        for start in range(0, length, STEPS):
            piece = torch.tensor([row[start : min(start + STEPS, length) + 1] for row in rows])
            outputs, state = reference.lstm(reference.embedding(piece[:, :-1]), state)
            state = tuple(each.detach() for each in state)
            scores = reference.output(outputs).flatten(0, 1)
            loss = nn.functional.cross_entropy(scores, piece[:, 1:].flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(reference.parameters(), 1.0)
            optimizer.param_groups[0]["lr"] = optimizer.param_groups[1]["lr"] = rate * (
                1 - (number + 0.5) / total
            )
            optimizer.step()
            number += 1
            found.append(loss.item())
    return found


def test_losses_are_those_of_a_plain_loop_with_torchs_lstm():
    torch.manual_seed(0)
    model = LanguageModel(SIZE, width=WIDTH, dropout=0.0)
    nn.init.normal_(model.output.bias)
    expected = losses_by_hand(model, epochs=2, rate=0.01)
    fitting = Fitting(
        sequence_length=STEPS,
        batch_size=STREAMS,
        epochs=2,
        fresh_starts=0.0,
        learn_rate=0.01,
        warmup=0.0,
    )
    found = [step.loss for step in fit(model, texts(), [], fitting)]
    assert len(found) == 18
    torch.testing.assert_close(torch.tensor(found), torch.tensor(expected), atol=1e-4, rtol=1e-4)


def test_streams_lie_side_by_side_and_each_target_is_the_next_unit():
    stream = join([[5, 6, 7], [], [8, 9]])
    assert stream.tolist() == [0, 5, 6, 7, 0, 0, 8, 9, 0]
    first, second = Streams(stream, count=2, steps=3)
    assert first.units.view(2, 3).tolist() == [[0, 5, 6], [0, 0, 8]]
    assert first.targets.view(2, 3).tolist() == [[5, 6, 7], [0, 8, 9]]
    assert second.units.view(2, 1).tolist() == [[7], [9]]
    assert second.targets.tolist() == [0, 0] and second.lengths.tolist() == [1, 1]


def test_texts_that_begin_afresh_cut_a_window():
    window = Window(torch.tensor([5, 0, 6, 7, 0, 8, 9, 5]), torch.zeros(8), torch.tensor([4, 4]))
    pieces = cut(window, 1.0)
    assert pieces.lengths.tolist() == [1, 3, 4] and pieces.streams.tolist() == [0, 0, 1]
    assert pieces.carried.tolist() == [True, False, False] and pieces.last.tolist() == [1, 2]
    assert cut(window, 0.0) is None
    torch.manual_seed(0)
    drawn = [cut(window, 0.5) for _ in range(200)]
    assert 20 < sum(each is None for each in drawn) < 80


@pytest.mark.parametrize("layers", [1, 2])
def test_with_fresh_starts_alone_each_text_costs_what_it_does_by_itself(layers):
    torch.manual_seed(0)
    model = LanguageModel(SIZE, width=WIDTH, layers=layers, dropout=0.0)
    nn.init.normal_(model.embedding.weight)
    fitting = Fitting(
        sequence_length=STEPS, batch_size=1, epochs=1, fresh_starts=1.0, learn_rate=0.0
    )
    steps = list(fit(model, texts(), [], fitting))
    nats = sum(step.loss * step.units for step in steps)
    assert nats == pytest.approx(measure(model, texts()).loss * sum(s.units for s in steps))


@pytest.mark.parametrize("count", [1, 3, 8, 100])
def test_few_units_make_few_streams(count):
    stream = torch.arange(9)
    units = torch.cat([window.units for window in Streams(stream, count=count, steps=100)])
    assert len(units) == 8 // min(count, 8) * min(count, 8)


def test_time_limit_ends_the_training_and_lowers_the_rate_towards_it():
    ticks = iter(range(10_000))
    model = LanguageModel(SIZE, width=4)
    fitting = Fitting(sequence_length=2, batch_size=1, epochs=10**6, seconds=40.0)
    steps = list(fit(model, texts(), [], fitting, clock=lambda: float(next(ticks))))
    assert steps[-1].fraction == 1 and len(steps) == 20
    assert sum(step.is_best for step in steps) == fitting.evaluations

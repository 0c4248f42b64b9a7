"""Limits of what goes back: clipped gradients, truncated backpropagation, windows without gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from unroll_cases import (
    CELLS,
    ENGINES,
    FEW,
    LENGTHS,
    assert_equals_plain,
    assert_same,
    batch,
    everything,
    states,
    stirred,
)

from seqpipe.parts.cells import LSTM, RNN, ResetBeforeGRU
from seqpipe.parts.encoders import Recurrent, unroll, unroll_plain
from seqpipe.parts.recurrence import _unroll

each_cell = pytest.mark.parametrize("make", CELLS.values(), ids=CELLS)
each_few = pytest.mark.parametrize("make", FEW.values(), ids=FEW)
each_engine = pytest.mark.parametrize("engine", ENGINES)
any_engine = pytest.mark.parametrize("engine", ["plain", *ENGINES])


@each_engine
@each_cell
@given(lengths=LENGTHS, clip=st.sampled_from([1e-3, 0.1, 1.0]), reverse=st.booleans())
@settings(max_examples=8, deadline=None)
def test_clipped_gradients_equal_those_of_the_plain_loop(make, engine, lengths, clip, reverse):
    assert_equals_plain(make, (3, 9), lengths, 1e-10, engine=engine, clip=clip, reverse=reverse)


@any_engine
def test_clip_bounds_what_goes_from_step_to_step(engine):
    cell = RNN(1, 1, activation="relu").double()
    for parameter, value in zip(cell.parameters(), (1.0, 3.0, 0.0), strict=True):
        torch.nn.init.constant_(parameter, value)
    inputs = torch.ones(3, 1, dtype=torch.float64, requires_grad=True)
    first = torch.zeros(1, 1, dtype=torch.float64, requires_grad=True)
    _, (last,) = unroll(cell, inputs, torch.tensor([3]), state=(first,), clip=2.0, engine=engine)
    last.sum().backward()
    # The last step's is 1; what would be 3 and 6 behind it is 2; no step lies before the first.
    assert inputs.grad.flatten().tolist() == [2, 2, 1]
    assert first.grad.item() == 6


@any_engine
def test_wide_clip_changes_nothing(engine):
    cell = stirred(LSTM, 3, 4)
    inputs, lengths = batch([4, 2], 3)
    first = states(cell, 2)
    free = everything(unroll, cell, inputs, lengths, first, engine=engine)
    assert_same(everything(unroll, cell, inputs, lengths, first, engine=engine, clip=1e9), free, 0)


def by_hand(cell, inputs, lengths, *, steps, state, reverse=False, clip=None):
    """Unroll sequence by sequence, and forget where the state came from after each window."""
    outputs, ended = [], []
    for i, sequence in enumerate(inputs.split(lengths.tolist())):
        now = tuple(each[i : i + 1] for each in state)
        rows = sequence.flip(0) if reverse else sequence
        done = []
        for start in range(0, len(rows), steps):
            part = rows[start : start + steps]
            given = tuple(each.detach() for each in now) if start else now
            output, now = unroll_plain(
                cell, part, torch.tensor([len(part)]), state=given, clip=clip
            )
            done.append(output)
        whole = torch.cat([*done, inputs.new_zeros(0, cell.width)])
        outputs.append(whole.flip(0) if reverse else whole)
        ended.append(now)
    return torch.cat(outputs), tuple(map(torch.cat, zip(*ended, strict=True)))


@any_engine
@each_few
@given(lengths=LENGTHS, steps=st.integers(1, 4), reverse=st.booleans())
@settings(max_examples=10, deadline=None)
def test_truncated_gradients_equal_those_of_a_loop_that_forgets(
    make, engine, lengths, steps, reverse
):
    cell = stirred(make, 3, 4)
    inputs, counts = batch(lengths, 3)
    first = states(cell, len(lengths))
    options = {"reverse": reverse}
    wanted = everything(by_hand, cell, inputs, counts, first, steps=steps, **options)
    found = everything(unroll, cell, inputs, counts, first, tbptt=steps, engine=engine, **options)
    assert_same(found, wanted, 1e-10)


@any_engine
@each_few
def test_truncation_and_clip_go_together(make, engine):
    cell = stirred(make, 3, 4)
    inputs, lengths = batch([7, 3, 0, 5], 3)
    first = states(cell, 4)
    wanted = everything(by_hand, cell, inputs, lengths, first, steps=3, clip=0.05)
    found = everything(unroll, cell, inputs, lengths, first, tbptt=3, clip=0.05, engine=engine)
    assert_same(found, wanted, 1e-10)


@any_engine
@pytest.mark.parametrize("steps", [6, 100])
def test_truncation_beyond_the_longest_sequence_changes_nothing(engine, steps):
    cell = stirred(LSTM, 3, 4)
    inputs, lengths = batch([6, 2], 3)
    first = states(cell, 2)
    whole = everything(unroll, cell, inputs, lengths, first, engine=engine)
    cut = everything(unroll, cell, inputs, lengths, first, engine=engine, tbptt=steps)
    assert_same(cut, whole, 0)


def test_truncation_is_for_any_cell():
    cell = stirred(ResetBeforeGRU, 3, 4)
    inputs, lengths = batch([7, 3], 3)
    first = states(cell, 2)
    wanted = everything(by_hand, cell, inputs, lengths, first, steps=3)
    found = everything(unroll, cell, inputs, lengths, first, tbptt=3)
    assert_same(found, wanted, 1e-10)


def kept_bytes(run):
    """Return how many bytes a graph keeps for the backward pass, each tensor's memory once."""
    memory = {}

    def note(tensor):
        memory[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = run()
    del result
    return sum(memory.values())


@any_engine
def test_truncation_keeps_only_what_goes_in_and_comes_out(engine):
    cell = stirred(LSTM, 2, 16, dtype=torch.float32)
    row = 4 * (cell.input_width + cell.width)

    def kept(length, tbptt):
        inputs, lengths = batch([length], 2, dtype=torch.float32)
        inputs.requires_grad_()
        return kept_bytes(lambda: unroll(cell, inputs, lengths, tbptt=tbptt, engine=engine))

    grown = (kept(400, 10) - kept(200, 10)) / 200
    whole = (kept(400, None) - kept(200, None)) / 200
    # A few numbers per row beside it: what's needed to put the windows' rows in order.
    assert grown <= row + 64
    assert whole > 3 * grown


@any_engine
def test_truncated_recurrence_in_the_encoder(engine):
    torch.manual_seed(0)
    encoder = Recurrent(
        3, cell=LSTM, width=8, depth=2, tbptt=3, step_clip=0.1, engine=engine
    ).double()
    inputs, lengths = batch([7, 2, 0, 4], 3)
    encoder(inputs, lengths).square().sum().backward()
    found = [p.grad for p in encoder.parameters()]
    encoder.zero_grad()
    outputs = inputs
    for layer in encoder.layers:
        outputs = torch.cat(
            [
                by_hand(
                    cell,
                    outputs,
                    lengths,
                    steps=3,
                    state=cell.initial_state(4, outputs),
                    reverse=bool(i),
                    clip=0.1,
                )[0]
                for i, cell in enumerate(layer)
            ],
            dim=1,
        )
    outputs.square().sum().backward()
    torch.testing.assert_close(
        found, [p.grad for p in encoder.parameters()], rtol=1e-10, atol=1e-10
    )


@any_engine
@pytest.mark.parametrize("reverse", [False, True])
@each_few
def test_windows_without_gradients_equal_the_whole(make, reverse, engine, monkeypatch):
    cell = stirred(make, 3, 4)
    inputs, lengths = batch([9, 0, 4, 13], 3)
    first = states(cell, 4)
    options = {"state": first, "reverse": reverse, "engine": engine}
    with torch.no_grad():
        whole = unroll(cell, inputs, lengths, **options)
        for rows in (1, 8, 17):
            monkeypatch.setattr(_unroll, "_MAX_ROWS", rows)
            cut = unroll(cell, inputs, lengths, **options)
            torch.testing.assert_close(cut, whole, rtol=0, atol=1e-12)


@any_engine
@pytest.mark.parametrize("with_state", [False, True])
@each_few
def test_groups_of_sequences_without_gradients_equal_the_whole(
    make, with_state, engine, monkeypatch
):
    cell = stirred(make, 3, 4)
    inputs, lengths = batch([0, 2, 0, 3, 3, 1, 0], 3)
    options = {"state": states(cell, 7) if with_state else None, "engine": engine, "reverse": True}
    with torch.no_grad():
        whole = unroll(cell, inputs, lengths, **options)
        monkeypatch.setattr(_unroll, "_MIN_SEQUENCES", 1)
        for rows in (4, 6):
            monkeypatch.setattr(_unroll, "_MAX_ROWS", rows)
            cut = unroll(cell, inputs, lengths, **options)
            torch.testing.assert_close(cut, whole, rtol=0, atol=1e-12)


@any_engine
@pytest.mark.parametrize("most_rows", [2, 2**16])
@each_few
def test_rows_that_steps_share_equal_rows_of_their_own(make, most_rows, engine, monkeypatch):
    cell = stirred(make, 3, 4)
    inputs, lengths = batch([4], 3)[0], torch.tensor([5, 0, 1, 3])
    places = torch.tensor([3, 0, 0, 2, 3, 3, 1, 0, 2])
    first = states(cell, 4)
    monkeypatch.setattr(_unroll, "_MAX_ROWS", most_rows)

    def run(inputs, **options):
        return unroll(cell, inputs, lengths, state=first, engine=engine, **options)

    with torch.no_grad():
        shared, own = run(inputs, places=places), run(inputs[places])
    torch.testing.assert_close(shared, own, rtol=0, atol=1e-12)
    learning = inputs.clone().requires_grad_()
    run(learning, places=places)[0].square().sum().backward()
    expected = inputs.clone().requires_grad_()
    run(expected[places])[0].square().sum().backward()
    torch.testing.assert_close(learning.grad, expected.grad, rtol=0, atol=1e-12)


@any_engine
def test_gradient_mode_does_not_change_results(engine):
    cell = stirred(LSTM, 3, 4, dtype=torch.float32)
    inputs, lengths = batch([5, 3], 3, dtype=torch.float32)
    learning = unroll(cell, inputs, lengths, engine=engine)
    with torch.no_grad():
        frozen = unroll(cell, inputs, lengths, engine=engine)
    with torch.inference_mode():
        fast = unroll(cell, inputs, lengths, engine=engine)
    torch.testing.assert_close(learning, frozen, rtol=0, atol=1e-7)
    torch.testing.assert_close(frozen, fast, rtol=0, atol=1e-7)
    assert learning[0].requires_grad and not frozen[0].requires_grad

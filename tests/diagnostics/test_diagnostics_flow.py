"""Norms of gradients through time equal those of explicit Jacobians."""

import numpy as np
import pytest
import torch
from diagnostics.diagnostics_examples import Forgetful, Linear, Plain, batch

from seqpipe.diagnostics import gradient_flow
from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.cells import GRU, LSTM, RNN, PeepholeLSTM

CELLS = [RNN, LSTM, PeepholeLSTM, GRU, Plain]


def random_cell(make, width=4):
    torch.manual_seed(0)
    cell = make(3, width).double()
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter)
    return cell


def jacobian(cell, sequence, distance):
    """Return ∂h/∂s of the last output and all states `distance` steps before, by unrolling: `[n, S]`."""
    cell.eval()
    state = cell.initial_state(1, sequence)
    early, late = sequence[: len(sequence) - distance], sequence[len(sequence) - distance :]
    for row in early:
        _, state = cell(row[None], state)
    widths = [s.shape[1] for s in state]

    def last_output(flat):
        now = tuple(flat[None].split(widths, dim=1))
        for row in late:
            output, now = cell(row[None], now)
        return output[0]

    flat = torch.cat(state, dim=1)[0].detach()
    return torch.autograd.functional.jacobian(last_output, flat)


@pytest.mark.parametrize("make", CELLS)
def test_largest_equals_the_spectral_norm_of_the_jacobian(make):
    cell = random_cell(make)
    inputs, lengths = batch(cell, 5, 0, 7)
    flow = gradient_flow(cell, inputs, lengths, distances=[7, 1, 3, 5])
    assert flow.distances.tolist() == [1, 3, 5, 7]
    for b, sequence in enumerate(inputs.split(lengths.tolist())):
        for d, distance in enumerate(flow.distances):
            if distance > len(sequence):
                assert np.isnan(flow.norms[b, d])
                continue
            expected = torch.linalg.matrix_norm(jacobian(cell, sequence, distance), ord=2)
            assert flow.norms[b, d] == pytest.approx(float(expected), rel=1e-9)


@pytest.mark.parametrize("make", CELLS)
def test_direction_of_a_gradient_equals_its_product_with_the_jacobian(make):
    cell = random_cell(make)
    inputs, lengths = batch(cell, 6, 4)
    gradient = torch.randn(2, 4, dtype=torch.float64)
    flow = gradient_flow(cell, inputs, lengths, distances=[1, 4], direction=1e-200 * gradient)
    for b, sequence in enumerate(inputs.split(lengths.tolist())):
        for d, distance in enumerate(flow.distances):
            product = gradient[b] / gradient[b].norm() @ jacobian(cell, sequence, distance)
            assert flow.norms[b, d] == pytest.approx(float(product.norm()), rel=1e-9)


def linear(scale, width=8):
    torch.manual_seed(0)
    cell = Linear(3, width)
    cell.recurrent_weight.data *= scale
    return cell


@pytest.mark.parametrize("direction", ["largest", "random"])
@pytest.mark.parametrize("scale", [1.0, 0.25, 1.5])
def test_orthogonal_weights_scaled_give_a_power_of_the_scale(direction, scale):
    cell = linear(scale)
    flow = gradient_flow(cell, *batch(cell, 150, 100), direction=direction)
    expected = np.where(np.isnan(flow.norms), np.nan, scale**flow.distances)
    np.testing.assert_allclose(flow.norms, expected, rtol=1e-3)


def test_norms_reach_below_and_above_what_float32_holds():
    for scale, expected in ((0.25, 0.25**150), (4.0, 4.0**150)):
        cell = linear(scale)
        inputs = torch.zeros(150, 3)
        flow = gradient_flow(cell, inputs, torch.tensor([150]), distances=[150])
        assert flow.norms[0, 0] == pytest.approx(expected, rel=1e-3)


def test_largest_bounds_the_random_directions():
    cell = random_cell(LSTM)
    inputs, lengths = batch(cell, 12, 12)
    largest = gradient_flow(cell, inputs, lengths)
    first, second = (
        gradient_flow(cell, inputs, lengths, direction="random", seed=seed) for seed in (0, 1)
    )
    assert (first.norms <= largest.norms * (1 + 1e-9)).all()
    assert not np.allclose(first.norms, second.norms)
    assert largest.distances.tolist() == [*range(1, 13)]


def test_default_distances_are_spread_evenly():
    cell = linear(1.0)
    flow = gradient_flow(cell, *batch(cell, 200), direction="random")
    assert len(flow.distances) == 32
    assert (flow.distances[0], flow.distances[-1]) == (1, 200)


def test_cell_without_memory_passes_nothing_back():
    cell = Forgetful(3, 4)
    assert not gradient_flow(cell, *batch(cell, 3)).norms.any()


def test_cell_is_measured_in_evaluation_mode_and_left_as_it_was():
    cell = Plain(3, 4).train()
    inputs, lengths = batch(cell, 5)
    cell.dropout.eval()
    with torch.no_grad():
        in_training = gradient_flow(cell, inputs, lengths).norms
    assert cell.training and not cell.dropout.training
    assert all(p.grad is None for p in cell.parameters())
    np.testing.assert_array_equal(in_training, gradient_flow(cell.eval(), inputs, lengths).norms)
    assert not cell.training


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"distances": []}, "is empty"),
        ({"distances": [0, 1]}, "`distances` has 0; each must be at least 1"),
        ({"distances": [1, 9]}, "has 9, but the longest sequence has 5 steps"),
        ({"direction": "smallest"}, "`direction` is 'smallest'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    cell = RNN(3, 4)
    with pytest.raises(ConfigError, match=message):
        gradient_flow(cell, *batch(cell, 5, 2), **settings)


@pytest.mark.parametrize(
    ("direction", "message"),
    [
        (torch.ones(1, 4), r"shape \(1, 4\); it needs \[2, 4\]"),
        (torch.zeros(2, 4), "zero or not finite"),
        (torch.full((2, 4), torch.nan), "zero or not finite"),
    ],
)
def test_directions_that_are_none_are_refused(direction, message):
    cell = RNN(3, 4)
    with pytest.raises(DataError, match=message):
        gradient_flow(cell, *batch(cell, 5, 2), direction=direction)


@pytest.mark.parametrize(
    ("inputs", "lengths", "message"),
    [
        (torch.zeros(0, 3), torch.tensor([0, 0]), "nothing to measure"),
        (torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64), "nothing to measure"),
        (torch.zeros(4, 2), torch.tensor([4]), r"shape \(4, 2\); the cell needs \[N, 3\]"),
        (torch.zeros(1, 4, 3), torch.tensor([4]), r"shape \(1, 4, 3\)"),
        (torch.zeros(4, 3), torch.tensor([3]), "add up to 3, but there are 4"),
        (torch.zeros(4, 3), torch.tensor([5, -1]), "none can be negative"),
        (torch.zeros(4, 3), torch.tensor([4.0]), "vector of int64"),
        (torch.tensor([[0.0] * 3, [torch.nan] * 3]), torch.tensor([2]), "infinite number in row 1"),
    ],
)
def test_batches_that_make_no_sense_are_refused(inputs, lengths, message):
    with pytest.raises(DataError, match=message):
        gradient_flow(RNN(3, 4), inputs, lengths)


def test_states_that_explode_are_refused():
    cell = linear(1e30)
    with pytest.raises(DataError, match="NaN or infinite after step 3"):
        gradient_flow(cell, *batch(cell, 5))

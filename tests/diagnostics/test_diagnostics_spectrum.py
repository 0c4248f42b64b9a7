"""Spectra equal numpy's, and follow a training."""

import numpy as np
import pytest
import torch

from seqpipe.diagnostics import SpectrumRecorder
from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.cells import LSTM, RNN


def test_spectrum_of_each_gate_equals_numpys():
    torch.manual_seed(0)
    cell = LSTM(3, 5, recurrent_init="gaussian")
    recorder = SpectrumRecorder(cell)
    recorder(0)
    spectrum = recorder.spectrum()
    assert [*spectrum.radius] == [*spectrum.singular_values] == [*cell.gates]
    for gate, weight in zip(cell.gates, cell.recurrent_weight.chunk(4), strict=True):
        matrix = weight.detach().numpy().astype(float)
        radius = np.abs(np.linalg.eigvals(matrix)).max()
        np.testing.assert_allclose(spectrum.radius[gate], [radius])
        singular = np.linalg.svd(matrix)[1]
        np.testing.assert_allclose(spectrum.singular_values[gate], [singular])


def test_recorder_follows_the_weights_at_the_steps_it_is_to_record():
    cell = RNN(3, 4)
    recorder = SpectrumRecorder(cell, every=10)
    for step in range(25):
        cell.recurrent_weight.data = (step + 1) * torch.eye(4)
        recorder(step)
    spectrum = recorder.spectrum()
    assert spectrum.steps.tolist() == [0, 10, 20]
    assert spectrum.radius["hidden"].tolist() == [1, 11, 21]
    assert spectrum.singular_values["hidden"].tolist() == [[1] * 4, [11] * 4, [21] * 4]


def test_nilpotent_matrix_has_no_radius_and_yet_singular_values():
    recorder = SpectrumRecorder({"shift": torch.tensor([[0.0, 2.0], [0.0, 0.0]])})
    recorder(1)
    assert recorder.spectrum().radius["shift"].tolist() == [0]
    assert recorder.spectrum().singular_values["shift"].tolist() == [[2, 0]]


@pytest.mark.parametrize(
    ("weights", "every", "message"),
    [
        ({}, 1, "no recurrent weights"),
        ({"U": torch.zeros(2, 3)}, 1, r"'U' has the shape \(2, 3\)"),
        ({"b": torch.zeros(2)}, 1, r"'b' has the shape \(2,\)"),
        ({"U": torch.eye(2)}, 0, "`every` is 0"),
    ],
)
def test_what_has_no_spectrum_is_refused(weights, every, message):
    with pytest.raises(ConfigError, match=message):
        SpectrumRecorder(weights, every=every)


def test_weights_that_are_not_finite_are_refused_and_not_recorded():
    weight = torch.eye(2)
    recorder = SpectrumRecorder({"U": weight})
    recorder(0)
    weight[0, 0] = torch.nan
    with pytest.raises(DataError, match="'U' has a weight that's NaN"):
        recorder(1)
    assert recorder.spectrum().steps.tolist() == [0]


def test_recorder_that_was_never_called_says_so():
    with pytest.raises(DataError, match="Nothing has been recorded"):
        SpectrumRecorder(RNN(3, 4)).spectrum()

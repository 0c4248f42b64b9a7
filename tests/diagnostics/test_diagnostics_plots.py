"""Each result can be drawn, and says what's missing where it can't."""

import sys

import pytest
from diagnostics.diagnostics_examples import batch
from matplotlib.figure import Figure

from seqpipe.diagnostics import (
    PlotError,
    SpectrumRecorder,
    gate_saturation,
    gradient_flow,
)
from seqpipe.errors import SeqpipeError
from seqpipe.parts.cells import LSTM, RNN


def flow():
    cell = RNN(3, 4)
    return gradient_flow(cell, *batch(cell, 9, 5))


def spectrum():
    recorder = SpectrumRecorder(LSTM(3, 4))
    recorder(0)
    recorder(1)
    return recorder.spectrum()


def saturation():
    cell = LSTM(3, 4)
    return gate_saturation(cell, *batch(cell, 9))


each = pytest.mark.parametrize("make", [flow, spectrum, saturation])


@each
def test_plot_makes_a_figure_that_can_be_saved(make, tmp_path, monkeypatch):
    # Another test's library may have imported it.
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    axes = make().plot()
    axes.figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert "matplotlib.pyplot" not in sys.modules


@each
def test_plot_draws_on_the_axes_it_is_given(make):
    axes = Figure().subplots()
    assert make().plot(axes) is axes
    assert axes.get_xlabel()


def test_flows_share_axes_and_a_legend():
    axes = flow().plot(label="one")
    flow().plot(axes, label="two")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["one", "two"]


@each
def test_plot_without_matplotlib_says_what_to_install(make, monkeypatch):
    result = make()
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(PlotError, match=r'pip install "seqpipe\[plot\]"') as caught:
        result.plot()
    assert isinstance(caught.value, SeqpipeError)

"""The benchmark of the adding problem: its sequences, and that it runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from adding import SERIES
from adding_task import CELLS, RATES, draw

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "adding.py"


@pytest.mark.parametrize("steps", [4, 7, 400])
def test_sequences_mark_a_value_in_each_half_and_ask_for_their_sum(steps):
    inputs, targets = draw(50, steps, torch.Generator().manual_seed(0))
    values, marks = inputs.view(50, steps, 2).unbind(2)
    assert ((values >= 0) & (values < 1)).all()
    assert ((marks == 0) | (marks == 1)).all()
    assert (marks[:, : steps // 2].sum(1) == 1).all()
    assert (marks[:, steps // 2 :].sum(1) == 1).all()
    torch.testing.assert_close(targets, (values * marks).sum(1))


def test_targets_have_the_documented_mean_and_variance():
    _, targets = draw(20000, 10, torch.Generator().manual_seed(0))
    assert targets.mean() == pytest.approx(1, abs=0.02)
    assert targets.var() == pytest.approx(1 / 6, abs=0.01)


@pytest.mark.parametrize("name", ["LSTM", "peephole LSTM"])
def test_gates_start_open_for_up_to_the_length_of_a_sequence(name):
    cell = CELLS[name](16, 400)
    forget, opening = cell.gate_bias("forget"), cell.gate_bias("input")
    assert ((forget >= 0) & (forget.exp() <= 399)).all()
    assert forget.unique().numel() > 1
    torch.testing.assert_close(opening, -forget)


@pytest.mark.slow
def test_quick_run_writes_its_figures_and_draws_them(tmp_path):
    figures, plot = tmp_path / "figures.json", tmp_path / "figure.png"
    command = [sys.executable, str(SCRIPT), "--quick", "--json", str(figures), "--plot", str(plot)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert plot.read_bytes().startswith(b"\x89PNG")
    result = json.loads(figures.read_text(encoding="utf-8"))
    assert [each["cell"] for each in result["summary"]] == [*CELLS]
    assert len(result["runs"]) == sum(map(len, RATES.values()))
    assert [each["weights"] for each in result["flow"]] == [*SERIES]
    assert all(name in done.stdout for name in CELLS)


def test_size_that_is_too_small_is_refused():
    command = [sys.executable, str(SCRIPT), "--steps", "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--steps is too small" in done.stderr

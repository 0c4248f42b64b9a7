"""The benchmark of the functions in gates: gates start alike, and the table and the plot hold what was measured."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from adding_task import Settings
from gate_functions import VARIANTS, Result, draw_figure, learn_to_add, start_alike, tabulate

FUNCTIONS = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}


def test_gates_start_equally_wide_open_whatever_their_function():
    shares = []
    for variant, (gate, _, _) in VARIANTS.items():
        torch.manual_seed(0)
        cell = start_alike(variant, 16, 60)
        bias = cell.gate_bias("output")
        assert FUNCTIONS[gate](bias).tolist() == pytest.approx([0.5] * 16)
        forget = FUNCTIONS[gate](cell.gate_bias("forget"))
        torch.testing.assert_close(1 - forget, FUNCTIONS[gate](cell.gate_bias("input")))
        assert ((forget >= 0.5) & (forget < 59 / 60 + 1e-6)).all()
        shares.append(forget)
    assert len(shares) == len(VARIANTS)


def test_variant_learns_by_the_settings_of_the_others():
    found = learn_to_add("relu gates", 0, Settings(8, 2, 4, 4, 20))
    assert found.figure is not None and found.figure > 0 and found.task == "adding"


def test_trainings_that_broke_off_are_told_and_not_drawn(tmp_path):
    name = next(iter(VARIANTS))
    results = [
        Result(name, "adding", 0, 0.25, 1.0),
        Result(name, "adding", 1, None, 1.0, "the loss isn't finite"),
        Result("relu gates", "trec", 0, None, 1.0, "the loss isn't finite"),
    ]
    lines = tabulate(results).splitlines()
    assert lines[2] == f"| {name} | 0.2500 | 0.2500 – 0.2500; 1 broke off |  |  |"
    assert "| 1 of 1 broke off |" in next(line for line in lines if "relu gates" in line)
    draw_figure(results, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 1000

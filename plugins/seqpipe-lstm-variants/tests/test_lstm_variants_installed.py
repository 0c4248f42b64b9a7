"""Pipeline files find the cells, and train with them; the README tells of all of them."""

import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest
from seqpipe.plugins import find_part
from seqpipe.run import run

from seqpipe_lstm_variants import seqpipe_cells

PACKAGE = Path(__file__).parent.parent
README = (PACKAGE / "README.md").read_text(encoding="utf-8")
CELLS = seqpipe_cells()
WIDTH = 4


@pytest.mark.parametrize("name", CELLS)
def test_entry_point_leads_to_the_part(name):
    part = find_part("cells", name)
    assert part.factory is pkgutil.resolve_name(CELLS[name])
    assert part.factory.__name__ == name.split(".")[1]
    assert "seqpipe-lstm-variants" in str(part.owner)


def test_listing_imports_no_torch():
    program = (
        "import sys, seqpipe_lstm_variants as p; p.seqpipe_cells(); print('torch' in sys.modules)"
    )
    listed = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert listed.stdout.split() == [b"False"]


def test_example_trains(tmp_path, monkeypatch):
    monkeypatch.chdir(PACKAGE)
    result = run(Path("example/pipeline.cfg"), output=tmp_path / "trained")
    assert result.report["test"]["accuracy"] >= 0.8
    assert "lstm_variants" in result.report["plugins"]


def test_readme_counts_the_matrices_of_each_cell():
    rows = re.findall(r"^\| `(lstm_variants\.\w+\.v\d+)` \|.*\| (\d+) \|$", README, re.MULTILINE)
    assert {name: int(count) for name, count in rows} == {
        name: count_matrices(find_part("cells", name).factory(WIDTH, WIDTH)) for name in CELLS
    }


def count_matrices(cell):
    return sum(p.numel() for p in cell.parameters() if p.ndim == 2) / WIDTH**2


def test_readme_tells_each_setting_with_its_default():
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \| `(.+?)` \|", README, re.MULTILINE)
    told = {
        (cell, setting, default) for setting, cells, default in rows for cell in cells.split(", ")
    }
    assert told == {
        (name.split(".")[1], setting, toml(parameter.default))
        for name in CELLS
        for setting, parameter in find_part("cells", name).settings.items()
    }


def toml(value):
    """Write a value as a pipeline file does."""
    return {None: "null"}.get(value, f'"{value}"' if isinstance(value, str) else str(value))

"""What goes wrong in a run ends it with a message, and leaves what earlier runs have made."""

import json
import re
import shutil

import pytest
from e2e.distributions import write_distribution
from e2e.small_world import PIPELINE, seqpipe, write_world

from seqpipe import storage

MODULE = """
import torch
from torch import nn

from seqpipe.hookspecs import hookimpl
from seqpipe.parts.cells import Cell


class Faulty(Cell):
    \"\"\"Raises, or gives NaN after some steps of training.

    Args:
        input_width: The width of an input.
        width: The width of the state.
        fault: What it does.
    \"\"\"

    def __init__(self, input_width: int, width: int, *, fault: str = "raise") -> None:
        super().__init__()
        self.input_width, self.width, self.fault = input_width, width, fault
        self.layer = nn.Linear(input_width, width)
        self.calls = 0

    def initial_state(self, batch_size, like):
        return (like.new_zeros(batch_size, self.width),)

    def forward(self, input, state):
        if self.fault == "raise" and len(input) > 1:
            raise ZeroDivisionError("of the cell's own")
        self.calls += self.training
        h = self.layer(input) * (torch.nan if self.calls > 40 else 1.0)
        return h, (h,)


@hookimpl
def seqpipe_cells():
    return {"acme.Faulty.v1": Faulty}
"""

USING_IT = f"""{PIPELINE}
[encoder.cell]
@seqpipe_cells = "acme.Faulty.v1"
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Return a folder with a pipeline of a faulty cell, whose package is on the path."""
    folder = tmp_path_factory.mktemp("faulty")
    write_world(folder, USING_IT.replace("epochs = 20", "epochs = 1"))
    write_distribution(folder, "acme-parts", "1.2", plugin="acme", text=MODULE)
    return folder


def test_part_that_raises_in_a_run_is_named(world):
    done = seqpipe("run", "pipeline.cfg", cwd=world)
    assert done.returncode == 1
    assert (
        "error: acme.Faulty.v1 of acme-parts 1.2 raised ZeroDivisionError: of the cell's own while it "
        "encoded " in done.stderr
    )
    assert "Traceback" not in done.stderr and "`--traceback` shows where" in done.stderr


def test_run_of_nan_ends_with_the_cell_at_fault_and_keeps_the_finite_models(world, trained):
    earlier = shutil.copytree(trained.model, world / "out" / "model-best")
    done = seqpipe(
        "run",
        "pipeline.cfg",
        *("--output", "out", "--training.eval_frequency", "1", "--encoder.cell.fault", "nan"),
        cwd=world,
    )
    assert done.returncode == 1
    said = done.stderr
    assert re.search(
        r"error: the loss of '\w+' is nan, in step \d \(epoch \d\), on the rows texts.", said
    )
    assert (
        "of 'tok2vec', acme.Faulty.v1 of acme-parts 1.2: its inputs and weights are finite" in said
    )
    assert "the best model so far is in" in said and "the last finished run is in" in said
    assert "Traceback" not in said and "Warning" not in said
    storage.verify_folder(earlier)
    storage.verify_folder(world / "out" / "model-unfinished")
    assert not (world / "out" / "report.json").exists()


def test_report_is_json(trained):
    def refuse(name):
        raise ValueError(name)

    text = (trained.folder / "out" / "report.json").read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=refuse)

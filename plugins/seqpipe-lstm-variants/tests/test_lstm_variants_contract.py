"""The cells do what every cell has to do."""

import functools
import pkgutil

import pytest
from seqpipe.testing import checks

from seqpipe_lstm_variants import seqpipe_cells
from seqpipe_lstm_variants._functions import ChosenFunctions
from seqpipe_lstm_variants._janet import JANET
from seqpipe_lstm_variants._ran import RAN

CELLS = {
    **{name: pkgutil.resolve_name(place) for name, place in seqpipe_cells().items()},
    "JANET, chrono": functools.partial(JANET, beta=0.5, chrono_steps=10),
    "ChosenFunctions, swapped": functools.partial(
        ChosenFunctions, gate="tanh", candidate="sigmoid", output="relu"
    ),
    "RAN, identity": functools.partial(RAN, activation="identity"),
}


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("check", checks("cells"), ids=str)
def test_cell_keeps_the_contract(check, cell):
    check(cell)

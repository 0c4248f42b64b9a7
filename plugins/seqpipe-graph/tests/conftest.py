"""What the tests share."""

import os
from pathlib import Path

import networkx
import pytest
import torch
from hypothesis import settings

# No folder of examples beside the code, and no time limit on noisy machines.
settings.register_profile("seqpipe-graph", database=None, deadline=None)
settings.load_profile("seqpipe-graph")


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Compute in one thread: on a busy machine, threads that wait for each other are slow."""
    torch.set_num_threads(1)


@pytest.fixture
def data():
    """Return the path of a file below $SEQPIPE_DATA, or skip the test."""

    def find(name):
        folder = os.environ.get("SEQPIPE_DATA")
        if not folder:
            pytest.skip("SEQPIPE_DATA isn't set: it names the folder that holds the data sets")
        path = Path(folder) / name
        if not path.exists():
            pytest.skip(f"there's no {name} below SEQPIPE_DATA")
        return path

    return find


@pytest.fixture(scope="session")
def karate():
    """The members of a karate club as edges without weights, and the club that each went to."""
    graph = networkx.karate_club_graph()
    edges = [(f"member {a}", f"member {b}") for a, b in graph.edges()]
    clubs = {f"member {node}": club for node, club in graph.nodes(data="club")}
    return edges, clubs

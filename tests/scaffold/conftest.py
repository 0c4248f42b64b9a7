"""One new package of each kind for all tests that don't change it."""

import pytest

from seqpipe.hookspecs import KINDS
from seqpipe.scaffold import new_plugin


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """Return a new package for each kind; their names are as long as anyone would want."""
    parent = tmp_path_factory.mktemp("packages")
    return {kind: new_plugin(f"somewhat-long-{kind}", kind, parent=parent) for kind in KINDS}

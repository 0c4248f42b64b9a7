"""What all tests of kernels share."""

import pytest


@pytest.fixture(autouse=True)
def _compiler_for_its_engine(request):
    given = getattr(request.node, "callspec", None)
    if given and "compiled" in given.params.values():
        request.getfixturevalue("compiler")

"""What all tests of encoders share."""

import pytest

from seqpipe.native import BuildError, find_compiler


@pytest.fixture
def compiler():
    """Skip what forces the compiled engine where nothing can compile it."""
    try:
        find_compiler()
    except BuildError as error:
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def _compiler_for_its_engine(request):
    given = getattr(request.node, "callspec", None)
    if given and "compiled" in given.params.values():
        request.getfixturevalue("compiler")

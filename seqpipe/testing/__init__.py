"""The conformance kit: checks that hold a part against the contract of its kind.

A plugin's whole test file::

    import pytest
    from seqpipe.testing import checks

    from my_plugin import MyCell


    @pytest.mark.parametrize("check", checks("cells"), ids=str)
    def test_cell_keeps_the_contract(check):
        check(MyCell)

The built-in parts run the same checks, and so does ``seqpipe plugins check``.
"""

from seqpipe.testing._check import Check as Check
from seqpipe.testing._check import ContractError as ContractError
from seqpipe.testing._check import NotApplicable as NotApplicable
from seqpipe.testing._check import Outcome as Outcome
from seqpipe.testing._kit import checks as checks
from seqpipe.testing._kit import factory_of as factory_of
from seqpipe.testing._kit import run_checks as run_checks

__all__ = [
    "Check",
    "ContractError",
    "NotApplicable",
    "Outcome",
    "checks",
    "factory_of",
    "run_checks",
]

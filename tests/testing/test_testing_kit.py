"""What a check is, and how checks are run."""

import dataclasses
import functools
import unittest

import pytest
from testing.broken_cells import Good, MeanOfTheBatch, Orthogonal, UnusedWeights, WideOutput

from seqpipe.errors import ConfigError, PluginError
from seqpipe.hookspecs import KINDS
from seqpipe.parts.cells import LSTM, CellFactory
from seqpipe.parts.encoders import Recurrent
from seqpipe.parts.heads import TextClassifier
from seqpipe.plugins import Owner, Part, find_part
from seqpipe.testing import Check, ContractError, NotApplicable, checks, factory_of, run_checks
from seqpipe.testing._check import BrokenError
from seqpipe.testing._making import is_documented


def by_name(kind, name):
    return next(check for check in checks(kind) if check.name == name)


@pytest.mark.parametrize("kind", KINDS)
def test_checks_have_names_of_their_own_and_a_sentence_each(kind):
    found = checks(kind)
    assert len({str(check) for check in found}) == len(found) >= 9
    for check in found:
        assert check.name == str(check)
        assert check.name.isidentifier()
        assert check.contract.endswith(".") and "  " not in check.contract


@pytest.mark.parametrize("kind", KINDS)
def test_needs_come_before_what_needs_them(kind):
    found = checks(kind)
    for place, check in enumerate(found):
        assert set(check.needs) <= set(found[:place]), check.name


def test_unknown_kind_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="'cell' isn't a kind of part: choose from tokenizers, "):
        checks("cell")


def test_failure_names_the_contract_and_the_smallest_input():
    with pytest.raises(ContractError) as caught:
        by_name("cells", "same_alone_as_beside_others")(MeanOfTheBatch)
    contract, smallest, shown = str(caught.value).splitlines()
    assert contract.startswith("A sequence gives the same output alone as beside others")
    assert smallest == (
        "smallest input that shows it: lengths [2, 2], input width 1, output width 1, seed 0"
    )
    assert shown.startswith("sequence 0, alone and not: differences up to ")


def test_failure_is_an_assertion_that_keeps_what_the_part_raised():
    def explode(input_width: int, width: int):
        """Raise."""
        raise ZeroDivisionError("by nothing")

    with pytest.raises(AssertionError, match="it raised ZeroDivisionError: by nothing") as caught:
        by_name("cells", "can_be_made")(explode)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_check_whose_needs_fail_is_skipped_and_says_why():
    with pytest.raises(unittest.SkipTest, match=r"^needs output_has_its_shape, which failed$"):
        by_name("cells", "gradients_are_right")(WideOutput)


def test_check_that_does_not_apply_is_skipped():
    with pytest.raises(NotApplicable, match="it's no GatedCell"):
        by_name("cells", "step_is_elementwise")(Good)


def test_skip_gives_the_authors_reason():
    reason = "its weights are shared on purpose"
    found = checks("cells", skip={"every_parameter_gets_a_gradient": reason})
    (check,) = [check for check in found if check.name == "every_parameter_gets_a_gradient"]
    with pytest.raises(unittest.SkipTest, match=reason):
        check(UnusedWeights)
    assert [str(check) for check in found] == [str(check) for check in checks("cells")]


def test_what_is_skipped_holds_for_those_that_need_it():
    reason = "torch's parametrisations can't be pickled, and a GPU isn't wanted"
    found = checks("cells", skip={"survives_pickling": reason, "output_has_its_shape": "trust me"})
    states = {check.name: check.outcome(Orthogonal).state for check in found}
    assert {name for name, state in states.items() if state == "failed"} == set()
    assert states["survives_pickling"] == states["output_has_its_shape"] == "skipped"
    assert states["gradients_are_right"] == states["keeps_nothing_between_calls"] == "passed"


def test_unknown_name_in_skip_is_refused():
    with pytest.raises(ValueError, match="cells have no check 'gradient'; there are can_be_made, "):
        checks("cells", skip={"gradient": "why not"})


def test_checks_run_one_by_one():
    made = []

    class Counted(LSTM):
        """Notes that it was made."""

        def __init__(self, input_width: int, width: int) -> None:
            made.append(width)
            super().__init__(input_width, width)

    outcomes = run_checks("cells", Counted)
    assert not made
    first = next(outcomes)
    assert (first.name, first.state) == ("can_be_made", "passed")
    assert made


def test_every_check_has_an_outcome():
    outcomes = list(run_checks("cells", WideOutput))
    assert [o.name for o in outcomes] == [check.name for check in checks("cells")]
    assert {o.state for o in outcomes} == {"passed", "failed", "skipped"}
    assert all(o.seconds >= 0 for o in outcomes)
    assert all(o.detail for o in outcomes if o.state != "passed")


def test_speed_is_reported():
    (speed,) = [o for o in run_checks("cells", LSTM) if o.name == "speed"]
    assert speed.state == "passed"
    assert "times as long as the built-in LSTM" in speed.detail


def test_outcome_of_a_factory_stands():
    calls = []
    check = Check("counts", "It's called once.", lambda factory: calls.append(factory))
    check(LSTM)
    check(LSTM)
    assert calls == [LSTM]


def test_partials_with_the_same_settings_are_tried_once():
    calls = []
    check = Check("counts", "It's called once.", lambda factory: calls.append(factory))
    for _ in range(2):
        check(functools.partial(LSTM, forget_bias=1.0))
        check(functools.partial(TextClassifier, pool=["mean", "max"]))
    check(functools.partial(LSTM, forget_bias=2.0))
    assert len(calls) == 3


def test_factory_that_cannot_be_hashed_is_tried_each_time():
    class Unhashable:
        __hash__ = None

    calls = []
    check = Check("counts", "It's called twice.", lambda factory: calls.append(factory))
    factory = Unhashable()
    check(factory)
    check(factory)
    assert calls == [factory, factory]


@pytest.mark.parametrize("raised", [SystemExit("enough"), BaseException("a panic")])
def test_nothing_that_a_part_raises_ends_the_process(raised):
    def leave(factory):
        raise raised

    with pytest.raises(ContractError, match=f"it raised {type(raised).__name__}: "):
        Check("leaves", "It stays.", leave)(LSTM)


def test_part_that_takes_no_size_that_is_tried_is_not_checked():
    def picky(input_width: int, width: int):
        """Take nothing."""
        raise ConfigError("`width` must be a prime above 1000")

    states = {outcome.state for outcome in run_checks("cells", picky)}
    assert states == {"skipped", "passed"}
    with pytest.raises(NotApplicable, match=r"none of the widths .*prime above 1000"):
        by_name("cells", "can_be_made")(picky)


def test_docstring_that_python_made_is_none():
    @dataclasses.dataclass
    class Words:
        lower: bool = False

    with pytest.raises(BrokenError, match="Words has no docstring"):
        is_documented(Words)


def test_interruption_is_no_failure():
    def interrupt(factory):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Check("interrupts", "It's interrupted.", interrupt)(LSTM)


def test_factory_of_a_part_is_its_own_where_nothing_is_needed():
    assert factory_of(find_part("cells", "seqpipe.LSTM.v1")) is LSTM


def test_factory_of_an_encoder_fills_its_cell_in():
    def unrolled(input_width: int, *, cell: CellFactory):
        """Unroll a cell."""
        return Recurrent(input_width, cell=cell)

    factory = factory_of(Part("encoders", "acme.Unrolled.v1", unrolled, Owner("acme", "1.0")))
    assert isinstance(factory, functools.partial)
    assert (factory.func, factory.keywords) == (unrolled, {"cell": LSTM})
    assert factory_of(find_part("encoders", "seqpipe.Recurrent.v1")) is Recurrent


def test_factory_fills_in_parts_that_are_no_factories():
    def tagged(*, tokenizer: object, embedder: object, pattern: str = ""):
        """Make something of other parts."""
        return lambda text: tokenizer(text)

    factory = factory_of(Part("tokenizers", "acme.Tagged.v1", tagged, Owner("acme", "1.0")))
    assert factory()("to be or") == ["to", "be", "or"]
    assert factory.keywords["embedder"].width


def test_setting_without_a_default_leaves_a_part_untried():
    def words(*, path: str):
        """Read a list of words."""

    part = Part("tokenizers", "acme.Words.v1", words, Owner("acme", "1.0"))
    with pytest.raises(NotApplicable, match="its setting `path` has no default: try it by"):
        factory_of(part)


def test_part_that_cannot_be_had_is_an_error():
    part = Part("cells", "acme.Cell.v1", "nowhere_at_all:Cell", Owner("acme", "1.0"))
    with pytest.raises(PluginError, match="nowhere_at_all"):
        factory_of(part)

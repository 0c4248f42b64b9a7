"""The smallest input that breaks a law."""

import pytest
from hypothesis import configuration
from hypothesis import strategies as st

from seqpipe.testing import NotApplicable
from seqpipe.testing._check import BrokenError
from seqpipe.testing._smallest import hold, show


def test_law_that_holds_is_quiet():
    assert hold(lambda number: None, st.integers()) is None


def test_smallest_is_found_and_shown():
    def law(number):
        if number >= 37:
            raise BrokenError(f"{number} is too much")

    with pytest.raises(BrokenError, match=r"^smallest input that shows it: 37\n37 is too much$"):
        hold(law, st.integers(0, 1000))


def test_any_error_breaks_a_law():
    with pytest.raises(BrokenError, match="it raised ZeroDivisionError") as caught:
        hold(lambda number: 1 / (number > 3), st.integers(0, 3))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_same_cases_are_tried_each_time():
    tried = [[], []]
    for seen in tried:
        hold(seen.append, st.text())
    assert tried[0] == tried[1]


def test_law_that_does_not_apply_says_so():
    def law(number):
        raise NotApplicable("no numbers")

    with pytest.raises(NotApplicable, match="no numbers"):
        hold(law, st.integers())


def test_law_that_breaks_once_only_is_broken():
    calls = []

    def law(number):
        calls.append(number)
        if len(calls) == 3:
            raise BrokenError("now and then")

    with pytest.raises(BrokenError, match="now and then"):
        hold(law, st.integers())


def test_long_cases_are_cut_and_what_is_invisible_is_escaped():
    assert show("\0\ud800é") == r"'\x00\ud800\xe9'"
    assert show("a" * 1000) == "'" + "a" * 149 + "… (1002 characters)"


def test_nothing_is_left_in_the_folder_of_the_process(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = configuration.__dict__["__hypothesis_home_directory"]
    hold(lambda text: None, st.text())
    assert not any(tmp_path.iterdir())
    assert configuration.__dict__["__hypothesis_home_directory"] == before

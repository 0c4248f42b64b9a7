"""The kit is proved: each broken part fails exactly the check that's meant for it."""

import inspect

import pytest
from testing import (
    broken_cells,
    broken_classifiers,
    broken_embedders,
    broken_encoders,
    broken_heads,
    broken_tasks,
    broken_tokenizers,
)

from seqpipe.parts.cells import LSTM
from seqpipe.parts.recurrence import _engines
from seqpipe.parts.recurrence._gated import trace_cell
from seqpipe.testing import _speed, _tokenizers, checks, run_checks

BROKEN = {
    "cells": broken_cells,
    "encoders": broken_encoders,
    "heads": broken_heads,
    "tasks": broken_tasks,
    "tokenizers": broken_tokenizers,
    "embedders": broken_embedders,
    "classifiers": broken_classifiers,
}
#: What's reported and not checked.
UNJUDGED = {"speed"}
#: What takes seconds, and what finds nothing in short texts.
LONG = {"takes_linear_time", "keeps_megabytes"}


@pytest.fixture(autouse=True)
def wrong_kernel(monkeypatch):
    """Have the kernel for the LSTM run a cell that isn't quite one."""

    def trace(cell, zoneout=()):
        wrong = type(cell) is broken_cells.InAWrongKernel
        return trace_cell(LSTM(cell.input_width, cell.width) if wrong else cell, zoneout)

    monkeypatch.setattr(_engines, "trace_cell", trace)


@pytest.fixture(autouse=True)
def measured_once(monkeypatch):
    """Have the speed measured once, as nobody reads it here."""
    monkeypatch.setattr(_speed, "_REPEATS", 1)


def failed(kind, factory):
    return {outcome.name for outcome in run_checks(kind, factory) if outcome.state == "failed"}


@pytest.mark.parametrize(
    ("kind", "name", "factory"),
    [
        pytest.param(kind, name, factory, id=f"{kind}-{name}-{getattr(factory, '__name__', '')}")
        for kind, module in BROKEN.items()
        for name, factories in module.BROKEN.items()
        for factory in factories
    ],
)
def test_broken_part_fails_the_check_meant_for_it_and_no_other(kind, name, factory, monkeypatch):
    if name not in LONG:
        monkeypatch.setattr(_tokenizers, "_SIZES", _tokenizers._SIZES[:12])
        monkeypatch.setattr(_tokenizers, "_MEGABYTE", 10_000)
    assert failed(kind, factory) == {name}


@pytest.mark.parametrize(
    ("kind", "factory"),
    [(kind, factory) for kind, module in BROKEN.items() for factory in module.GOOD],
)
def test_good_part_fails_none(kind, factory):
    assert failed(kind, factory) == set()


@pytest.mark.parametrize("kind", BROKEN)
def test_every_check_has_a_part_that_fails_it(kind):
    assert {check.name for check in checks(kind)} - UNJUDGED == set(BROKEN[kind].BROKEN)


@pytest.mark.parametrize("kind", BROKEN)
def test_every_broken_part_stands_in_the_table(kind):
    module = BROKEN[kind]
    classes = {
        value
        for _, value in inspect.getmembers(module, inspect.isclass)
        if value.__module__ == module.__name__ and value.__name__ not in module.HELPERS
    }
    listed = {factory for factories in module.BROKEN.values() for factory in factories}
    assert classes <= listed | set(module.GOOD)

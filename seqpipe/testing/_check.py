"""A check: one sentence of a part's contract, and how it's tried."""

import contextlib
import functools
import inspect
import time
import unittest
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NoReturn, TypeAlias

import torch

#: What makes a part, as a plugin offers it: called with the host's sizes by position and settings by keyword.
Factory: TypeAlias = Callable[..., Any]

#: Tries a factory; returns what's worth reporting of one that passes, or None.
Attempt: TypeAlias = Callable[[Factory], str | None]

State: TypeAlias = Literal["passed", "failed", "skipped"]


class ContractError(AssertionError):
    """A part doesn't keep a sentence of its contract: which one, and the smallest input that shows it."""


class NotApplicable(unittest.SkipTest):
    """A check can't be tried on a part; pytest and unittest count it as skipped."""


class BrokenError(Exception):
    """What an attempt raises when the contract is broken; the message says how that shows."""


@dataclass(frozen=True)
class Outcome:
    """What came of a check.

    Attributes:
        name: The check's name.
        contract: The sentence that was tried.
        state: "passed", "failed" or "skipped".
        detail: How it failed, why it was skipped, or what else was measured; "" if there's nothing to say.
        seconds: How long it took.
        cause: What the part raised, if that's how it failed.
    """

    name: str
    contract: str
    state: State
    detail: str
    seconds: float
    cause: Exception | None = field(default=None, repr=False)


@dataclass(frozen=True, eq=False)
class Check:
    """A named check of one sentence of a contract. Call it with what makes the part.

    A check may need others to hold first: of a part that breaks those it's skipped, so that one
    mistake fails one check.

    Attributes:
        name: Such as "keeps_nothing_between_calls".
        contract: The sentence.
        attempt: Tries it.
        needs: The checks that have to hold first.
    """

    name: str
    contract: str
    attempt: Attempt = field(repr=False)
    needs: tuple["Check", ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        """Return the name, by which pytest can tell it: ``ids=str``."""
        return self.name

    def __call__(self, factory: Factory) -> None:
        """Try the contract on the parts that a factory makes.

        Args:
            factory: What a plugin offers: a class, a function, or a `functools.partial` of one that
                gives it settings.

        Raises:
            ContractError: The contract is broken.
            NotApplicable: It can't be tried, or a check that it needs doesn't hold.
        """
        __tracebackhide__ = True
        outcome = self.outcome(factory)
        if outcome.state == "failed":
            raise ContractError(f"{self.contract}\n{outcome.detail}") from outcome.cause
        if outcome.state == "skipped":
            raise NotApplicable(outcome.detail)

    def outcome(self, factory: Factory) -> Outcome:
        """Try the contract, and return what came of it. A factory's earlier outcome stands."""
        return _outcome(self, factory)

    def skipped(self, reason: str) -> "Check":
        """Return a check of the same name that isn't tried, for the reason given."""

        def attempt(factory: Factory) -> NoReturn:
            raise NotApplicable(reason)

        return replace(self, attempt=attempt, needs=())


def make_check(
    attempt: Callable[..., str | None], *bound: Any, needs: tuple[Check, ...] = ()
) -> Check:
    """Make a check of a function: its name is the name, its docstring's first paragraph the contract.

    Args:
        attempt: Takes `bound`, and then the factory.
        bound: Its first arguments.
        needs: The checks that have to hold first.
    """
    contract = " ".join((inspect.getdoc(attempt) or "").partition("\n\n")[0].split())
    return Check(attempt.__name__, contract, functools.partial(attempt, *bound), needs)


# Checks that need others ask for them again and again.
@functools.lru_cache(maxsize=1024)
def _outcome(check: Check, factory: Factory) -> Outcome:
    start = time.perf_counter()

    def end(state: State, detail: str, cause: Exception | None = None) -> Outcome:
        seconds = time.perf_counter() - start
        return Outcome(check.name, check.contract, state, detail, seconds, cause)

    for need in check.needs:
        if reason := _missing(need, factory):
            return end("skipped", reason)
    start = time.perf_counter()
    try:
        with _one_thread():
            return end("passed", check.attempt(factory) or "")
    except NotApplicable as reason:
        return end("skipped", str(reason))
    except BrokenError as error:
        return end("failed", str(error), error.__cause__ or None)  # type: ignore[arg-type]
    except Exception as error:
        return end("failed", told(error), error)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Compute in one thread: for small tensors, threads that wait for each other took 5 times as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _missing(need: Check, factory: Factory) -> str | None:
    """Return why a check that's needed doesn't hold, naming the first that failed."""
    outcome = need.outcome(factory)
    if outcome.state == "failed":
        return f"needs {need.name}, which failed"
    if outcome.state == "skipped" and outcome.detail.startswith("needs "):
        return outcome.detail
    return None


def told(error: BaseException) -> str:
    """Return what a part raised as words."""
    return f"it raised {type(error).__name__}: {error}"

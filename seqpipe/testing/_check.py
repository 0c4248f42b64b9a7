"""A check: one sentence of a part's contract, and how it's verified."""

import contextlib
import functools
import inspect
import time
import unittest
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NoReturn, TypeAlias, TypeVar

import torch

#: What makes a part, as a plugin offers it: called with the host's sizes by position and settings by keyword.
Factory: TypeAlias = Callable[..., Any]

#: Tries a factory; returns what's worth reporting of one that passes, or None.
Attempt: TypeAlias = Callable[[Factory], str | None]

State: TypeAlias = Literal["passed", "failed", "skipped"]

_Result = TypeVar("_Result")


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
        failed_need: The check that it needs and that failed; "" if that's not why it was skipped.
        cause: What the part raised, if that's how it failed.
    """

    name: str
    contract: str
    state: State
    detail: str
    seconds: float
    failed_need: str = ""
    cause: BaseException | None = field(default=None, repr=False)


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
        """Return the name, by which pytest identifies it: ``ids=str``."""
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

    def with_needs(self, needs: tuple["Check", ...]) -> "Check":
        """Return the same check, needing others."""
        return replace(self, needs=needs)

    def skipped(self, reason: str) -> "Check":
        """Return a check of the same name that isn't tried, for the reason given.

        To those that need it, it holds.
        """

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


def remembered(function: Callable[..., _Result]) -> Callable[..., _Result]:
    """Let a function remember its results, for partials that give the same settings too."""
    results: dict[Any, _Result] = {}

    @functools.wraps(function)
    def remembering(*arguments: Any) -> _Result:
        try:
            key = tuple(map(_key, arguments))
            if key not in results:
                results[key] = function(*arguments)
        except _UnhashableError:
            return function(*arguments)
        return results[key]

    return remembering


class _UnhashableError(Exception):
    pass


def _key(argument: Any) -> Any:
    if isinstance(argument, functools.partial):
        settings = [(name, _key(value)) for name, value in sorted(argument.keywords.items())]
        return (functools.partial, _key(argument.func), _key(argument.args), tuple(settings))
    if isinstance(argument, list | tuple):
        return (type(argument), *map(_key, argument))
    try:
        hash(argument)
    except TypeError as error:
        raise _UnhashableError from error
    return argument


# Checks that need others ask for them again and again.
@remembered
def _outcome(check: Check, factory: Factory) -> Outcome:
    start = time.perf_counter()

    def end(state: State, detail: str, **more: Any) -> Outcome:
        seconds = time.perf_counter() - start
        return Outcome(check.name, check.contract, state, detail, seconds, **more)

    for need in check.needs:
        if failed := _failed(need, factory):
            return end("skipped", f"needs {failed}, which failed", failed_need=failed)
    start = time.perf_counter()
    try:
        with _one_thread():
            return end("passed", check.attempt(factory) or "")
    except NotApplicable as reason:
        return end("skipped", str(reason))
    except BrokenError as error:
        return end("failed", str(error), cause=error.__cause__)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # such as SystemExit, or a panic of a library in Rust
        return end("failed", describe_error(error), cause=error)


def _failed(need: Check, factory: Factory) -> str:
    """Return the name of the check that keeps another from being tried; "" if none does."""
    outcome = need.outcome(factory)
    return outcome.name if outcome.state == "failed" else outcome.failed_need


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Compute in one thread: for small tensors, synchronising threads took 5 times as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def describe_error(error: BaseException) -> str:
    """Describe what an attempt raised."""
    return str(error) if isinstance(error, BrokenError) else f"it raised {type_and_message(error)}"


def type_and_message(error: BaseException) -> str:
    """Return an error's type and text."""
    return f"{type(error).__name__}: {error}"

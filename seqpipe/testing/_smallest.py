"""Finds the smallest input that violates a property, by Hypothesis."""

import contextlib
import functools
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final, TypeVar

import numpy as np
from hypothesis import HealthCheck, Phase, configuration, find, settings
from hypothesis.errors import Flaky, NoSuchExample, Unsatisfiable
from hypothesis.strategies import SearchStrategy

from seqpipe.testing._check import BrokenError, NotApplicable, describe_error

_Case = TypeVar("_Case")

_STORAGE: Final = Path(tempfile.gettempdir()) / "seqpipe-hypothesis"


def hold(verify: Callable[[_Case], None], cases: SearchStrategy[_Case], *, most: int = 30) -> None:
    """Verify a property on some cases, the same ones at each call.

    They're drawn once for all properties that are verified on the same strategy, as Hypothesis takes longer to draw a
    case than most properties take to be verified on it. Only what's broken is then searched for the smallest case.

    Args:
        verify: Raises any exception on a case that violates the property.
        cases: What to draw from; drawn cases aren't changed by a property.
        most: How many to try.

    Raises:
        BrokenError: The smallest case found that violates it, and how.
        NotApplicable: As `verify` did.
    """
    broken: list[tuple[_Case, BaseException]] = []

    def breaks(case: _Case) -> bool:
        try:
            verify(case)
        except (NotApplicable, KeyboardInterrupt):
            raise
        except BaseException as error:
            broken.append((case, error))
            return True
        return False

    with _seeded() as seed:
        for case in _drawn(cases, most):
            seed()
            if breaks(case):
                break
        else:
            return
    try:
        smallest = _find(cases, breaks, most)
    except (NoSuchExample, Flaky):
        smallest = broken[-1][0]
    _, error = next(each for each in reversed(broken) if each[0] == smallest)
    raise BrokenError(
        f"smallest input that shows it: {show(smallest)}\n{describe_error(error)}"
    ) from error


def at(verify: Callable[[_Case], None], case: _Case) -> None:
    """Verify a property on one case.

    Raises:
        BrokenError: It breaks; the message shows the case.
        NotApplicable: As `verify` did.
    """
    try:
        verify(case)
    except (NotApplicable, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise BrokenError(f"input that shows it: {show(case)}\n{describe_error(error)}") from error


@functools.lru_cache
def _drawn(cases: SearchStrategy[Any], most: int) -> Sequence[Any]:
    """Return the cases that `find` tries on a property that holds.

    Raises:
        NotApplicable: There are none.
    """
    drawn: list[Any] = []
    try:
        _find(cases, drawn.append, most)
    except Unsatisfiable as reason:
        raise NotApplicable("no input that it takes is one to try this on") from reason
    except NoSuchExample:
        pass
    return drawn


def _find(cases: SearchStrategy[_Case], breaks: Callable[[_Case], Any], most: int) -> _Case:
    with _stored_elsewhere():
        return find(cases, breaks, settings=_settings(most), random=Random(0))


@contextlib.contextmanager
def _seeded() -> Iterator[Callable[[], None]]:
    """Give a function that seeds what properties may draw from, as Hypothesis does before each case."""
    before = random.getstate(), np.random.get_state()

    def seed() -> None:
        random.seed(0)
        np.random.seed(0)

    try:
        yield seed
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])


@contextlib.contextmanager
def _stored_elsewhere() -> Iterator[None]:
    """Keep Hypothesis from creating its folder in the working directory."""
    # What was set can't be asked for otherwise; None is the default.
    before = getattr(configuration, "__hypothesis_home_directory", None)
    configuration.set_hypothesis_home_dir(_STORAGE)
    try:
        yield
    finally:
        configuration.set_hypothesis_home_dir(before)


def _settings(most: int) -> settings:
    return settings(
        max_examples=most,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


def show(case: object) -> str:
    """Return a case as one line that's not too long; a text with what can't be seen escaped."""
    text = ascii(case) if isinstance(case, str) else str(case)
    return text if len(text) <= 200 else f"{text[:150]}… ({len(text)} characters)"

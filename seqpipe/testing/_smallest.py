"""Finds the smallest input that violates a property, by Hypothesis."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Final, TypeVar

from hypothesis import HealthCheck, Phase, configuration, find, settings
from hypothesis.errors import Flaky, NoSuchExample, Unsatisfiable
from hypothesis.strategies import SearchStrategy

from seqpipe.testing._check import BrokenError, NotApplicable, describe_error

_Case = TypeVar("_Case")

_STORAGE: Final = Path(tempfile.gettempdir()) / "seqpipe-hypothesis"


def hold(verify: Callable[[_Case], None], cases: SearchStrategy[_Case], *, most: int = 30) -> None:
    """Verify a property on some cases, the same ones at each call.

    Args:
        verify: Raises any exception on a case that violates the property.
        cases: What to draw from.
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

    try:
        with _stored_elsewhere():
            smallest = find(cases, breaks, settings=_settings(most), random=Random(0))
    except Unsatisfiable as reason:
        raise NotApplicable("no input that it takes is one to try this on") from reason
    except (NoSuchExample, Flaky):
        if not broken:
            return
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

"""Looks for the smallest input that breaks a law, by Hypothesis."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Final, TypeVar

from hypothesis import HealthCheck, Phase, configuration, find, settings
from hypothesis.errors import Flaky, NoSuchExample, Unsatisfiable
from hypothesis.strategies import SearchStrategy

from seqpipe.testing._check import BrokenError, NotApplicable, told

_Case = TypeVar("_Case")

_STORAGE: Final = Path(tempfile.gettempdir()) / "seqpipe-hypothesis"


def hold(law: Callable[[_Case], None], cases: SearchStrategy[_Case], *, most: int = 30) -> None:
    """Try a law on some cases, the same ones at each call.

    Args:
        law: Raises what it likes on a case that breaks it.
        cases: What to draw from.
        most: How many to try.

    Raises:
        BrokenError: The smallest case found that breaks the law, and how.
        NotApplicable: As the law did.
    """
    broken: list[tuple[_Case, BaseException]] = []

    def breaks(case: _Case) -> bool:
        try:
            law(case)
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
    raise BrokenError(f"smallest input that shows it: {show(smallest)}\n{told(error)}") from error


def at(law: Callable[[_Case], None], case: _Case) -> None:
    """Try a law on one case.

    Raises:
        BrokenError: It breaks; the message shows the case.
        NotApplicable: As the law did.
    """
    try:
        law(case)
    except (NotApplicable, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise BrokenError(f"input that shows it: {show(case)}\n{told(error)}") from error


@contextlib.contextmanager
def _stored_elsewhere() -> Iterator[None]:
    """Keep Hypothesis from making its folder in the one that the user stands in."""
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

"""The contract of all kinds: parts are made by declared settings, and documented."""

import inspect
from collections.abc import Callable
from typing import Any

from seqpipe.errors import PluginError
from seqpipe.plugins import Owner, Part, unwrap
from seqpipe.testing._check import BrokenError, Factory


def can_be_made(
    kind: str, base: type | None, make: Callable[[Factory], Any], factory: Factory
) -> None:
    """The factory takes the host's sizes by position and settings by keyword, each annotated, and makes the part."""
    check_signature(kind, factory)
    made = make(factory)
    if base and not isinstance(made, base):
        raise BrokenError(
            f"it makes a {type(made).__name__}, which is no {base.__module__.partition('._')[0]}."
            f"{base.__name__}"
        )


def check_signature(kind: str, factory: Factory) -> None:
    """Check what a pipeline file may say to a part."""
    given, _ = unwrap(factory)
    try:
        settings = as_part(kind, given).settings
    except PluginError as error:
        raise BrokenError(str(error)) from error
    stated = inspect.signature(given).parameters
    for setting in settings:
        if stated[setting].annotation is inspect.Parameter.empty:
            raise BrokenError(
                f"the setting `{setting}` has no annotation, so its value can't be checked"
            )


def as_part(kind: str, factory: Factory) -> Part:
    """Return a factory as the host knows it."""
    given, _ = unwrap(factory)
    name = getattr(given, "__name__", type(given).__name__)
    return Part(kind, name, factory, Owner("the plugin", ""))


def is_documented(factory: Factory) -> None:
    """The factory has a docstring of its own, which `seqpipe plugins show` prints."""
    given, _ = unwrap(factory)
    name = getattr(given, "__name__", type(given).__name__)
    documentation = (given.__doc__ or "").strip()
    # Python itself gives a dataclass one, which repeats its signature.
    if not documentation or documentation.startswith(f"{name}("):
        raise BrokenError(f"{name} has no docstring")

"""What makes a part: a class, a function, or a `functools.partial` of one that gives it settings."""

import functools
from collections.abc import Callable
from typing import Any


def unwrap(factory: Callable[..., Any]) -> tuple[Any, dict[str, Any]]:
    """Return the function or the class that partials wrap, and the settings that they give."""
    settings: dict[str, Any] = {}
    while isinstance(factory, functools.partial):
        settings = {**factory.keywords, **settings}
        factory = factory.func
    return factory, settings

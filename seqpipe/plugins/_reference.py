"""The factory of a part: follows references to one ("package.module:Name"), and unwraps partials."""

import functools
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint
from typing import Any

from seqpipe.plugins._owner import Owner
from seqpipe.plugins._trouble import TroubleError, advise_authors, import_error, import_guarded


def unwrap(factory: Callable[..., Any]) -> tuple[Any, dict[str, Any]]:
    """Return the function or class inside `functools.partial`s, and the settings that these give."""
    settings: dict[str, Any] = {}
    while isinstance(factory, functools.partial):
        settings = {**factory.keywords, **settings}
        factory = factory.func
    return factory, settings


def follow(reference: str, name: str, owner: Owner) -> Callable[..., Any]:
    """Return the object of a reference.

    Args:
        reference: The reference.
        name: The part's name.
        owner: The distribution that provides the part.

    Raises:
        TroubleError: It can't be imported, or can't be called.
    """
    factory = import_guarded(EntryPoint("", reference, ""), _who(reference, name, owner), owner)
    if not callable(factory):
        raise TroubleError(
            f"{name} of {owner} is {reference}, which is {factory!r} and can't be called",
            advise_authors(owner),
        )
    return factory  # type: ignore[no-any-return]


def look_up(reference: str, name: str, owner: Owner) -> None:
    """Check a reference as far as possible without importing anything.

    Args:
        reference: The reference.
        name: The part's name.
        owner: The distribution that provides the part.

    Raises:
        TroubleError: The module that it names doesn't exist.
    """
    module = reference.partition(":")[0]
    try:
        missing = _missing(module)
    except Exception:  # a custom importer may raise anything
        return
    if missing:
        error = ModuleNotFoundError(f"No module named {missing!r}", name=missing)
        raise import_error(error, module, _who(reference, name, owner), owner)


def _who(reference: str, name: str, owner: Owner) -> str:
    return f"{name} of {owner}, which is {reference},"


def _missing(module: str) -> str | None:
    """Return the module that doesn't exist: this one, or one of its parent packages."""
    path = None
    pieces = module.split(".")
    for name in (".".join(pieces[: i + 1]) for i in range(len(pieces))):
        if name not in sys.modules:
            # A package may still extend its `__path__` when it's imported.
            return None if _find(name, path) else name
        path = list(getattr(sys.modules[name], "__path__", ()))
    return None


def _find(name: str, path: list[str] | None) -> ModuleSpec | None:
    # `importlib.util.find_spec` imports the parent packages of a module.
    found = (finder.find_spec(name, path) for finder in sys.meta_path)
    return next((spec for spec in found if spec), None)

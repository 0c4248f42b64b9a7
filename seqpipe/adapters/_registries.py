"""The registries through which confection finds parts: an index over `seqpipe.plugins`."""

import contextlib
import functools
import inspect
from collections.abc import Callable
from typing import Any

import catalogue
import spacy

from seqpipe.errors import PluginError
from seqpipe.kinds import KINDS
from seqpipe.plugins import PACKAGE, bind, find_part, unwrap


class PartRegistry(catalogue.Registry):  # type: ignore[misc]
    """A registry of one kind of part. It holds nothing: each look-up loads the plugin that owns the name."""

    def __init__(self, kind: str) -> None:
        super().__init__(("seqpipe", kind))
        self.kind = kind

    def __contains__(self, name: str) -> bool:
        """Say whether the part can be had.

        If not, confection leaves its block as it is, without complaining of what's in it, and calls what
        `get` returns.
        """
        try:
            self._bind(name)
        except PluginError:
            return False
        return True

    def get(self, name: str) -> Callable[..., Any]:
        """Return the function that a block naming the part calls.

        If the part can't be had, that raises a `PluginError` which says why and, if the block
        records it, which package to install.
        """
        try:
            return self._bind(name)
        except PluginError:
            return functools.partial(self._make, name)

    def find(self, name: str) -> dict[str, str | int | None]:
        """Return where a part is defined, for `spacy find-function`.

        Raises:
            RegistryError: The part can't be had.
        """
        try:
            made, _ = unwrap(find_part(self.kind, name).factory)
        except PluginError as error:
            raise catalogue.RegistryError(str(error)) from error
        module = inspect.getmodule(made)
        found: dict[str, str | int | None] = {
            "module": module.__name__ if module else None,
            "file": None,
            "line_no": None,
            "docstring": inspect.getdoc(made),
        }
        # Objects that are called, and what's compiled, have no source.
        with contextlib.suppress(TypeError, ValueError, OSError):
            found["file"] = inspect.getsourcefile(made)
            found["line_no"] = inspect.getsourcelines(made)[1]
        return found

    def _make(self, name: str, /, **settings: Any) -> Any:
        package = settings.get(PACKAGE)
        return self._bind(name, package if isinstance(package, str) else None)(**settings)

    def _bind(self, name: str, package: str | None = None) -> Callable[..., Any]:
        return bind(find_part(self.kind, name, package=package))

    def register(self, name: str, *, func: Any = None) -> Any:
        """Refuse: parts come in through plugins, where they have an owner.

        Raises:
            PluginError: Always.
        """
        raise PluginError(
            f"{name!r} can't be registered directly: offer it through the hook seqpipe_{self.kind}"
        )


def install_registries() -> None:
    """Make ``@seqpipe_<kind>`` known to spaCy's registry, for every kind."""
    for kind in KINDS:
        if not hasattr(spacy.registry, f"seqpipe_{kind}"):
            setattr(spacy.registry, f"seqpipe_{kind}", PartRegistry(kind))

"""Looks up the functions that blocks name, and what arguments they take. None is called.

spaCy is imported only when a check needs it: errors of syntax show at once without it.
"""

import contextlib
import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final, get_type_hints

from seqpipe import plugins
from seqpipe.config._text import did_you_mean, listed, nearest, quote
from seqpipe.errors import PluginError
from seqpipe.hookspecs import KINDS, ONE_OF

_PREFIX: Final = "seqpipe_"
_KEYWORDS: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True)
class Function:
    """A registered function.

    Attributes:
        registry: Without the ``@``.
        name: As the file names it.
        settings: Its arguments by name, their annotations resolved where that's possible.
        is_open: Whether it takes any other argument too.
        is_variadic: Whether it takes a list of arguments, which files write as ``[x.*.name]``.
        owner: Who offers it, if that's known.
    """

    registry: str
    name: str
    settings: Mapping[str, inspect.Parameter] = field(default_factory=dict)
    is_open: bool = False
    is_variadic: bool = False
    owner: str = ""

    @property
    def required(self) -> list[str]:
        """The arguments without a default."""
        empty = inspect.Parameter.empty
        return [name for name, parameter in self.settings.items() if parameter.default is empty]


class NotFoundError(Exception):
    """There's no such function, or it can't be had: a message, and what to do about it."""

    def __init__(self, message: str, label: str = "", *help: str) -> None:
        super().__init__(message)
        self.message = message
        self.label = label
        self.help = help


def registry_names() -> list[str]:
    """Return the registries that a file may name, without the ``@``."""
    return [*(_PREFIX + kind for kind in KINDS), *_spacy().get_registry_names()]


def function_names(registry: str) -> list[str]:
    """Return the functions of a registry; of parts, those of the plugins that are loaded, and our own."""
    if registry.removeprefix(_PREFIX) in KINDS and registry.startswith(_PREFIX):
        return _part_names(registry.removeprefix(_PREFIX))
    try:
        return sorted(getattr(_spacy(), registry).get_all())
    except Exception:
        # Listing imports every installed package that offers something; any may be broken.
        return []


def find_function(registry: str, name: str, *, package: object = None) -> Function:
    """Return a function of a registry.

    Args:
        registry: Without the ``@``.
        name: As the file names it.
        package: The package that the file wants a part from, if it says so.

    Raises:
        NotFoundError: There's none of that name, or importing it failed.
        PluginError: Plugins that can't be used are errors, and there are some.
    """
    if registry.removeprefix(_PREFIX) in KINDS and registry.startswith(_PREFIX):
        plugins.host().insist()
        return _find_part(registry, name, package if isinstance(package, str) else None)
    try:
        function = _spacy().get(registry, name) if _spacy().has(registry, name) else None
    except Exception as error:
        raise NotFoundError(
            f"{quote(name)} can't be loaded ({type(error).__name__}: {str(error)[:300]})",
            "reinstall or uninstall the package that offers it",
        ) from error
    if function is None:
        names = function_names(registry)
        raise NotFoundError(
            f"there's no {quote(name)} in @{registry}",
            did_you_mean(nearest(name, names)),
            f"to choose from: {listed(names)}" if names else f"@{registry} is empty",
        )
    return of_callable(registry, name, function)


def of_callable(registry: str, name: str, function: Callable[..., Any]) -> Function:
    """Return what's known of a function that has been looked up."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return Function(registry, name, is_open=True)
    hints = _hints(function)
    kinds = {parameter.kind for parameter in parameters}
    return Function(
        registry,
        name,
        {
            p.name: p.replace(annotation=hints.get(p.name, Any))
            for p in parameters
            if p.kind in _KEYWORDS
        },
        is_open=inspect.Parameter.VAR_KEYWORD in kinds,
        is_variadic=inspect.Parameter.VAR_POSITIONAL in kinds,
    )


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    annotated = function.__init__ if inspect.isclass(function) else function
    hints: dict[str, Any] = {}
    for name, annotation in getattr(annotated, "__annotations__", {}).items():
        # One by one: many of spaCy's name, as a text, what's imported nowhere.
        alone = SimpleNamespace(__annotations__={name: annotation})
        with contextlib.suppress(Exception):
            names = getattr(annotated, "__globals__", {})
            hints |= get_type_hints(alone, globalns=names, include_extras=True)
    return hints


def _find_part(registry: str, name: str, package: str | None) -> Function:
    kind = registry.removeprefix(_PREFIX)
    try:
        part = plugins.find_part(kind, name, package=package)
        return Function(registry, name, part.block_settings, owner=str(part.owner))
    except PluginError as error:
        raise _no_part(kind, name, error) from error


def _no_part(kind: str, name: str, error: PluginError) -> NotFoundError:
    host, names = plugins.host(), _part_names(kind)
    plugin, what = name.partition(".")[0], f"{ONE_OF[kind]} {quote(name)}"
    is_loaded = plugin in [each.name for each in host.loaded]
    if name in names or (plugin in host.plugin_names and not is_loaded):
        return NotFoundError(f"the {what} can't be used", "", str(error))
    near = nearest(name, names)
    # A slip of the pen needs no reason; a plugin that's missing does.
    reason = () if near and is_loaded else (str(error),)
    offered = (f"to choose from: {listed(names)}",) if names else ()
    return NotFoundError(f"there's no {what}", did_you_mean(near), *reason, *offered)


def _part_names(kind: str) -> list[str]:
    host = plugins.host()
    if "seqpipe" in host.plugin_names:
        try:
            host.load("seqpipe")
        except PluginError:
            return []
    return sorted(name for plugin in host.loaded for name in plugin.parts[kind])


def _spacy() -> Any:
    registry = importlib.import_module("spacy").registry
    registry.ensure_populated()
    return registry

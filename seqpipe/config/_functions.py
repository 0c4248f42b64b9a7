"""Looks up the functions that blocks name, and what arguments they take. None is called."""

from typing import Final

from seqpipe import plugins
from seqpipe.config._spacy_facts import Function, NotRecordedError, SpacyFacts
from seqpipe.config._text import did_you_mean, listed, nearest, quote
from seqpipe.errors import PluginError
from seqpipe.hookspecs import KINDS, ONE_OF

_PREFIX: Final = "seqpipe_"


class NotFoundError(Exception):
    """There's no such function, or it can't be had: a message, and what to do about it."""

    def __init__(self, message: str, label: str = "", *help: str) -> None:
        super().__init__(message)
        self.message = message
        self.label = label
        self.help = help


def registry_names(facts: SpacyFacts) -> list[str]:
    """Return the registries that a file may name, without the ``@``."""
    return [*(_PREFIX + kind for kind in KINDS), *facts.registries()]


def function_names(registry: str, facts: SpacyFacts) -> list[str]:
    """Return the functions of a registry; of parts, those of the plugins that are loaded, and our own."""
    if registry.removeprefix(_PREFIX) in KINDS and registry.startswith(_PREFIX):
        return _part_names(registry.removeprefix(_PREFIX))
    return facts.names(registry)


def find_function(
    registry: str, name: str, facts: SpacyFacts, *, package: object = None
) -> Function:
    """Return a function of a registry.

    Args:
        registry: Without the ``@``.
        name: As the file names it.
        facts: Knows the registries that are spaCy's.
        package: The package that the file wants a part from, if it says so.

    Raises:
        NotFoundError: There's none of that name, or importing it failed.
        PluginError: Plugins that can't be used are errors, and there are some.
    """
    if registry.removeprefix(_PREFIX) in KINDS and registry.startswith(_PREFIX):
        plugins.host().insist()
        return _find_part(registry, name, package if isinstance(package, str) else None)
    try:
        function = facts.function(registry, name)
    except NotRecordedError:
        raise
    except Exception as error:
        raise NotFoundError(
            f"{quote(name)} can't be loaded ({type(error).__name__}: {str(error)[:300]})",
            "reinstall or uninstall the package that offers it",
        ) from error
    if function is None:
        names = facts.names(registry)
        raise NotFoundError(
            f"there's no {quote(name)} in @{registry}",
            did_you_mean(nearest(name, names)),
            f"to choose from: {listed(names)}" if names else f"@{registry} is empty",
        )
    return function


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

"""Imports and verifies a single plugin, isolated from all others."""

import re
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any, Final, NoReturn

import pluggy

from seqpipe import __version__, hookspecs
from seqpipe.messages import did_you_mean, nearest
from seqpipe.plugins._owner import Owner
from seqpipe.plugins._part import Part
from seqpipe.plugins._trouble import TroubleError, advise_authors, describe_error, import_guarded

_HOOKS: Final = tuple(f"seqpipe_{kind}" for kind in hookspecs.KINDS)

#: The arguments that hooks may name: none yet. pluggy passes each hook those that it names, so existing plugins
#: keep working when one is added.
_ARGUMENTS: Final[dict[str, Any]] = {}

Parts = dict[str, dict[str, Part]]


def load_parts(entry_point: EntryPoint, owner: Owner) -> Parts:
    """Import a plugin and return its parts by kind and name: all or none.

    Raises:
        TroubleError: It isn't made for this release, can't be imported, or breaks the contract of
            `seqpipe.hookspecs`.
    """
    name = entry_point.name
    try:
        _check_claim(name, owner)
        module = _import(entry_point, owner)
        manager = _register(name, owner, module)
        return {kind: _collect(manager, kind, name, owner) for kind in hookspecs.KINDS}
    except (TroubleError, KeyboardInterrupt):
        raise
    except BaseException as error:
        # Inspecting a module and its parts may run its code, such as `__getattr__` or `__repr__`.
        raise TroubleError(
            f"the plugin {name!r} of {owner} can't be read ({describe_error(error)})",
            advise_authors(owner, error),
            error,
        ) from error


def _check_claim(name: str, owner: Owner) -> None:
    if not re.fullmatch(r"\w+", name):
        raise TroubleError(
            f"the plugin name {name!r} of {owner} isn't made of letters, digits and underscores",
            advise_authors(owner),
        )
    if unmet := owner.unmet():
        raise TroubleError(
            f"the plugin {name!r} of {owner} requires {unmet}, but this is seqpipe {__version__}",
            f'pip install "{unmet}", or {_other(owner)}',
        )


def _other(owner: Owner) -> str:
    if owner.folder:
        return f"edit {owner.folder / 'pyproject.toml'}"
    return f"another version of {owner.name}"


def _import(entry_point: EntryPoint, owner: Owner) -> ModuleType:
    named = f"the entry point {entry_point.name!r} of {owner} is {entry_point.value!r}"
    if not entry_point.pattern.match(entry_point.value):
        raise TroubleError(f"{named}: that isn't the name of a module", advise_authors(owner))
    module = import_guarded(entry_point, f"the plugin {entry_point.name!r} of {owner}", owner)
    if not isinstance(module, ModuleType):
        raise TroubleError(f"{named}: it must name a module", advise_authors(owner))
    return module


def _register(name: str, owner: Owner, module: ModuleType) -> pluggy.PluginManager:
    # A manager for each plugin, so that a broken one doesn't affect the others.
    manager = pluggy.PluginManager("seqpipe")
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(module, name)
        _check_hooks(name, owner, module, manager)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        text = " ".join(str(error).split())
        _break(f"the plugin {name!r} of {owner} breaks the contract: {text}", owner)
    return manager


def _check_hooks(
    name: str, owner: Owner, module: ModuleType, manager: pluggy.PluginManager
) -> None:
    callers = manager.get_hookcallers(module) or []
    for caller in callers:
        # Optional ones are for other releases.
        if not caller.has_spec() and not all(i.optionalhook for i in caller.get_hookimpls()):
            near = nearest(caller.name, _HOOKS)
            meant = f"; {did_you_mean(near)}" if near else f": there are {', '.join(_HOOKS)}"
            _break(
                f"the plugin {name!r} of {owner} has an unknown hook {caller.name}{meant}", owner
            )
    marked = {caller.name for caller in callers}
    for hook in _HOOKS:
        if hook not in marked and callable(getattr(module, hook, None)):
            _break(f"{hook} of {owner} isn't marked: put @hookimpl before it", owner)
    if not callers:
        _break(f"the plugin {name!r} of {owner} implements no hook", owner)


def _collect(
    manager: pluggy.PluginManager, kind: str, plugin: str, owner: Owner
) -> dict[str, Part]:
    hook = f"seqpipe_{kind}"
    parts: dict[str, Part] = {}
    for factories in _call(manager, hook, owner):
        if not isinstance(factories, dict):
            _break(f"{hook} of {owner} must return a dictionary, not {factories!r}", owner)
        for name, factory in factories.items():
            _check_offer(hook, plugin, owner, name, factory)
            if name in parts:
                _break(f"{hook} of {owner} provides {name} more than once", owner)
            parts[name] = Part(kind, name, factory, owner)
    return parts


def _call(manager: pluggy.PluginManager, hook: str, owner: Owner) -> list[Any]:
    caller = getattr(manager.hook, hook)
    try:
        offers = list(caller(**_ARGUMENTS))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise TroubleError(
            f"{hook} of {owner} raised {describe_error(error)}", advise_authors(owner, error), error
        ) from error
    # pluggy drops results of None.
    return offers + [None] * (len(caller.get_hookimpls()) - len(offers))


def _check_offer(hook: str, plugin: str, owner: Owner, name: Any, factory: Any) -> None:
    offers = f"{hook} of {owner} provides"
    if not (isinstance(name, str) and re.fullmatch(rf"{plugin}\.\w+\.v[0-9]+", name)):
        _break(f"{offers} {name!r}: names are {plugin}.<Name>.v<N>", owner)
    if isinstance(factory, str):
        if not re.fullmatch(r"[\w.]+:[\w.]+", factory):
            _break(f'{offers} {factory!r} as {name}: a reference is "package.module:Name"', owner)
    elif not callable(factory):
        _break(f"{offers} {factory!r} as {name}, which can't be called", owner)


def _break(reason: str, owner: Owner) -> NoReturn:
    raise TroubleError(reason, advise_authors(owner))

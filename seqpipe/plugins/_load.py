"""Imports and verifies one plugin by itself: what's wrong with it touches no other."""

import difflib
import re
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any, Final, NoReturn

import pluggy

from seqpipe import __version__, hookspecs
from seqpipe.plugins._owner import Owner
from seqpipe.plugins._part import Part
from seqpipe.plugins._trouble import TroubleError, import_fix, tell_authors

_HOOKS: Final = tuple(f"seqpipe_{kind}" for kind in hookspecs.KINDS)

Parts = dict[str, dict[str, Part]]


def load_parts(entry_point: EntryPoint, owner: Owner) -> Parts:
    """Import a plugin and return all of its parts by kind and name, or none of them.

    Raises:
        TroubleError: It isn't made for this release, can't be imported, or breaks the contract of
            `seqpipe.hookspecs`.
    """
    name = entry_point.name
    if not re.fullmatch(r"\w+", name):
        raise TroubleError(
            f"the plugin name {name!r} of {owner} isn't made of letters, digits and underscores",
            tell_authors(owner),
        )
    if unmet := owner.unmet():
        raise TroubleError(
            f"the plugin {name!r} of {owner} asks for {unmet}, and this is seqpipe {__version__}",
            f'pip install --upgrade "{unmet}" {owner.name}',
        )
    manager = _register(name, owner, _import(entry_point, owner))
    return {kind: _collect(manager, kind, name, owner) for kind in hookspecs.KINDS}


def _import(entry_point: EntryPoint, owner: Owner) -> ModuleType:
    try:
        module = entry_point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # such as SystemExit, or what pytest skips a module with
        raise TroubleError(
            f"the plugin {entry_point.name!r} of {owner} can't be imported ({_said(error)})",
            import_fix(error, entry_point.module, owner),
            error,
        ) from error
    if not isinstance(module, ModuleType):
        raise TroubleError(
            f"the entry point {entry_point.name!r} of {owner} is {entry_point.value}: it must name "
            "a module",
            tell_authors(owner),
        )
    return module


def _register(name: str, owner: Owner, module: ModuleType) -> pluggy.PluginManager:
    # A manager for each plugin: a broken one leaves no trace in anyone else's.
    manager = pluggy.PluginManager("seqpipe")
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(module, name)
        _check_hooks(name, owner, module, manager)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        said = " ".join(str(error).split())
        _break(f"the plugin {name!r} of {owner} breaks the contract: {said}", owner)
    return manager


def _check_hooks(
    name: str, owner: Owner, module: ModuleType, manager: pluggy.PluginManager
) -> None:
    callers = manager.get_hookcallers(module) or []
    for caller in callers:
        if not caller.has_spec():
            near = difflib.get_close_matches(caller.name, _HOOKS, n=1)
            meant = f"; did you mean {near[0]}?" if near else f": there are {', '.join(_HOOKS)}"
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
    caller = getattr(manager.hook, hook)
    try:
        offers = caller()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise TroubleError(
            f"{hook} of {owner} raised {_said(error)}", tell_authors(owner), error
        ) from error
    # pluggy leaves out what returned None.
    forgotten = [None] if caller.get_hookimpls() and not offers else []
    parts = {}
    for factories in [*offers, *forgotten]:
        if not isinstance(factories, dict):
            _break(f"{hook} of {owner} must return a dictionary, not {factories!r}", owner)
        for name, factory in factories.items():
            _check_offer(hook, plugin, owner, name, factory)
            parts[name] = Part(kind, name, factory, owner)
    return parts


def _check_offer(hook: str, plugin: str, owner: Owner, name: Any, factory: Any) -> None:
    offers = f"{hook} of {owner} offers"
    if not (isinstance(name, str) and re.fullmatch(rf"{plugin}\.\w+\.v[0-9]+", name)):
        _break(f"{offers} {name!r}: names are {plugin}.<Name>.v<N>", owner)
    if isinstance(factory, str):
        if not re.fullmatch(r"[\w.]+:[\w.]+", factory):
            _break(f'{offers} {factory!r} as {name}: a reference is "package.module:Name"', owner)
    elif not callable(factory):
        _break(f"{offers} {factory!r} as {name}, which can't be called", owner)


def _break(reason: str, owner: Owner) -> NoReturn:
    raise TroubleError(reason, tell_authors(owner))


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"

"""Finds a plugin or a part by its name alone, as a user gives it."""

import difflib
from typing import Final

from seqpipe.errors import PluginError
from seqpipe.kinds import KINDS
from seqpipe.plugins._host import Host
from seqpipe.plugins._owner import canonical_name
from seqpipe.plugins._part import Part
from seqpipe.plugins._plugin import Plugin

#: How many names a message suggests.
_MAX_SUGGESTIONS: Final = 3
#: How similar a name must be to be suggested, from 0 to 1.
_MIN_LIKENESS: Final = 0.7


def find_by_name(host: Host, name: str) -> Plugin | list[Part]:
    """Return the plugin or the parts with a name: parts may be several of different kinds.

    A plugin is found by the name of its distribution too. If a plugin has the name, only that one is
    imported, otherwise all are.

    Args:
        host: Its plugins are searched.
        name: Such as "seqpipe", or "seqpipe.LSTM.v1".

    Raises:
        PluginError: There's nothing of that name, or its plugin can't be used. The message suggests
            similar names from all plugins.
    """
    plugin_name, dot, _ = name.partition(".")
    if plugin_name in host.plugin_names:
        plugin = host.load(plugin_name)
        if not dot:
            return plugin
        parts = [plugin.parts[kind][name] for kind in KINDS if name in plugin.parts[kind]]
        if parts:
            return parts
    plugins = host.survey()
    of_distribution = {p.name for p in plugins if _is_same_distribution(p.owner.name, name)}
    if len(of_distribution) == 1:
        return host.load(of_distribution.pop())
    raise PluginError(f"no plugin or part is called {name!r}{_meant(name, plugins)}")


def _is_same_distribution(one: str, other: str) -> bool:
    return canonical_name(one) == canonical_name(other)


def _meant(name: str, plugins: list[Plugin]) -> str:
    near = _near(name, plugins)
    if not near:
        named = name.partition(".")[0]
        more = f" show {named}" if named in [plugin.name for plugin in plugins] else ""
        return f"; `seqpipe plugins{more}` lists what's installed"
    return f"; did you mean {' or '.join(map(repr, near))}?"


def _near(name: str, plugins: list[Plugin]) -> list[str]:
    """Return the likeliest names. A part's name may be shortened: "LSTM", or "seqpipe.lstm"."""
    plugin_name, dot, rest = name.partition(".")
    short = rest.partition(".")[0] if dot else name
    found = []
    for plugin in plugins:
        belongs = _likeness(plugin_name, plugin.name) if dot else 1.0
        for part in (part for parts in plugin.parts.values() for part in parts):
            found.append((_likeness(short, part.split(".")[1]), belongs, part))
        if not dot:
            found.append((_likeness(name, plugin.name), 1.0, plugin.name))
            found.append((_likeness(name, plugin.owner.name), 1.0, plugin.name))
    good = sorted((each for each in found if each[0] >= _MIN_LIKENESS), reverse=True)
    return list(dict.fromkeys(each for _, _, each in good))[:_MAX_SUGGESTIONS]


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one.lower(), other.lower()).ratio()

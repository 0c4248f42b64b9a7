"""Prints the installed plugins and their parts."""

import collections
import textwrap
from collections.abc import Sequence
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from seqpipe.cli.plugins._screen import counted, print_columns, print_prose
from seqpipe.hookspecs import KINDS
from seqpipe.plugins import Part, Plugin, reference_to

_STYLES: Final = {"loaded": "green", "quarantined": "bold red", "not allowed": "yellow"}


def print_list(
    console: Console, plugins: Sequence[Plugin], missing: Sequence[str], *, traceback: bool
) -> None:
    """Print the parts by kind, the plugins, and what's wrong with those that can't be used.

    Args:
        console: Where to.
        plugins: What became of each plugin.
        missing: The names of plugins that are allowed and not installed.
        traceback: Whether to print where those in quarantine went wrong.
    """
    if not plugins:
        console.print("no plugin is installed, not even seqpipe's own parts: reinstall seqpipe")
        return
    _print_parts(console, plugins)
    console.print("plugins", style="bold")
    print_columns(console, [_plugin_row(plugin) for plugin in plugins])
    for plugin in plugins:
        if plugin.state == "quarantined":
            _print_trouble(console, plugin, traceback=traceback)
    console.print()
    left_out = [plugin.name for plugin in plugins if plugin.state == "not allowed"]
    if left_out:
        console.print(f"SEQPIPE_PLUGINS doesn't allow {', '.join(left_out)}", style="yellow")
    for name in missing:
        console.print(f"SEQPIPE_PLUGINS lists {name}, which isn't installed", style="yellow")
    console.print(_summary(plugins))


def _print_parts(console: Console, plugins: Sequence[Plugin]) -> None:
    rows = {
        kind: [_part_row(p) for plugin in plugins for _, p in sorted(plugin.parts[kind].items())]
        for kind in KINDS
    }
    width = max((name.cell_len for kind in KINDS for name, _ in rows[kind]), default=0)
    for kind in KINDS:
        if rows[kind]:
            console.print(kind, style="bold")
            for name, _ in rows[kind]:
                name.pad_right(width - name.cell_len)
            print_columns(console, rows[kind])
            console.print()


def _part_row(part: Part) -> list[Text]:
    return [Text(part.name), Text(str(part.owner), "dim")]


def _plugin_row(plugin: Plugin) -> list[Text]:
    loaded = plugin.state == "loaded"
    count = sum(map(len, plugin.parts.values()))
    return [
        Text(plugin.name),
        Text(str(plugin.owner), "dim"),
        Text(plugin.state, _STYLES[plugin.state]),
        Text(counted(count, "part") if loaded else ""),
        Text("" if plugin.state == "not allowed" else _duration(plugin.seconds), "dim"),
    ]


def _print_trouble(console: Console, plugin: Plugin, *, traceback: bool) -> None:
    console.print()
    console.print(f"{plugin.name}: {plugin.state}", style=_STYLES[plugin.state])
    if plugin.trouble is None:
        return
    print_prose(console, plugin.trouble.reason, indent=2)
    print_prose(console, f"try: {plugin.trouble.fix}", indent=2, style="cyan")
    if plugin.trouble.traceback and traceback:
        console.print()
        console.print(textwrap.indent(plugin.trouble.traceback, "  "), style="dim")
    elif plugin.trouble.traceback:
        console.print("  `seqpipe plugins --traceback` shows where", style="dim")


def _summary(plugins: Sequence[Plugin]) -> str:
    states = collections.Counter(plugin.state for plugin in plugins)
    parts = sum(len(parts) for plugin in plugins for parts in plugin.parts.values())
    said = [f"{counted(parts, 'part')} of {counted(states['loaded'], 'plugin')}"]
    if states["quarantined"]:
        said.append(f"{states['quarantined']} in quarantine")
    if states["not allowed"]:
        said.append(f"{states['not allowed']} not allowed")
    return ", ".join(said)


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def to_json(
    plugins: Sequence[Plugin], missing: Sequence[str], *, is_strict: bool
) -> dict[str, Any]:
    """Return everything that's known of the plugins, in terms of JSON."""
    return {
        "strict": is_strict,
        "missing": list(missing),
        "plugins": [_plugin_to_json(plugin) for plugin in plugins],
        "parts": [
            _part_to_json(plugin, plugin.parts[kind][name])
            for kind in KINDS
            for plugin in plugins
            for name in sorted(plugin.parts[kind])
        ],
    }


def _plugin_to_json(plugin: Plugin) -> dict[str, Any]:
    trouble = plugin.trouble
    return {
        "name": plugin.name,
        "package": plugin.owner.name,
        "version": plugin.owner.version,
        "state": plugin.state,
        "seconds": round(plugin.seconds, 6),
        "reason": trouble.reason if trouble else None,
        "fix": trouble.fix if trouble else None,
        "traceback": (trouble.traceback or None) if trouble else None,
    }


def _part_to_json(plugin: Plugin, part: Part) -> dict[str, Any]:
    return {
        "name": part.name,
        "kind": part.kind,
        "plugin": plugin.name,
        "package": part.owner.name,
        "version": part.owner.version,
        "code": reference_to(part),
    }

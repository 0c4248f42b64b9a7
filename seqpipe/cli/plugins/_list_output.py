"""Prints the installed plugins and their parts."""

import collections
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from seqpipe.cli.plugins._screen import counted, print_columns
from seqpipe.cli.plugins._trouble_output import print_trouble, trouble_to_json
from seqpipe.hookspecs import KINDS
from seqpipe.plugins import Part, Plugin, Trouble, reference_to
from seqpipe.reporting import escaped

_BAD: Final = "bold red"
_STYLES: Final = {"loaded": "green", "quarantined": _BAD, "not allowed": "yellow"}


@dataclass(frozen=True)
class List:
    """What's installed.

    Attributes:
        plugins: What became of each plugin.
        broken: The parts that can't be had, and why.
        missing: The names of plugins that are allowed and not installed.
    """

    plugins: Sequence[Plugin]
    broken: Sequence[tuple[Part, Trouble]] = field(default=())
    missing: Sequence[str] = field(default=())

    @property
    def is_bad(self) -> bool:
        """Whether anything can't be used, or is missing."""
        quarantined = any(plugin.state == "quarantined" for plugin in self.plugins)
        return bool(self.broken or self.missing or quarantined)

    def trouble_of(self, part: Part) -> Trouble | None:
        """Return why a part can't be had, or None if it can, as far as is known."""
        return next((trouble for other, trouble in self.broken if other is part), None)


def print_list(console: Console, listed: List, *, traceback: bool) -> None:
    """Print the parts by kind, the plugins, and what's wrong with those that can't be used.

    Args:
        console: Where to.
        listed: What's installed.
        traceback: Whether to print where what can't be used went wrong.
    """
    plugins = listed.plugins
    if not plugins:
        console.print("no plugin is installed, not even seqpipe's own parts: reinstall seqpipe")
        return
    _print_parts(console, listed)
    console.print("plugins", style="bold")
    print_columns(console, [_plugin_row(plugin) for plugin in plugins])
    for plugin in plugins:
        if plugin.state == "quarantined":
            title = f"{plugin.name}: {plugin.state}"
            _print_trouble(console, title, plugin.trouble, traceback=traceback)
    for part, trouble in listed.broken:
        _print_trouble(console, f"{part.name}: broken", trouble, traceback=traceback)
    console.print()
    left_out = [plugin.name for plugin in plugins if plugin.state == "not allowed"]
    if left_out:
        names = escaped(", ".join(left_out))
        console.print(f"SEQPIPE_PLUGINS doesn't allow {names}", style="yellow")
    for name in listed.missing:
        console.print(
            f"SEQPIPE_PLUGINS lists {escaped(name)}, which isn't installed", style="yellow"
        )
    console.print(_summary(listed))


def _print_parts(console: Console, listed: List) -> None:
    rows: dict[str, list[list[Text]]] = {kind: [] for kind in KINDS}
    for part in (part for plugin in listed.plugins for part in plugin.all_parts):
        rows[part.kind].append(_part_row(part, listed.trouble_of(part)))
    width = max((row[0].cell_len for kind in KINDS for row in rows[kind]), default=0)
    for kind in KINDS:
        if rows[kind]:
            console.print(kind, style="bold")
            for name, *_ in rows[kind]:
                name.pad_right(width - name.cell_len)
            print_columns(console, rows[kind])
            console.print()


def _part_row(part: Part, trouble: Trouble | None) -> list[Text]:
    state = Text("broken", _BAD) if trouble else Text()
    return [Text(escaped(part.name)), Text(escaped(part.owner), "dim"), state]


def _plugin_row(plugin: Plugin) -> list[Text]:
    loaded = plugin.state == "loaded"
    count = sum(map(len, plugin.parts.values()))
    return [
        Text(escaped(plugin.name)),
        Text(escaped(plugin.owner), "dim"),
        Text(plugin.state, _STYLES[plugin.state]),
        Text(counted(count, "part") if loaded else ""),
        Text("" if plugin.state == "not allowed" else _duration(plugin.seconds), "dim"),
    ]


def _print_trouble(
    console: Console, title: str, trouble: Trouble | None, *, traceback: bool
) -> None:
    console.print()
    console.print(escaped(title), style=_BAD)
    if trouble is None:
        return
    print_trouble(console, trouble, indent=2, traceback=traceback)
    if trouble.traceback and not traceback:
        console.print("  `seqpipe plugins --traceback` shows where", style="dim")


def _summary(listed: List) -> str:
    states = collections.Counter(plugin.state for plugin in listed.plugins)
    parts = sum(len(plugin.all_parts) for plugin in listed.plugins)
    said = [f"{counted(parts, 'part')} of {counted(states['loaded'], 'plugin')}"]
    if listed.broken:
        said.append(f"{counted(len(listed.broken), 'part')} broken")
    if states["quarantined"]:
        said.append(f"{states['quarantined']} in quarantine")
    if states["not allowed"]:
        said.append(f"{states['not allowed']} not allowed")
    return ", ".join(said)


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def to_json(listed: List, *, is_strict: bool) -> dict[str, Any]:
    """Return everything that's known of the plugins, in terms of JSON."""
    parts = [(plugin, part) for plugin in listed.plugins for part in plugin.all_parts]
    return {
        "strict": is_strict,
        "missing": list(listed.missing),
        "plugins": [_plugin_to_json(plugin) for plugin in listed.plugins],
        "parts": [
            _part_to_json(plugin, part, listed.trouble_of(part))
            for plugin, part in sorted(parts, key=lambda each: KINDS.index(each[1].kind))
        ],
    }


def _plugin_to_json(plugin: Plugin) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "package": plugin.owner.name,
        "version": plugin.owner.version,
        "state": plugin.state,
        "seconds": round(plugin.seconds, 6),
        **trouble_to_json(plugin.trouble),
    }


def _part_to_json(plugin: Plugin, part: Part, trouble: Trouble | None) -> dict[str, Any]:
    return {
        "name": part.name,
        "kind": part.kind,
        "plugin": plugin.name,
        "package": part.owner.name,
        "version": part.owner.version,
        "code": reference_to(part),
        **trouble_to_json(trouble),
    }

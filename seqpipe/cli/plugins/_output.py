"""Prints the installed plugins, one plugin or one part, and why something can't be used, also as JSON."""

import collections
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from seqpipe.cli.plugins._screen import counted, print_columns, print_prose
from seqpipe.config import Setting, section_of, settings_of
from seqpipe.kinds import KINDS
from seqpipe.plugins import Part, Plugin, Trouble, find_part, reference_to
from seqpipe.reporting import escaped


def print_trouble(console: Console, trouble: Trouble, *, indent: int, traceback: bool) -> None:
    """Print the reason, a probable fix and, if requested, the traceback."""
    print_prose(console, trouble.reason, indent=indent)
    if trouble.fix:
        print_prose(console, f"try: {trouble.fix}", indent=indent, style="cyan")
    if trouble.traceback and traceback:
        console.print()
        console.print(textwrap.indent(trouble.traceback, " " * indent), style="dim")
        console.print()


def trouble_to_json(trouble: Trouble | None) -> dict[str, Any]:
    """Return it as JSON values, with the same keys wherever it occurs."""
    return {
        "reason": trouble.reason if trouble else None,
        "fix": (trouble.fix or None) if trouble else None,
        "traceback": (trouble.traceback or None) if trouble else None,
    }


_BAD: Final = "bold red"
_STYLES: Final = {"loaded": "green", "quarantined": _BAD, "not allowed": "yellow"}


@dataclass(frozen=True)
class List:
    """The installed plugins.

    Attributes:
        plugins: Each with its state.
        broken: The parts that can't be loaded, and why.
        missing: The names of plugins that are allowed but not installed.
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
        """Return why a part can't be loaded, or None if nothing is known to be wrong."""
        return next((trouble for other, trouble in self.broken if other is part), None)


def print_list(console: Console, listed: List, *, traceback: bool) -> None:
    """Print the parts by kind, the plugins, and what's wrong with those that can't be used.

    Args:
        console: The console to print on.
        listed: The installed plugins.
        traceback: Whether to print the tracebacks of what can't be used.
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
    console.print(_counts(listed))


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


def _counts(listed: List) -> str:
    states = collections.Counter(plugin.state for plugin in listed.plugins)
    parts = sum(len(plugin.all_parts) for plugin in listed.plugins)
    counts = [f"{counted(parts, 'part')} of {counted(states['loaded'], 'plugin')}"]
    if listed.broken:
        counts.append(f"{counted(len(listed.broken), 'part')} broken")
    if states["quarantined"]:
        counts.append(f"{states['quarantined']} in quarantine")
    if states["not allowed"]:
        counts.append(f"{states['not allowed']} not allowed")
    return ", ".join(counts)


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def to_json(listed: List, *, is_strict: bool) -> dict[str, Any]:
    """Return everything that's known of the plugins as JSON values."""
    parts = [(plugin, part) for plugin in listed.plugins for part in plugin.all_parts]
    return {
        "strict": is_strict,
        "missing": list(listed.missing),
        "plugins": [_plugin_to_json(plugin) for plugin in listed.plugins],
        "parts": [
            _part_to_json(plugin, part, listed.trouble_of(part))
            for plugin, part in sorted(parts, key=lambda each: list(KINDS).index(each[1].kind))
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


class PartPage:
    """The documentation of a part.

    Args:
        part: The part, which is imported.

    Raises:
        PluginError: It can't be loaded, or its signature can't be read.
    """

    #: A part that can't be loaded has no page.
    is_bad: Final = False

    def __init__(self, part: Part) -> None:
        self._part = part
        self._documentation = part.documentation
        self._settings = settings_of(part)
        self._section = section_of(part, find_part)

    def print(self, console: Console) -> None:
        """Print it for people; the section comes last, and can be pasted as it is."""
        part = self._part
        console.print(
            Text.assemble(
                (escaped(part.name), "bold"), f"   {_one(part.kind)} of {escaped(part.owner)}"
            )
        )
        console.print(f"code: {escaped(reference_to(part))}", style="dim")
        for text in (self._documentation.summary, self._documentation.text):
            if text:
                console.print()
                print_prose(console, _without_markup(text))
        self._print_settings(console)
        self._print_sizes(console)
        for title, entries in self._documentation.sections.items():
            _print_title(console, escaped(title.lower()))
            for entry in entries:
                print_prose(console, _without_markup(entry), indent=2)
        _print_title(console, "in a pipeline file")
        console.print()
        for line in self._section.splitlines():
            console.print(line, style="dim" if line.startswith("#") else "green")

    def _print_settings(self, console: Console) -> None:
        _print_title(console, "settings" if self._settings else "no settings")
        for setting in self._settings:
            takes = escaped(_takes(setting))
            line = Text.assemble("  ", (setting.name, "bold"), f"   {takes}")
            if console.is_terminal and line.cell_len > console.width:
                console.print(f"  {setting.name}", style="bold")
                print_prose(console, takes, indent=6)
            else:
                console.print(line)
            self._print_argument(console, setting.name)

    def _print_sizes(self, console: Console) -> None:
        if self._part.sizes:
            _print_title(console, "supplied by the pipeline")
        for name in self._part.sizes:
            console.print(f"  {name}", style="bold")
            self._print_argument(console, name)

    def _print_argument(self, console: Console, name: str) -> None:
        if description := self._documentation.arguments.get(name):
            print_prose(console, _without_markup(description), indent=6)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        part, descriptions = self._part, self._documentation.arguments
        return {
            "name": part.name,
            "kind": part.kind,
            "package": part.owner.name,
            "version": part.owner.version,
            "code": reference_to(part),
            "summary": self._documentation.summary,
            "text": self._documentation.text,
            "notes": self._documentation.sections,
            "settings": [_setting_to_json(setting, descriptions) for setting in self._settings],
            "sizes": [{"name": name, "text": descriptions.get(name, "")} for name in part.sizes],
            "section": self._section,
        }


class PluginPage:
    """The parts of a plugin, with a line about each.

    Args:
        plugin: The plugin, whose parts are imported.
    """

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin
        self._parts = [(part, *_summary(part)) for part in plugin.all_parts]

    @property
    def is_bad(self) -> bool:
        """Whether a part can't be loaded."""
        return any(trouble for *_, trouble in self._parts)

    def print(self, console: Console) -> None:
        """Print it for people."""
        plugin = self._plugin
        console.print(Text.assemble((escaped(plugin.name), "bold"), f"   {escaped(plugin.owner)}"))
        for kind in KINDS:
            parts = [each for each in self._parts if each[0].kind == kind]
            if parts:
                _print_title(console, kind)
                # On the same line as the names, the summaries would have too little room.
                for part, summary, trouble in parts:
                    broken = ("   broken" if trouble else "", "bold red")
                    console.print(Text.assemble("  ", (escaped(part.name), "bold"), broken))
                    if trouble:
                        print_trouble(console, trouble, indent=6, traceback=False)
                    else:
                        print_prose(console, _without_markup(summary), indent=6)
        console.print()
        console.print("`seqpipe plugins show NAME` explains one of them", style="dim")

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "name": self._plugin.name,
            "package": self._plugin.owner.name,
            "version": self._plugin.owner.version,
            "parts": [
                {
                    "name": part.name,
                    "kind": part.kind,
                    "summary": None if trouble else summary,
                    **trouble_to_json(trouble),
                }
                for part, summary, trouble in self._parts
            ],
        }


def _summary(part: Part) -> tuple[str, Trouble | None]:
    """Return the summary of a part, or why it can't be loaded."""
    trouble = part.find_trouble(imports=True)
    return ("", trouble) if trouble else (part.documentation.summary, None)


def _setting_to_json(setting: Setting, descriptions: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": setting.name,
        "type": setting.type,
        "part": setting.is_part,
        "required": setting.is_required,
        "default": setting.value,
        "default_text": setting.default,
        "text": descriptions.get(setting.name, ""),
    }


def _takes(setting: Setting) -> str:
    kind = f"a {setting.type}, in a section of its own" if setting.is_part else setting.type
    return f"{kind}   required" if setting.is_required else f"{kind} = {setting.default}"


def _print_title(console: Console, title: str) -> None:
    console.print()
    console.print(title, style="bold")


def _one(kind: str) -> str:
    one = KINDS[kind].one
    return f"an {one}" if one[0] in "aeiou" else f"a {one}"


def _without_markup(text: str) -> str:
    """Remove the ``::`` that announces a formula in a docstring."""
    return text.replace("\n::\n", "\n").removeprefix("::\n").replace("::\n", ":\n")

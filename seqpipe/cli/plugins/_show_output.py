"""Prints what's known of one part, or of one plugin."""

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from seqpipe.cli.plugins._screen import print_prose
from seqpipe.cli.plugins._trouble_output import print_trouble, trouble_to_json
from seqpipe.config import Setting, section_of, settings_of
from seqpipe.hookspecs import KINDS, ONE_OF
from seqpipe.plugins import Part, Plugin, Trouble, find_part, reference_to
from seqpipe.reporting import escaped


class PartPage:
    """All that's known of a part.

    Args:
        part: The part, which is imported.

    Raises:
        PluginError: It can't be had, or its signature can't be read.
    """

    #: A part that can't be had has no page.
    is_bad: Final = False

    def __init__(self, part: Part) -> None:
        self._part = part
        self._says = part.documentation
        self._settings = settings_of(part)
        self._section = section_of(part, find_part)

    def print(self, console: Console) -> None:
        """Print it for people; the section stands last, and can be pasted as it is."""
        part = self._part
        console.print(
            Text.assemble(
                (escaped(part.name), "bold"), f"   {_one(part.kind)} of {escaped(part.owner)}"
            )
        )
        console.print(f"code: {escaped(reference_to(part))}", style="dim")
        for text in (self._says.summary, self._says.text):
            if text:
                console.print()
                print_prose(console, _without_markup(text))
        self._print_settings(console)
        self._print_sizes(console)
        for title, entries in self._says.sections.items():
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
        if said := self._says.arguments.get(name):
            print_prose(console, _without_markup(said), indent=6)

    def to_json(self) -> dict[str, Any]:
        """Return it in terms of JSON."""
        part, said = self._part, self._says.arguments
        return {
            "name": part.name,
            "kind": part.kind,
            "package": part.owner.name,
            "version": part.owner.version,
            "code": reference_to(part),
            "summary": self._says.summary,
            "text": self._says.text,
            "notes": self._says.sections,
            "settings": [_setting_to_json(setting, said) for setting in self._settings],
            "sizes": [{"name": name, "text": said.get(name, "")} for name in part.sizes],
            "section": self._section,
        }


class PluginPage:
    """A plugin's parts, with a line about each.

    Args:
        plugin: The plugin, whose parts are imported.
    """

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin
        self._parts = [(part, *_summary(part)) for part in plugin.all_parts]

    @property
    def is_bad(self) -> bool:
        """Whether a part can't be had."""
        return any(trouble for *_, trouble in self._parts)

    def print(self, console: Console) -> None:
        """Print it for people."""
        plugin = self._plugin
        console.print(Text.assemble((escaped(plugin.name), "bold"), f"   {escaped(plugin.owner)}"))
        for kind in KINDS:
            parts = [each for each in self._parts if each[0].kind == kind]
            if parts:
                _print_title(console, kind)
                # Names beside their lines would leave little room for either.
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
        """Return it in terms of JSON."""
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
    """Return a part's line, or what keeps it from being had."""
    trouble = part.find_trouble(imports=True)
    return ("", trouble) if trouble else (part.documentation.summary, None)


def _setting_to_json(setting: Setting, said: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": setting.name,
        "type": setting.type,
        "part": setting.is_part,
        "required": setting.is_required,
        "default": setting.value,
        "default_text": setting.default,
        "text": said.get(setting.name, ""),
    }


def _takes(setting: Setting) -> str:
    kind = f"a {setting.type}, in a section of its own" if setting.is_part else setting.type
    return f"{kind}   required" if setting.is_required else f"{kind} = {setting.default}"


def _print_title(console: Console, title: str) -> None:
    console.print()
    console.print(title, style="bold")


def _one(kind: str) -> str:
    one = ONE_OF[kind]
    return f"an {one}" if one[0] in "aeiou" else f"a {one}"


def _without_markup(text: str) -> str:
    """Leave out the mark with which docstrings announce a formula."""
    return text.replace("\n::\n", "\n").removeprefix("::\n").replace("::\n", ":\n")

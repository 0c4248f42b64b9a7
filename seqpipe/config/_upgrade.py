"""Renames the parts of a pipeline file to their newest versions, and writes down the defaults that differ."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from seqpipe.config._check import check, check_by_record
from seqpipe.config._read import PipelineFile, read_text
from seqpipe.config._syntax import Key
from seqpipe.config._types import descend
from seqpipe.config._usage import Setting, settings_of
from seqpipe.errors import PluginError
from seqpipe.kinds import KINDS
from seqpipe.plugins import Part, host

_LINE_END: Final = re.compile(r"(\r\n|\r|\n)")
_INSIDE_VALUE: Final = re.compile(r'"(@seqpipe_\w+)"\s*:\s*"([^"]+)"')
_MARK: Final = "\ufeff"


@dataclass(frozen=True)
class Upgrade:
    """What a pipeline file becomes.

    Attributes:
        text: The new text, with the line ends and the byte order mark of the old one.
        notes: What else differs, or why a newer version wasn't taken; a sentence each.
    """

    text: str
    notes: tuple[str, ...]


class _KeptError(Exception):
    """A part keeps its version, in words that say why."""


def upgrade(file: PipelineFile, text: str, *, new_defaults: bool = False) -> Upgrade:
    """Rename each part that a file names to its newest version: "seqpipe.TextClassifier.v1" to ".v2".

    Where the default of a setting differs between the versions and the file doesn't give the setting, the old default is
    written below the part's name. A part keeps its version where its settings can't keep their values.

    Args:
        file: The file as it was read, without options, and checked.
        text: Its text.
        new_defaults: Whether to take the new defaults instead.

    Raises:
        PipelineFileError: The new text has errors, such as a value that the newer version doesn't take.
        PluginError: A plugin can't be used.
    """
    pieces = _LINE_END.split(text.removeprefix(_MARK))
    lines, ends = pieces[::2], [*pieces[1::2], ""]
    notes: list[str] = []
    for path, key in file.index.each_key():
        where = f"[{'.'.join(path)}]"
        for kind, name in _names(key, descend(file.sections, path)):
            newer = host().newer(kind, name)
            if not newer:
                continue
            newest = newer[-1]
            try:
                if not key.name.startswith("@"):
                    raise _KeptError(f"it's named inside the value of `{key.name}`")
                if name not in key.pieces[0].text:
                    raise _KeptError("its name isn't on the line of its key")
                given = set(descend(file.sections, path))
                added, news = _added(host().find(kind, name), newest, given, new_defaults)
            except (_KeptError, PluginError) as error:
                notes.append(f"{where} keeps {name}, though there's {newest.name}: {error}")
                continue
            notes += [f"{where} {newest.name} {each}" for each in news]
            _edit(lines, ends, key, (name, newest.name), added)
    mark = _MARK if text.startswith(_MARK) else ""
    found = mark + "".join(line + end for line, end in zip(lines, ends, strict=True))
    if found != text:
        _check(file, found)
    return Upgrade(found, tuple(notes))


def _names(key: Key, section: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the kind and the name of each part that a key names."""
    found = (
        [(key.name, section[key.name])]
        if key.name.startswith("@")
        else _INSIDE_VALUE.findall(key.raw)
    )
    for registry, name in found:
        kind = registry.removeprefix("@seqpipe_")
        if kind in KINDS:
            yield kind, name


def _added(
    old: Part, new: Part, given: Collection[str], new_defaults: bool
) -> tuple[list[Setting], list[str]]:
    """Return the settings to write down, and what's new.

    Raises:
        _KeptError: The settings can't keep their values.
    """
    before = {setting.name: setting for setting in settings_of(old)}
    after = {setting.name: setting for setting in settings_of(new)}
    added, news = [], []
    for name, setting in before.items():
        if name not in after and (name in given or not new_defaults):
            raise _KeptError(f"that has no setting `{name}`")
        if name in given or new_defaults or setting.is_required:
            continue
        if setting.default == after[name].default:
            continue
        if not setting.is_writable:
            raise _KeptError(
                f"the default of `{name}` was {setting.default}, which a file can't express"
            )
        added.append(setting)
    for name, setting in after.items():
        if name in before or name in given:
            continue
        if setting.is_required and not setting.is_part:
            raise _KeptError(f"that needs the setting `{name}`")
        news.append(f"has a new setting: {name} = {setting.default}")
    return added, news


def _edit(
    lines: list[str], ends: list[str], key: Key, names: tuple[str, str], added: list[Setting]
) -> None:
    """Rename a part, and add settings below it in the manner of its line."""
    at, piece = key.line - 1, key.pieces[0]
    line = lines[at]
    indent, gap = line[: key.column - 1], line[key.column - 1 + len(key.name) : piece.column - 1]
    begin = piece.column - 1
    text = line[:begin] + line[begin:].replace(*names, 1)
    # The last line may have no end.
    end = ends[at] or next(filter(None, ends), "\n")
    more = [f"{indent}{setting.name}{gap}{setting.default}" for setting in added]
    # As one item, so that the lines below keep their numbers.
    lines[at] = end.join([text, *more])


def _check(file: PipelineFile, text: str) -> None:
    again = read_text(text, name=f"{file.path} (upgraded)")
    if not check_by_record(again):
        check(again)

"""How a pipeline file uses a part: what it may set, and a section to start from."""

import enum
import inspect
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from seqpipe.config._describe import spell
from seqpipe.config._expand import FindPart
from seqpipe.config._read import read_text
from seqpipe.config._schema import DEFAULT_PARTS, KIND_SLOTS
from seqpipe.config._types import is_block, misfit
from seqpipe.errors import PluginError
from seqpipe.messages import PipelineFileError
from seqpipe.plugins import Part

_EMPTY: Final = inspect.Parameter.empty
_NOT_JSON: Final = object()

#: The section of each kind of part.
_SECTIONS: Final[dict[str, str]] = {
    registry: section for section, (registry, _) in DEFAULT_PARTS.items()
}
#: The default part of each kind.
_DEFAULTS: Final[dict[str, str]] = {registry: name for registry, name in DEFAULT_PARTS.values()}


@dataclass(frozen=True)
class Setting:
    """What a pipeline file may set of a part.

    Attributes:
        name: The key.
        type: What it takes, such as ``float | None``; "cell" and the like for a part of that kind.
        is_part: Whether it takes a part, in a section of its own.
        is_required: Whether it has to be given.
        default: As a file writes it, or as Python shows it where no file can; "" if it's required.
        is_writable: Whether a file can express the default.
        value: The default if JSON can express it; else None.
    """

    name: str
    type: str
    is_part: bool
    is_required: bool
    default: str = ""
    is_writable: bool = False
    value: Any = None


def settings_of(part: Part) -> list[Setting]:
    """Return what a pipeline file may set of a part, in the order of its signature.

    Raises:
        PluginError: The part can't be loaded, or its signature can't be read.
    """
    return [_setting(name, parameter) for name, parameter in part.settings.items()]


def section_of(part: Part, find_part: FindPart) -> str:
    """Return the section of a pipeline file that uses a part, with every setting at its default.

    Settings that are required, or whose default a file can't express, are comments. Parts inside the part
    follow in sections of their own.

    Args:
        part: The part.
        find_part: Finds the parts inside it.

    Raises:
        PluginError: The part can't be loaded, or its signature can't be read.
    """
    section = _SECTIONS[f"@seqpipe_{part.kind}"]
    return "\n".join(_sections(section, part, find_part, ()))


def _setting(name: str, parameter: inspect.Parameter) -> Setting:
    is_part = name in KIND_SLOTS
    kind = name if is_part else spell(parameter.annotation)
    if parameter.default is _EMPTY:
        return Setting(name, kind, is_part, is_required=True)
    text = _written(name, parameter)
    if text is None:
        return Setting(name, kind, is_part, is_required=False, default=_shown(parameter.default))
    value = _strict(_plain(parameter.default))
    return Setting(name, kind, is_part, False, text, is_writable=True, value=value)


def _sections(
    section: str, part: Part, find_part: FindPart, around: tuple[str, ...]
) -> Iterator[str]:
    yield f"[{section}]"
    yield f'@seqpipe_{part.kind} = "{part.name}"'
    inside = []
    for setting in settings_of(part):
        registry = f"@seqpipe_{setting.name}s"
        # For a slot of pipeline files, the default part is what null becomes.
        is_open = setting.is_required or f"{section}.{setting.name}" in DEFAULT_PARTS
        if setting.is_part and is_open and registry not in around:
            inside.append((f"{section}.{setting.name}", registry))
        else:
            yield _line(setting)
    for inner, registry in inside:
        yield ""
        yield from _inner(inner, registry, find_part, (*around, registry))


def _inner(
    section: str, registry: str, find_part: FindPart, around: tuple[str, ...]
) -> Iterator[str]:
    name = _DEFAULTS[registry]
    try:
        part = find_part(registry.removeprefix("@seqpipe_"), name)
        yield from _sections(section, part, find_part, around)
    except PluginError:
        yield from (f"[{section}]", f'{registry} = "{name}"')


def _line(setting: Setting) -> str:
    if setting.is_required:
        return f"# {setting.name} = …   required: {setting.type}"
    if setting.is_writable:
        return f"{setting.name} = {setting.default}"
    return f"# {setting.name} is {setting.default} by default, which a file can't express"


def _written(name: str, parameter: inspect.Parameter) -> str | None:
    """Return a default as a pipeline file writes it, or None if that reads back as something else."""
    value = _plain(parameter.default)
    if value is _NOT_JSON or is_block(value) or not _fits(value, parameter.annotation):
        return None
    text = json.dumps(value, ensure_ascii=not _is_encodable(value)).replace("$", "$$")
    try:
        read = read_text(f"[part]\n{name} = {text}\n").sections["part"][name]
    except PipelineFileError:
        return None
    return text if json.dumps(read) == json.dumps(value) else None


def _fits(value: Any, annotation: Any) -> bool:
    try:
        return misfit(value, annotation) is None
    except Exception:
        # A plugin's annotation may be anything, and checking a value may run its code.
        return False


def _plain(value: Any) -> Any:
    """Return a value in terms of JSON, or `_NOT_JSON`."""
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, dict):
        inner = {key: _plain(each) for key, each in value.items()}
        good = all(isinstance(key, str) for key in inner) and _NOT_JSON not in inner.values()
        return inner if good else _NOT_JSON
    if isinstance(value, (list, tuple, set, frozenset)):
        ordered = value if isinstance(value, (list, tuple)) else sorted(value, key=repr)
        items = [_plain(each) for each in ordered]
        return _NOT_JSON if any(each is _NOT_JSON for each in items) else items
    return _NOT_JSON


def _strict(value: Any) -> Any:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:  # JSON knows no infinity, though files do
        return None
    return value


def _is_encodable(value: Any) -> bool:
    text = json.dumps(value, ensure_ascii=False)
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _shown(value: Any) -> str:
    name = getattr(value, "__qualname__", None)
    if isinstance(name, str):
        return name
    try:
        return " ".join(repr(value).split())
    except Exception:
        return f"an object of {type(value).__name__}"

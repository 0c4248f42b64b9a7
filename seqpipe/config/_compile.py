"""Compiles a pipeline file to a complete spaCy configuration, whose ``$`` signs survive being saved and loaded."""

import itertools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from seqpipe.config._check import check
from seqpipe.config._expand import DEV, TASK, TASKS, expand, task_of_head
from seqpipe.config._read import PipelineFile, read
from seqpipe.config._schema import FREE_SECTIONS
from seqpipe.config._types import is_block
from seqpipe.plugins import find_part

# Why ``$`` is replaced: confection writes each ``$`` as ``$$``, but undoes that only where it resolves
# references, and spaCy loads a pipeline without doing so. So a saved pipeline has twice as many, and four
# times as many after the next save. Nor does it restore a string with two ``$``: ``"$ 1e3 $"``
# comes out as ``"$1000.0$"``.
# So no ``$`` of a pipeline file gets there: a value with one becomes a block that creates the value, with
# another character in place of the ``$``.

#: The function that the block names, in spaCy's registry "misc".
_NAME: Final = "seqpipe.Dollars.v1"
#: The first one that isn't in the value replaces its dollars; then those for private use.
_SIGNS: Final = "~^§¤"
_COMPONENT_AS_WRITTEN: Final = ("factory", "source", "component", "replace_listeners")
#: The references of the expansion.
_REFERENCES: Final = {
    "seed": "${system.seed}",
    "gpu_allocator": "${system.gpu_allocator}",
    "task": TASK,
    "tasks": TASKS,
    "corpus": DEV,
}
_OF_A_HEAD: Final = re.compile(re.escape(task_of_head("X")).replace("X", r"\w+"))


def restore_dollars(value: Any, sign: str) -> Any:
    """Put dollars into a value; registered as "seqpipe.Dollars.v1" among spaCy's "misc".

    Args:
        value: A string, or a list or mapping that contains some.
        sign: The character that replaces the dollars in it.
    """
    return _map_strings(value, lambda text: text.replace(sign, "$"))


def without_dollars(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a spaCy configuration with a block of "seqpipe.Dollars.v1" for each value that has a ``$``.

    Args:
        config: Its values are literal, except for the references of the expansion. References to free sections
            are resolved already, so a value with a ``$`` there is left out, unless it's in a block, which the
            expansion refers to: spaCy builds nothing from these sections, and would double the ``$`` at each save.
    """
    return {name: _section(name, section) for name, section in config.items()}


def _section(name: str, section: dict[str, Any]) -> dict[str, Any]:
    # spaCy reads these as they are, before it resolves anything.
    if name == "system":
        return section
    if name in FREE_SECTIONS:
        section = {k: _value(v) if _holds_block(v) else v for k, v in section.items()}
        return {k: v for k, v in section.items() if "$" not in json.dumps({k: v})}
    if name == "components":
        return {key: _component(component) for key, component in section.items()}
    if name == "nlp":
        return {k: _value(v) if isinstance(v, dict) else v for k, v in section.items()}
    return _keys(section)


def _component(component: dict[str, Any]) -> dict[str, Any]:
    protected = _keys(component)
    return {k: component[k] if k in _COMPONENT_AS_WRITTEN else v for k, v in protected.items()}


def _keys(section: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value if key.startswith("@") or _is_reference(key, value) else _value(value)
        for key, value in section.items()
    }


def _is_reference(key: str, value: Any) -> bool:
    """Return whether a value is one of the expansion's references."""
    if key == "task" and isinstance(value, str) and _OF_A_HEAD.fullmatch(value):
        return True
    return isinstance(value, str) and _REFERENCES.get(key) == value


def _value(value: Any) -> Any:
    if _holds_block(value):
        return _keys(value)
    together = json.dumps(value, ensure_ascii=False)
    if "$" not in together:
        return value
    signs = itertools.chain(_SIGNS, map(chr, range(0xE000, 0xF900)))
    sign = next(sign for sign in signs if sign not in together)
    encoded = _map_strings(value, lambda text: text.replace("$", sign))
    return {"@misc": _NAME, "value": encoded, "sign": sign}


def _holds_block(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    return is_block(value) or any(map(_holds_block, value.values()))


def _map_strings(value: Any, change: Callable[[str], str]) -> Any:
    """Return a value with all its strings changed, including the keys of mappings."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): _map_strings(inner, change) for key, inner in value.items()}
    if isinstance(value, list):
        return [_map_strings(inner, change) for inner in value]
    return value


def compile_file(path: Path, overrides: Sequence[str] = (), *, is_checked: bool = False) -> Any:
    """Read, check and expand a pipeline file, and fill in spaCy's defaults.

    Args:
        path: The pipeline file.
        overrides: Settings that replace those of the file: ``["--encoder.width", "128"]``.
        is_checked: Whether `check_by_record` has checked the file already.

    Returns:
        A `confection.Config` that `spacy train` takes; its variables aren't interpolated.

    Raises:
        ConfigError: The file can't be read, or has errors.
        PluginError: A part can't be loaded.
    """
    return compile_read(read(path, overrides), is_checked=is_checked)


def compile_read(file: PipelineFile, *, is_checked: bool = False) -> Any:
    """Check and expand a pipeline file that was read; see `compile_file`."""
    # spaCy takes seconds to import: syntax errors are reported before.
    from confection import Config
    from spacy.language import DEFAULT_CONFIG
    from spacy.util import CONFIG_SECTION_ORDER

    if not is_checked:
        check(file)
    expansion = without_dollars(expand(file.sections, file.makes, find_part, file.written))
    expanded = Config(expansion, is_interpolated=False)
    return Config(DEFAULT_CONFIG, section_order=CONFIG_SECTION_ORDER).merge(expanded)

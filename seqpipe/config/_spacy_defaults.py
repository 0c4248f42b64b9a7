"""spaCy's default configuration, read without importing spaCy."""

import functools
import importlib.util
import json
from pathlib import Path
from typing import Any

from seqpipe.config._sections import nest
from seqpipe.config._syntax import split
from seqpipe.messages import Problems, Source

_FILES = ("default_config.cfg", "default_config_pretraining.cfg")


@functools.cache
def spacy_defaults() -> dict[str, Any]:
    """Return the nested sections; values that are references stay strings.

    It's empty if spaCy isn't found, as this only serves suggestions.
    """
    found = importlib.util.find_spec("spacy")
    folders = (found.submodule_search_locations if found else None) or []
    flat: dict[str, dict[str, Any]] = {}
    for folder in folders:
        for name in _FILES:
            path = Path(folder) / name
            if path.is_file():
                _add(path, flat)
    return nest(flat)


def spacy_keys() -> list[str]:
    """Return all keys with their sections, such as "training.max_epochs"."""
    return [".".join(path) for path in _leaves(spacy_defaults())]


def _add(path: Path, flat: dict[str, dict[str, Any]]) -> None:
    lines = tuple(path.read_text(encoding="utf-8").split("\n"))
    source = Source(path.name, lines)
    for name, section in split(source, Problems(path.name)).items():
        values = flat.setdefault(name, {})
        for key in section.keys.values():
            values.setdefault(key.name, key.raw if "$" in key.raw else json.loads(key.raw))


def _leaves(node: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(node, dict) or not node:
        return [path]
    return [leaf for name, inner in node.items() for leaf in _leaves(inner, (*path, name))]

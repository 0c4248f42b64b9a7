"""Nests the sections of a file by their names, and resolves references to whole sections."""

from collections.abc import Callable
from typing import Any, Final

from seqpipe.config._references import SECTION

Path = tuple[str, ...]

#: References to sections may not make a file larger or deeper than this.
_MAX_COPIED: Final = 100_000
_MAX_DEPTH: Final = 64


def nest(sections: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return sections with dotted names as nested mappings, the subsections first, as confection does."""
    nested: dict[str, Any] = {}
    for name in sections:
        _descend(nested, name)
    for name, values in sections.items():
        _descend(nested, name).update(values)
    return nested


def _descend(nested: dict[str, Any], name: str) -> dict[str, Any]:
    node = nested
    for part in name.split("."):
        node = node.setdefault(part, {})
    return node


class SectionReferences:
    """Replaces values that refer to whole sections by copies of these.

    Args:
        nested: The nested sections.
        report: Called with the path of each invalid reference, and the reason.
    """

    def __init__(self, nested: dict[str, Any], report: Callable[[Path, str], None]) -> None:
        self._nested = nested
        self._report = report
        self._copied = 0
        self._copying = 0

    def replace(self) -> dict[str, Any]:
        """Return the sections without references."""
        return {
            name: self._copy(value, (name,), (id(self._nested), id(value)))
            for name, value in self._nested.items()
        }

    def _copy(self, value: Any, path: Path, inside: tuple[int, ...]) -> Any:
        """Return a copy; `inside` has the identities of the mappings that contain it."""
        if self._copying:
            self._copied += 1
        if isinstance(value, dict):
            return {
                key: self._copy(inner, (*path, key), (*inside, id(inner)))
                for key, inner in value.items()
            }
        if isinstance(value, list):
            return [self._copy(inner, path, (*inside, id(inner))) for inner in value]
        if isinstance(value, str) and SECTION in value and value != SECTION:
            return self._section(value, path, inside)
        return value

    def _section(self, value: str, path: Path, inside: tuple[int, ...]) -> Any:
        name = value.removeprefix(SECTION)
        target = self._find(name)
        fault = None
        if SECTION in name or not value.startswith(SECTION):
            fault = "a whole section can't be put into a string"
        elif target is None:
            fault = f"there's no section [{name}] to refer to"
        elif id(target) in inside:
            fault = f"the section [{name}] would contain itself"
        elif len(inside) > _MAX_DEPTH or self._copied > _MAX_COPIED:
            fault = "the references to sections make the file too large"
        if fault:
            self._report(path, fault)
            return None
        self._copying += 1
        copy = self._copy(target, path, (*inside, id(target)))
        self._copying -= 1
        return copy

    def _find(self, name: str) -> dict[str, Any] | None:
        target: Any = self._nested
        for part in name.split("."):
            target = target.get(part) if isinstance(target, dict) else None
        return target if isinstance(target, dict) else None

"""Dresses errors that confection or spaCy raise for the expanded configuration like those of the file."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from seqpipe.config._diagnostics import Diagnostic, PipelineFileError
from seqpipe.config._read import PipelineFile
from seqpipe.config._refusals import origin
from seqpipe.config._text import quote

Path = tuple[str, ...]

_MISSING = re.compile(r"missing required argument: '(.+)'|Field required")
_UNEXPECTED = re.compile(r"unexpected argument: '(.+)'|Extra inputs are not permitted")


def from_confection(
    error: ValueError, file: PipelineFile, sections: Sequence[str] = ()
) -> PipelineFileError:
    """Return an error like those of `check` for one that was raised later.

    Confection names places in the expanded configuration, and often only their end
    ("optimizer -> learn_rate"). A place is shown where just one of the file's ends like that.

    Args:
        error: A `ConfigValidationError`.
        file: The file that was expanded.
        sections: Those that were made, one of which places may be relative to.
    """
    entries: Iterable[Mapping[str, Any]] = getattr(error, "errors", None) or ()
    paths = _paths(file.sections)
    found = []
    for entry in entries:
        location = _location(error, entry)
        origins = [origin((*before, *location), file) for before in [(), *((s,) for s in sections)]]
        whole = next((path for path in origins if path in paths), location)
        found.append(_diagnostic(entry, whole, file, paths))
    if not found:
        text = getattr(error, "desc", None) or str(error)
        found = [Diagnostic(" ".join(text.split())[:500], file.place(()))]
    return PipelineFileError(found, file.index.name)


def _location(error: ValueError, entry: Mapping[str, Any]) -> Path:
    parent = str(getattr(error, "parent", None) or "")
    steps = [parent, *(str(step) for step in entry.get("loc", ()))]
    return tuple(part for step in steps for part in step.split(".") if part)


def _diagnostic(
    entry: Mapping[str, Any], location: Path, file: PipelineFile, paths: list[Path]
) -> Diagnostic:
    message = str(entry.get("msg", "")).strip()
    missing = _MISSING.fullmatch(message)
    at = _find(location[:-1] if missing else location, paths) or _naming(message, file, paths)
    place = file.place(at, value=not missing) if at else file.place(())
    where = ".".join(location)
    if missing:
        return Diagnostic(f"{quote(where)} is missing", place, *_label(at, "add it"))
    if _UNEXPECTED.fullmatch(message):
        place = file.place(at) if at else place
        return Diagnostic(f"there's no setting {quote(where)}", place, *_label(at, "remove it"))
    return Diagnostic(f"{quote(where)} can't be used: {message}", place, *_label(at, ""))


def _label(at: Path | None, label: str) -> tuple[str]:
    return (label if at else "it's not in the file itself, but in what the file expands to",)


def _find(location: Path, paths: list[Path]) -> Path | None:
    """Return the one path that a location means: the whole, or else the longest end that fits only one."""
    for start in range(len(location)):
        end = location[start:]
        fitting = [path for path in paths if path[-len(end) :] == end]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            return fitting[0] if fitting[0] == location else None
    return None


def _naming(message: str, file: PipelineFile, paths: list[Path]) -> Path | None:
    """Return the path whose value a message ends with, as of a reference that leads nowhere."""
    for path in paths:
        value: Any = file.sections
        for part in path:
            value = value[part]
        if isinstance(value, str) and value and message.endswith(f": {value}"):
            return path
    return None


def _paths(node: Any, path: Path = ()) -> list[Path]:
    inner = node.items() if isinstance(node, dict) else ()
    return [
        *([path] if path else []),
        *(p for name, value in inner for p in _paths(value, (*path, name))),
    ]

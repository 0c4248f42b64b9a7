"""Remembers what parts take between runs, so that a pipeline file can be checked without importing them.

Importing torch takes seconds. What the signatures and docstrings of a package's parts say is kept in one
file for each state of the package: its name has a hash of the package's version and its files' times.
When a part is imported anyway, its record is written anew if it says something else.
"""

import contextlib
import functools
import hashlib
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final

from seqpipe import __version__
from seqpipe.storage import cache_folder, is_trusted, make_private, remove_leftovers

#: Looking at more files than this would take longer than it saves.
_MOST_FILES: Final = 5000
#: How many states of a package are remembered, such as those of several environments.
_MOST_STATES: Final = 8


def read_record(package: str, owner: str, name: str) -> Any:
    """Return what's recorded, or None if nothing is, or not of the package as it is now.

    Args:
        package: The top-level package whose code it's about.
        owner: The distribution with its version.
        name: What the record is of.
    """
    return _records(package, owner).get(name)


def write_record(package: str, owner: str, name: str, record: Any) -> None:
    """Record something in terms of JSON; where no file can be written, nothing is kept.

    Args:
        package: The top-level package whose code it's about.
        owner: The distribution with its version.
        name: What the record is of.
        record: What's recorded.
    """
    records = _records(package, owner)
    if records.get(name) == record:
        return
    records[name] = record
    file = _file(package, owner)
    if file is None:
        return
    # Another process may have added records of the same state meanwhile.
    kept = _read(file)
    kept.update(records)
    records.update(kept)
    with contextlib.suppress(OSError, ValueError, TypeError):
        _write(file, json.dumps(kept))
        _prune(file.parent, package)


def keeps_records() -> bool:
    """Say whether what's recorded now can be read by a later process."""
    file = _file("seqpipe", "")
    try:
        if file is not None:
            make_private(file.parent)
            return os.access(file.parent, os.W_OK)
    except OSError:
        pass
    return False


@functools.cache
def stamp_of(package: str) -> str | None:
    """Return what changes whenever the code of a package does, or None if that can't be said.

    It's made of the times and sizes of the package's files and of seqpipe's, and of Python's version.
    """
    try:
        lines = list(_files_of(package))
        if package != "seqpipe":
            lines += _files_of("seqpipe")
    except (OSError, ValueError, ImportError, LookupError):
        return None
    text = "\n".join([sys.version, __version__, *sorted(lines)])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@functools.cache
def environment_stamp() -> str:
    """Return what changes with the installed distributions, and with the files of those that offer anything.

    The folders that describe distributions carry their names and versions; of a package that's edited in
    place, its files count as well.
    """
    lines = [f"{package} {stamp_of(package)}" for package in _offering_packages()]
    for folder in sys.path:
        with contextlib.suppress(OSError):
            lines += [
                f"{each.path} {each.stat().st_mtime_ns}"
                for each in os.scandir(folder or ".")
                if each.name.endswith((".dist-info", ".egg-info"))
            ]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:24]


def _offering_packages() -> set[str]:
    """Return the packages that offer parts, or functions of spaCy's registries."""
    packages = set()
    for distribution in distributions():
        # A damaged one is reported by whoever asks for a part.
        with contextlib.suppress(Exception):
            packages |= {
                each.value.partition(":")[0].partition(".")[0]
                for each in distribution.entry_points
                if each.group.startswith(("seqpipe", "spacy_", "thinc_"))
            }
    return packages


def _files_of(package: str) -> Iterator[str]:
    # Of a package at the top, this imports nothing.
    spec = importlib.util.find_spec(package)
    if spec is None or (not spec.has_location and not spec.submodule_search_locations):
        raise LookupError(package)
    roots = [*(spec.submodule_search_locations or [])] or [str(spec.origin)]
    count = 0
    for root in roots:
        for path in _python_files(root):
            count += 1
            if count > _MOST_FILES:
                raise LookupError(f"{package} has too many files")
            status = os.stat(path)  # noqa: PTH116
            yield f"{path} {status.st_mtime_ns} {status.st_size}"


def _python_files(root: str) -> Iterator[str]:
    if not os.path.isdir(root):  # noqa: PTH112  (a thousand objects of pathlib's take as long as all else)
        yield root
        return
    for folder, _, names in os.walk(root):
        yield from (os.path.join(folder, name) for name in names if name.endswith(".py"))  # noqa: PTH118


@functools.cache
def _records(package: str, owner: str) -> dict[str, Any]:
    file = _file(package, owner)
    return _read(file) if file else {}


def _read(file: Path) -> dict[str, Any]:
    try:
        # In a folder that others share, somebody could say of parts what isn't so.
        if not is_trusted(file.stat()):
            return {}
        kept = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _write(file: Path, text: str) -> None:
    make_private(file.parent)
    remove_leftovers(file.parent.glob("*.tmp"))
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=file.parent, suffix=".tmp", delete=False
    ) as made:
        made.write(text)
    try:
        Path(made.name).replace(file)
    except OSError:
        Path(made.name).unlink(missing_ok=True)


def _prune(folder: Path, package: str) -> None:
    """Remove the records of former states of a package, but for those of a few environments."""
    files = sorted(folder.glob(f"{package}-*.json"), key=lambda file: file.stat().st_mtime_ns)
    for file in files[:-_MOST_STATES]:
        file.unlink(missing_ok=True)


@functools.cache
def _file(package: str, owner: str) -> Path | None:
    """Return where the records of a package lie as it is now; None if that can't be said."""
    stamp = stamp_of(package)
    if stamp is None:
        return None
    state = hashlib.sha256(f"{owner} {stamp}".encode()).hexdigest()[:24]
    try:
        return cache_folder().absolute() / "descriptions" / f"{package}-{state}.json"
    except RuntimeError:  # a user without a home
        return None

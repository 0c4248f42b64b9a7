"""Caches the signatures of parts between runs, so that a pipeline file can be checked without importing them.

Importing torch takes seconds. The signatures and docstrings of a package's parts are cached in one
file per state of the package: its name contains a hash of the package's version and its files' times.
Whenever a part is imported, its record is updated if it differs.
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

#: Checking more files than this would take longer than the cache saves.
_MAX_FILES: Final = 5000
#: How many states of a package are kept, such as those of several environments.
_MAX_STATES: Final = 8


def read_record(package: str, owner: str, name: str) -> Any:
    """Return what's recorded for the current state of a package, or None if nothing is.

    Args:
        package: The top-level package of the code.
        owner: The distribution with its version.
        name: The name of the record.
    """
    return _records(package, owner).get(name)


def write_record(package: str, owner: str, name: str, record: Any) -> None:
    """Record JSON values; if no file can be written, they're kept for this process only.

    Args:
        package: The top-level package of the code.
        owner: The distribution with its version.
        name: The name of the record.
        record: The values.
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
    """Return whether later processes can read what's recorded now."""
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
    """Return a hash that changes whenever the code of a package does, or None if that can't be determined.

    It's a hash of the times and sizes of the package's files and of seqpipe's, and of Python's version.
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
    """Return a hash of the installed distributions, and of the files of those that provide anything.

    The metadata folders of distributions have their names and versions in their own names; the files are for
    packages that are edited in place.
    """
    lines = [f"{package} {stamp_of(package)}" for package in _providing_packages()]
    for folder in sys.path:
        with contextlib.suppress(OSError):
            lines += [
                f"{each.path} {each.stat().st_mtime_ns}"
                for each in os.scandir(folder or ".")
                if each.name.endswith((".dist-info", ".egg-info"))
            ]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:24]


def _providing_packages() -> set[str]:
    """Return the packages that provide parts, or functions of spaCy's registries."""
    packages = set()
    for distribution in distributions():
        # A damaged one is reported when a part is used.
        with contextlib.suppress(Exception):
            packages |= {
                each.value.partition(":")[0].partition(".")[0]
                for each in distribution.entry_points
                if each.group.startswith(("seqpipe", "spacy_", "thinc_"))
            }
    return packages


def _files_of(package: str) -> Iterator[str]:
    # For a top-level package, this imports nothing.
    spec = importlib.util.find_spec(package)
    if spec is None or (not spec.has_location and not spec.submodule_search_locations):
        raise LookupError(package)
    roots = [*(spec.submodule_search_locations or [])] or [str(spec.origin)]
    count = 0
    for root in roots:
        for path in _python_files(root):
            count += 1
            if count > _MAX_FILES:
                raise LookupError(f"{package} has too many files")
            status = os.stat(path)  # noqa: PTH116
            yield f"{path} {status.st_mtime_ns} {status.st_size}"


def _python_files(root: str) -> Iterator[str]:
    if not os.path.isdir(root):  # noqa: PTH112  (a thousand pathlib objects take as long as everything else)
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
        # In a shared folder, someone else could write wrong records.
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
    """Remove the records of earlier states of a package, except for those of a few environments."""
    files = sorted(folder.glob(f"{package}-*.json"), key=lambda file: file.stat().st_mtime_ns)
    for file in files[:-_MAX_STATES]:
        file.unlink(missing_ok=True)


@functools.cache
def _file(package: str, owner: str) -> Path | None:
    """Return the file with the records of a package's current state; None if there can't be one."""
    stamp = stamp_of(package)
    if stamp is None:
        return None
    state = hashlib.sha256(f"{owner} {stamp}".encode()).hexdigest()[:24]
    try:
        return cache_folder().absolute() / "descriptions" / f"{package}-{state}.json"
    except RuntimeError:  # a user without a home
        return None

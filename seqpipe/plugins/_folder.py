"""Plugins in a folder, whose package may not be installed yet."""

import os
import sys
from collections.abc import Iterable, Mapping
from email.message import Message
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from seqpipe.errors import PluginError
from seqpipe.plugins._host import GROUP, Host

_UNKNOWN: Final = "0+unknown"
_EXAMPLE: Final = f'[project.entry-points.{GROUP}]\nmy_cells = "seqpipe_my_cells"'


def host_of_folder(folder: Path) -> Host:
    """Return a host of only those plugins whose package is in a folder.

    Its messages are addressed to their author.

    If its distribution is installed, that's what is loaded; `installed_elsewhere` returns files from
    outside the folder. If not, the folder's `src` and the folder itself are permanently put at the front
    of `sys.path`.

    Args:
        folder: Contains a ``pyproject.toml`` that names the plugins' modules.

    Raises:
        PluginError: There's no such file, it can't be read, or it names no plugin.
    """
    declared = _Folder(folder)
    try:
        found: Distribution = distribution(declared.metadata["Name"])
    except PackageNotFoundError:
        found = declared
        paths = [str(path.resolve()) for path in (folder / "src", folder) if path.is_dir()]
        sys.path[:0] = [path for path in paths if path not in sys.path]
    return Host(found.entry_points.select(group=GROUP), folder=folder)


def installed_elsewhere(folder: Path) -> list[Path]:
    """Return the files of the folder's plugins that would be imported from somewhere else.

    That happens if a copy of the folder is installed, which isn't affected by changes in the folder.

    Raises:
        PluginError: As `host_of_folder`.
    """
    entry_points = _Folder(folder).entry_points.select(group=GROUP)
    origins = [_origin(entry_point) for entry_point in entry_points]
    root = folder.resolve()
    return [file for file in origins if file and not file.resolve().is_relative_to(root)]


def _origin(entry_point: EntryPoint) -> Path | None:
    try:
        # Not for the module itself, since that would import its parent packages.
        spec = find_spec(entry_point.module.partition(".")[0])
    except (ImportError, ValueError, AttributeError):  # the name may be invalid
        return None
    return Path(spec.origin) if spec and spec.has_location and spec.origin else None


class _Folder(Distribution):
    """The distribution that a folder would install, as far as its ``pyproject.toml`` shows."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._project = _read_project(folder)

    def read_text(self, filename: str) -> str | None:
        """Return the metadata or the entry points, as an installation would contain them."""
        if filename == "METADATA":
            return self._message().as_string()
        if filename == "entry_points.txt":
            lines = [f"{name} = {value}" for name, value in _plugins(self._project).items()]
            return "\n".join([f"[{GROUP}]", *lines])
        return None

    def locate_file(self, path: str | os.PathLike[str]) -> Path:
        """Return the path of one of its files."""
        return self._folder / path

    def _message(self) -> Message:
        message = Message()
        message["Name"] = str(self._project.get("name") or self._folder.resolve().name)
        # It may be dynamic.
        message["Version"] = str(self._project.get("version") or _UNKNOWN)
        for requirement in _strings(self._project.get("dependencies")):
            message["Requires-Dist"] = requirement
        return message


def _read_project(folder: Path) -> Mapping[str, Any]:
    # Few commands read a folder, and they alone wait for this.
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    file = folder / "pyproject.toml"
    try:
        project = tomllib.loads(file.read_text(encoding="utf-8")).get("project")
    except FileNotFoundError:
        raise PluginError(
            f"{folder} contains no pyproject.toml, so it's not the folder of a plugin; "
            "`seqpipe plugins new` creates one"
        ) from None
    except (OSError, ValueError) as error:
        raise PluginError(f"{file} can't be read: {error}") from error
    if not (isinstance(project, dict) and _plugins(project)):
        raise PluginError(f"{file} declares no plugin: add lines such as\n\n{_EXAMPLE}\n")
    return project


def _plugins(project: Mapping[str, Any]) -> dict[str, str]:
    groups = project.get("entry-points")
    group = groups.get(GROUP) if isinstance(groups, dict) else None
    named = group.items() if isinstance(group, dict) else ()
    return {name: value for name, value in named if isinstance(value, str)}


def _strings(values: Any) -> Iterable[str]:
    return [each for each in values if isinstance(each, str)] if isinstance(values, list) else []

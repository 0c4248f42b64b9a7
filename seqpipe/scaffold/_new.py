"""Creates the package of a new plugin: derives its names, renders the templates, and writes the folder."""

import itertools
import re
import secrets
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from packaging.version import Version

import seqpipe
from seqpipe.errors import PluginError
from seqpipe.kinds import KINDS, Kind
from seqpipe.messages import did_you_mean, nearest

_OURS: Final = "seqpipe"
_GOOD: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Names:
    """The names of a plugin.

    Attributes:
        plugin: The entry point, which is the prefix of its parts' names: "my_cells".
        distribution: The name that `pip` installs, and that of its folder: "seqpipe-my-cells".
        module: The name that Python imports: "seqpipe_my_cells".
    """

    plugin: str
    distribution: str
    module: str


def make_names(given: str, taken: Collection[str] = ()) -> Names:
    """Derive the names of a plugin from the one given: "My_Cells", or "seqpipe-my-cells".

    The module's name begins with "seqpipe_", so Python's keywords and modules may be used as names.

    Args:
        given: The name that the author gives.
        taken: The names of other plugins.

    Raises:
        PluginError: The name isn't valid for both Python and `pip`, or it's taken.
    """
    lowered = re.sub(r"[-_]+", "-", given.lower())
    stem = lowered.removeprefix(f"{_OURS}-")
    if stem == _OURS or lowered == f"{_OURS}-":
        raise PluginError(
            f"{given!r} is seqpipe's own name: give your plugin another one, such as my-cells"
        )
    # Lower-casing turns a few other letters into ASCII.
    if not (given.isascii() and _GOOD.fullmatch(stem)):
        raise PluginError(
            f"{given!r} isn't a valid plugin name: it must begin with a letter from a to z, followed by letters, "
            f"digits, and single - or _ between them, such as {_suggest(stem)}"
        )
    plugin, distribution = stem.replace("-", "_"), f"{_OURS}-{stem}"
    if plugin in taken:
        raise PluginError(_taken(plugin, stem, taken))
    return Names(plugin, distribution, distribution.replace("-", "_"))


def _taken(plugin: str, stem: str, taken: Collection[str]) -> str:
    near = (f"{stem}-{number}" for number in itertools.count(2))
    free = next(name for name in near if name.replace("-", "_") not in taken)
    return f"a plugin named {plugin!r} is already installed: choose another name, such as {free}"


def _suggest(stem: str) -> str:
    near = re.sub(r"[^a-z0-9]+", "-", stem).strip("-").lstrip("0123456789-")
    return near if near not in ("", _OURS) else "my-cells"


def find_kind(name: str) -> Kind:
    """Return a kind of part by its name.

    Raises:
        ValueError: There's no such kind.
    """
    if name not in KINDS:
        meant = f"; {did_you_mean(near)}" if (near := nearest(name, KINDS)) else ""
        raise ValueError(f"{name!r} isn't a kind of part: choose from {', '.join(KINDS)}{meant}")
    return KINDS[name]


# In ``templates/``, the folder ``common`` has the files of every plugin, and a folder for each kind those of that
# kind only. The names of files and folders are templates too. Other templates include those in ``fragments``.

_ENDING: Final = ".jinja"


def render(kind: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return the files of a plugin that provides a part of `kind`, by their POSIX paths, sorted.

    Args:
        kind: One of `seqpipe.kinds.KINDS`.
        values: The variables of the templates.
    """
    environment = _environment()
    files = {}
    for template in environment.list_templates(extensions=[_ENDING[1:]]):
        folder, _, path = template.partition("/")
        if folder in ("common", kind):
            name = environment.from_string(path.removesuffix(_ENDING)).render(values)
            files[name] = environment.get_template(template).render(values)
    return dict(sorted(files.items()))


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("seqpipe.scaffold", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def write_new(folder: Path, files: Mapping[str, str]) -> None:
    r"""Write files into a new or empty folder, all or none, as UTF-8 with "\n" between lines.

    They're written to a temporary folder next to it first, so that a failure leaves nothing behind.

    Args:
        folder: The folder.
        files: The contents of the files by their POSIX paths in the folder.

    Raises:
        PluginError: There's something in it already, or it can't be written.
    """
    part = folder.with_name(f".{folder.name}.part-{secrets.token_hex(4)}")
    try:
        _check_free(folder)
        _write(part, files)
        if folder.exists():
            folder.rmdir()  # Windows can't rename onto a folder, not even an empty one.
        part.rename(folder)
    except OSError as error:
        raise PluginError(
            f"{folder} can't be written ({error.strerror or error}): choose another name or place"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _check_free(folder: Path) -> None:
    if not folder.parent.is_dir():
        raise PluginError(f"there's no folder {folder.parent}: create it first, or choose another")
    if folder.is_symlink() or (folder.exists() and not _is_empty_folder(folder)):
        raise PluginError(
            f"{folder} already exists, and nothing is overwritten: move it away, or choose another "
            "name or place"
        )


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _write(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir()
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


@dataclass(frozen=True)
class Created:
    """The package of a plugin that was created.

    Attributes:
        folder: Where it is.
        plugin: The entry point: "my_cells".
        distribution: What `pip` installs: "seqpipe-my-cells".
        module: What Python imports: "seqpipe_my_cells".
        part: The full name of its part: "my_cells.PeepholeLSTM.v1".
        files: The paths of its files, including that of the folder.
    """

    folder: Path
    plugin: str
    distribution: str
    module: str
    part: str
    files: list[Path]


def new_plugin(
    name: str, kind: str, *, parent: Path = Path(), taken: Collection[str] = ()
) -> Created:
    """Create the package of a plugin that provides a working part, with tests and an example.

    It's written completely or not at all, into a new or empty folder.

    Args:
        name: Its name, with the prefix "seqpipe-" or without: "my-cells".
        kind: The kind of part that it provides, one of `seqpipe.kinds.KINDS`.
        parent: The folder to create the package's own folder in.
        taken: The names of other plugins.

    Raises:
        PluginError: The name is invalid or taken, the folder isn't empty, or it can't be written.
        ValueError: There's no such kind.
    """
    found = find_kind(kind)
    names = make_names(name, taken)
    folder = parent / names.distribution
    files = render(kind, _values(names, found))
    write_new(folder, files)
    return Created(
        folder,
        names.plugin,
        names.distribution,
        names.module,
        _part(names, found),
        [folder / path for path in files],
    )


def _part(names: Names, kind: Kind) -> str:
    return f"{names.plugin}.{kind.example}.v1"


def _values(names: Names, kind: Kind) -> dict[str, str]:
    return {
        "plugin": names.plugin,
        "distribution": names.distribution,
        "module": names.module,
        "kind": kind.name,
        "one": kind.one,
        "class": kind.example,
        "part": _part(names, kind),
        "summary": kind.summary,
        "requirement": f"seqpipe{_supported(Version(seqpipe.__version__))}",
    }


def _supported(version: Version) -> str:
    """Return the versions from this one up to the next major one."""
    # 1.4 is above 1.4rc1, which couldn't install the plugins that it created.
    least = version.public if version.is_prerelease else f"{version.major}.{version.minor}"
    return f">={least},<{version.major + 1}"

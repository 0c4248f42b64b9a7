"""Makes the package of a new plugin."""

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

# The names of a plugin, all made from the one that its author gives.


_OURS: Final = "seqpipe"
_GOOD: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Names:
    """What a plugin is called, and where.

    Attributes:
        plugin: The entry point, with which its parts' names begin: "my_cells".
        distribution: What `pip` installs, and the name of its folder: "seqpipe-my-cells".
        module: What Python imports: "seqpipe_my_cells".
    """

    plugin: str
    distribution: str
    module: str


def make_names(given: str, taken: Collection[str] = ()) -> Names:
    """Make the names of a plugin from the one given: "My_Cells", or "seqpipe-my-cells".

    The module's name begins with "seqpipe_", so keywords and names of Python's own modules do no harm.

    Args:
        given: What the author gives.
        taken: The names that other plugins have.

    Raises:
        PluginError: Nothing that Python and `pip` both accept can be made of it, or it's taken.
    """
    lowered = re.sub(r"[-_]+", "-", given.lower())
    stem = lowered.removeprefix(f"{_OURS}-")
    if stem == _OURS or lowered == f"{_OURS}-":
        raise PluginError(
            f"{given!r} is seqpipe's own name: give your plugin another one, such as my-cells"
        )
    # Lower case makes ASCII letters of a few others.
    if not (given.isascii() and _GOOD.fullmatch(stem)):
        raise PluginError(
            f"{given!r} can't be a plugin's name: it takes a letter from a to z first, then letters, "
            f"digits, and single - or _ between them, such as {_suggest(stem)}"
        )
    plugin, distribution = stem.replace("-", "_"), f"{_OURS}-{stem}"
    if plugin in taken:
        raise PluginError(_taken(plugin, stem, taken))
    return Names(plugin, distribution, distribution.replace("-", "_"))


def _taken(plugin: str, stem: str, taken: Collection[str]) -> str:
    near = (f"{stem}-{number}" for number in itertools.count(2))
    free = next(name for name in near if name.replace("-", "_") not in taken)
    return (
        f"a plugin called {plugin!r} is installed already: give yours another name, such as {free}"
    )


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


# Templates to texts.
#
# Below ``templates/`` the folder ``common`` holds what every plugin has, and one folder for each kind what only
# that has. The names of files and folders are templates too. What stands in ``fragments`` is included by others.


_ENDING: Final = ".jinja"


def render(kind: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return the files of a plugin that offers a part of `kind`, by their POSIX paths, sorted.

    Args:
        kind: One of `seqpipe.kinds.KINDS`.
        values: What the templates may name.
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


# Writes a new folder, whole or not at all.


def write_new(folder: Path, files: Mapping[str, str]) -> None:
    r"""Write files into a folder that's new or empty, as UTF-8 with "\n" between lines.

    They're written beside it first, so that a failure leaves nothing.

    Args:
        folder: Where to.
        files: Their texts, by their POSIX paths in the folder.

    Raises:
        PluginError: Something stands there already, or it can't be written.
    """
    part = folder.with_name(f".{folder.name}.part-{secrets.token_hex(4)}")
    try:
        _check_free(folder)
        _write(part, files)
        if folder.exists():
            folder.rmdir()  # Windows moves nothing onto a folder, not even onto an empty one.
        part.rename(folder)
    except OSError as error:
        raise PluginError(
            f"{folder} can't be written ({error.strerror or error}): choose another name or place"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _check_free(folder: Path) -> None:
    if not folder.parent.is_dir():
        raise PluginError(f"there's no folder {folder.parent}: make it first, or choose another")
    if folder.is_symlink() or (folder.exists() and not _is_empty_folder(folder)):
        raise PluginError(
            f"{folder} is there already, and nothing is overwritten: move it away, or choose another "
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
    """A plugin's package, just made.

    Attributes:
        folder: Where it is.
        plugin: The entry point: "my_cells".
        distribution: What `pip` installs: "seqpipe-my-cells".
        module: What Python imports: "seqpipe_my_cells".
        part: The full name of its part: "my_cells.PeepholeLSTM.v1".
        files: The paths of its files, with that of the folder before them.
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
    """Make the package of a plugin that offers a working part, with tests and an example.

    It's written whole or not at all, into a folder that's new or empty.

    Args:
        name: What to call it, with "seqpipe-" before it or without: "my-cells".
        kind: Which kind of part it offers, one of `seqpipe.kinds.KINDS`.
        parent: The folder to make the package's own folder in.
        taken: The names that other plugins have.

    Raises:
        PluginError: The name can't be used or is taken, the folder holds something, or it can't be written.
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
    """Return the versions from this one on, to the next major one."""
    # 1.4 is above 1.4rc1, which couldn't install what it made.
    least = version.public if version.is_prerelease else f"{version.major}.{version.minor}"
    return f">={least},<{version.major + 1}"

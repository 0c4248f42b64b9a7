"""Makes the package of a new plugin."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

import seqpipe
from seqpipe.hookspecs import ONE_OF
from seqpipe.scaffold._kinds import Example, find_example
from seqpipe.scaffold._names import Names, make_names
from seqpipe.scaffold._render import render
from seqpipe.scaffold._write import write_new


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
        kind: Which kind of part it offers, one of `seqpipe.hookspecs.KINDS`.
        parent: The folder to make the package's own folder in.
        taken: The names that other plugins have.

    Raises:
        PluginError: The name can't be used or is taken, the folder holds something, or it can't be written.
        ValueError: There's no such kind.
    """
    example = find_example(kind)
    names = make_names(name, taken)
    folder = parent / names.distribution
    files = render(kind, _values(names, kind, example))
    write_new(folder, files)
    return Created(
        folder,
        names.plugin,
        names.distribution,
        names.module,
        _part(names, example),
        [folder / path for path in files],
    )


def _part(names: Names, example: Example) -> str:
    return f"{names.plugin}.{example.name}.v1"


def _values(names: Names, kind: str, example: Example) -> dict[str, str]:
    return {
        "plugin": names.plugin,
        "distribution": names.distribution,
        "module": names.module,
        "kind": kind,
        "one": ONE_OF[kind],
        "class": example.name,
        "part": _part(names, example),
        "summary": example.summary,
        "requirement": f"seqpipe{_supported(Version(seqpipe.__version__))}",
    }


def _supported(version: Version) -> str:
    """Return the versions from this one on, to the next major one."""
    # 1.4 is above 1.4rc1, which couldn't install what it made.
    least = version.public if version.is_prerelease else f"{version.major}.{version.minor}"
    return f">={least},<{version.major + 1}"

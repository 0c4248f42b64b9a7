"""The names of a plugin, all made from the one that its author gives."""

import itertools
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from seqpipe.errors import PluginError

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

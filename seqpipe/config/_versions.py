"""The versions of a part: names that differ in the number at their end, as "seqpipe.FastText.v1" and ".v2"."""

import re
from typing import Final

from seqpipe import plugins
from seqpipe.plugins import Part

_VERSION: Final = re.compile(r"(.+)\.v(\d+)")


def newer_versions(kind: str, name: str) -> list[Part]:
    """Return what's newer than a part that's loaded, the newest last; nothing if its name has no version.

    Raises:
        PluginError: Its plugin can't be used.
    """
    match = _VERSION.fullmatch(name)
    if match is None:
        return []
    stem, number = match[1], int(match[2])
    versions = {
        int(other[2]): part
        for part in plugins.host().load(name.partition(".")[0]).parts[kind].values()
        if (other := _VERSION.fullmatch(part.name)) and other[1] == stem
    }
    return [versions[each] for each in sorted(versions) if each > number]

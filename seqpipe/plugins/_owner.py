"""The distribution that a plugin comes from, and whether that supports this release of seqpipe."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from seqpipe import __version__


def canonical_name(distribution: str) -> str:
    """Return a distribution's name in the one spelling that PEP 503 gives it: "Seqpipe_Graph" is "seqpipe-graph".

    `packaging.utils` does the same, and takes 20 ms to import.
    """
    return re.sub(r"[-_.]+", "-", distribution).lower()


@dataclass(frozen=True)
class Owner:
    """The distribution that a plugin comes from, such as ``seqpipe-chinese 0.1.0``.

    Attributes:
        name: The distribution's name, as `pip` knows it.
        version: Its version; "" if the plugin belongs to no distribution, or to one that's damaged.
        requires: Its requirements, in the form of PEP 508.
        folder: The author's working copy, if messages are addressed to the author.
    """

    name: str
    version: str
    requires: tuple[str, ...] = field(default=(), repr=False, compare=False)
    folder: Path | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.name} {self.version}".rstrip()

    @property
    def is_distribution(self) -> bool:
        """Whether there's a distribution, which can be installed elsewhere."""
        return bool(self.version)

    @property
    def is_seqpipe(self) -> bool:
        """Whether that's seqpipe itself."""
        return canonical_name(self.name) == "seqpipe"

    def unmet(self) -> str | None:
        """Return the distribution's requirement of seqpipe, if this release doesn't satisfy it."""
        for requirement in self.requirements("seqpipe"):
            if not requirement.specifier.contains(__version__, prereleases=True):
                return f"seqpipe{requirement.specifier}"
        return None

    def requirements(self, name: str = "") -> Iterable[Any]:
        """Yield what the distribution needs here, as `packaging.requirements.Requirement`.

        What can't be read is left out.

        Args:
            name: Of which distribution, in its canonical spelling; "" for all.
        """
        lines = [line for line in self.requires if name in canonical_name(line)]
        if not lines:
            return
        # Takes 40 ms to import, a tenth of what showing a plugin takes.
        from packaging.requirements import Requirement

        for line in lines:
            try:
                requirement = Requirement(line)
                is_needed = not requirement.marker or requirement.marker.evaluate({"extra": ""})
            except ValueError:  # the base of what packaging raises for what's no requirement
                continue
            if is_needed and name in ("", canonical_name(requirement.name)):
                yield requirement


def owner_of(entry_point: EntryPoint, folder: Path | None = None) -> Owner:
    """Return the distribution that declares an entry point.

    Unreadable metadata is left out. Without a name, the entry point's module is used instead.
    """
    name = read_metadata(entry_point.dist, "name") or entry_point.value
    requires = tuple(read_metadata(entry_point.dist, "requires") or ())
    return Owner(name, read_metadata(entry_point.dist, "version") or "", requires, folder)


def read_metadata(distribution: Any, attribute: str) -> Any:
    """Return metadata of a distribution, or None if its files are missing or damaged."""
    try:
        return getattr(distribution, attribute, None)
    except Exception:  # each Python version raises something else for missing or damaged files
        return None

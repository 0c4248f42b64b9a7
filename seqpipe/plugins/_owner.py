"""Who a plugin belongs to, and whether it's made for this release of seqpipe."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from seqpipe import __version__


@dataclass(frozen=True)
class Owner:
    """The distribution that a plugin comes from, such as ``seqpipe-chinese 0.1.0``.

    Attributes:
        name: The distribution's name, as `pip` knows it.
        version: Its version; "" if the plugin belongs to no distribution.
        requires: What it says it needs, as PEP 508 writes it.
    """

    name: str
    version: str
    requires: tuple[str, ...] = field(default=(), repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.name} {self.version}".rstrip()

    @property
    def is_distribution(self) -> bool:
        """Whether there's a distribution, which could be installed somewhere else too."""
        return bool(self.version)

    @property
    def is_seqpipe(self) -> bool:
        """Whether that's seqpipe itself."""
        return canonicalize_name(self.name) == "seqpipe"

    def unmet(self) -> str | None:
        """Return what the distribution asks of seqpipe, if this release isn't that."""
        for requirement in self.requirements():
            if canonicalize_name(requirement.name) == "seqpipe" and not (
                requirement.specifier.contains(__version__, prereleases=True)
            ):
                return f"seqpipe{requirement.specifier}"
        return None

    def requirements(self) -> Iterable[Requirement]:
        """Yield what the distribution needs here; what can't be read is left out."""
        for line in self.requires:
            try:
                requirement = Requirement(line)
            except InvalidRequirement:
                continue
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                yield requirement


def owner_of(entry_point: EntryPoint) -> Owner:
    """Return the distribution that an entry point stands in."""
    distribution = entry_point.dist
    if distribution is None:
        return Owner(entry_point.value, "")
    requires = tuple(getattr(distribution, "requires", None) or ())
    return Owner(distribution.name, distribution.version, requires)

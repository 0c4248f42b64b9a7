"""The entry points that claim plugins' names, and which of these claims stand."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name

from seqpipe.plugins._owner import Owner, owner_of, read_metadata
from seqpipe.plugins._trouble import Trouble, said, tell_authors

BUILTIN: Final = "seqpipe"


@dataclass(frozen=True, eq=False)
class Claim:
    """An entry point, which claims a plugin's name.

    Attributes:
        entry_point: Names the plugin and its module.
        owner: The distribution that the entry point stands in.
    """

    entry_point: EntryPoint
    owner: Owner

    @property
    def name(self) -> str:
        """The plugin's name."""
        return self.entry_point.name

    @property
    def is_builtin(self) -> bool:
        """Whether it's the one of seqpipe's own parts."""
        ours = (self.name, self.entry_point.value) == (BUILTIN, "seqpipe.builtin")
        return ours and (self.owner.is_seqpipe or not self.owner.is_distribution)


def installed_entry_points(group: str) -> tuple[list[EntryPoint], dict[Owner, Trouble]]:
    """Return the entry points of a group, and the distributions whose entry points can't be read.

    One damaged file, in whatever distribution, is enough to keep Python from reading any.
    """
    try:
        return list(entry_points(group=group)), {}
    except Exception:  # whatever the file's text or its encoding brings about
        found: list[EntryPoint] = []
        damaged: dict[Owner, Trouble] = {}
        for distribution in distributions():
            try:
                found += distribution.entry_points.select(group=group)
            except Exception as error:
                owner = Owner(read_metadata(distribution, "name") or "?", "")
                damaged.setdefault(owner, _damaged(distribution, owner, error))
        return found, damaged


def _damaged(distribution: Distribution, owner: Owner, error: Exception) -> Trouble:
    folder = getattr(distribution, "_path", None)
    file = f"{folder}/entry_points.txt" if folder else "its entry_points.txt"
    return Trouble(
        f"the entry points of {owner} can't be read ({said(error)}): {file} is damaged, and spaCy, which "
        "reads those of all distributions, can't be used either",
        f"pip install --force-reinstall {owner.name}, or pip uninstall {owner.name}",
    )


def read_claims(entry_points: Iterable[EntryPoint], folder: Path | None = None) -> list[Claim]:
    """Return the claims that entry points make, sorted by name.

    What's the same in all but the version is one claim, the first: a distribution may be found
    twice, as where it was installed over an older one that left its metadata behind.

    Args:
        entry_points: What makes them.
        folder: Where the author of all of them is at work, if that's who is told what's wrong with them.
    """
    claims: dict[tuple[str, str, str], Claim] = {}
    for entry_point in entry_points:
        owner = owner_of(entry_point, folder)
        same = (entry_point.name, entry_point.value, canonicalize_name(owner.name))
        claims.setdefault(same, Claim(entry_point, owner))
    return sorted(claims.values(), key=lambda claim: (claim.name, str(claim.owner)))


def contest(claim: Claim, claims: Sequence[Claim]) -> Trouble | None:
    """Return why a claim doesn't stand beside the others, or None if it does."""
    if claim.is_builtin:
        return None
    name, owner = claim.name, claim.owner
    if name == BUILTIN:
        return Trouble(
            f"{owner} claims the plugin name {BUILTIN!r}, which is that of seqpipe's own parts",
            f"pip uninstall {owner.name}, or rename its entry point",
        )
    rivals = [other for other in claims if other.name == name]
    if len(rivals) == 1:
        return None
    owners = list(dict.fromkeys(str(rival.owner) for rival in rivals))
    if len(owners) == 1:
        modules = " and ".join(sorted(rival.entry_point.value for rival in rivals))
        return Trouble(
            f"{owner} claims the plugin name {name!r} more than once: for {modules}",
            tell_authors(owner),
        )
    together = "both" if len(owners) == 2 else "all"
    return Trouble(
        f"{' and '.join(owners)} {together} claim the plugin name {name!r}",
        f"pip uninstall {' or '.join(rival.owner.name for rival in rivals)}: only one may have it",
    )

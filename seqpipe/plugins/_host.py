"""Knows all installed plugins, and loads each when a part of it is asked for."""

import functools
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name

from seqpipe.errors import PluginError
from seqpipe.kinds import KINDS
from seqpipe.messages import did_you_mean, nearest
from seqpipe.plugins._load import load_parts
from seqpipe.plugins._owner import Owner, owner_of, read_metadata
from seqpipe.plugins._package import absent, check_package
from seqpipe.plugins._part import Part
from seqpipe.plugins._plugin import Plugin
from seqpipe.plugins._trouble import Trouble, TroubleError, said, tell_authors

# The entry points that claim plugins' names, and which of these claims stand.


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


GROUP: Final = "seqpipe"
ALLOWED: Final = "SEQPIPE_PLUGINS"
STRICT: Final = "SEQPIPE_STRICT_PLUGINS"

_MAKING: Final = threading.Lock()


class Host:
    """Knows the installed plugins by their entry points, and imports one when it's asked for a part.

    A plugin that can't be used is quarantined: it's told when somebody asks for it, and does no harm
    to the others. Each is imported once at most, whatever comes of it.

    One lock is held while a plugin is imported. So a plugin shouldn't ask for parts when it's imported:
    a thread that imports its module by itself could wait for one that loads it here, and the other way round.

    Args:
        claims: The entry points to choose from; by default those of the installed distributions in
            the group ``seqpipe``.
        allowed: The names of the plugins that may be used beside seqpipe's own; None for all.
        strict: Whether a plugin in quarantine is an error for all others too, and so is a part that can't be
            had, and a name in `allowed` that no installed plugin has.
        folder: Where the author of all of them is at work, if that's who is told what's wrong with them.
    """

    def __init__(
        self,
        claims: Iterable[EntryPoint] | None = None,
        *,
        allowed: Collection[str] | None = None,
        strict: bool = False,
        folder: Path | None = None,
    ) -> None:
        damaged: dict[Owner, Trouble] = {}
        if claims is None:
            claims, damaged = installed_entry_points(GROUP)
        self._damaged = [
            Plugin(owner.name, owner, "quarantined", trouble=trouble)
            for owner, trouble in damaged.items()
        ]
        self._claims = read_claims(claims, folder)
        self._allowed = allowed
        self._strict = strict
        self._settled: dict[Claim, Plugin] = {}
        # The names of plugins and parts.
        self._loading: set[str] = set()
        self._lock = threading.RLock()

    @property
    def plugin_names(self) -> list[str]:
        """The names of the installed plugins, sorted; none is imported for this."""
        return sorted({claim.name for claim in self._claims})

    @property
    def owners(self) -> list[Owner]:
        """The distributions that the installed plugins come from; none is imported for this."""
        return list(dict.fromkeys(claim.owner for claim in self._claims))

    @property
    def loaded(self) -> list[Plugin]:
        """The plugins that have been loaded so far."""
        return [plugin for plugin in list(self._settled.values()) if plugin.state == "loaded"]

    @property
    def missing(self) -> list[str]:
        """The names that are allowed but that no installed plugin has, sorted."""
        return sorted(set(self._allowed or ()) - set(self.plugin_names))

    @property
    def is_strict(self) -> bool:
        """Whether any plugin in quarantine is an error."""
        return self._strict

    def check_environment(self) -> None:
        """Check that the entry points of all distributions can be read, as spaCy reads them too.

        Raises:
            PluginError: Those of some can't.
        """
        if self._damaged:
            raise PluginError("\n  ".join(str(plugin.trouble) for plugin in self._damaged))

    def survey(self, *, on_plugin: Callable[[str], object] | None = None) -> list[Plugin]:
        """Import every plugin that's allowed, and return what became of each that's installed.

        Args:
            on_plugin: Called with the name of each before it's imported, which may take a while.
        """
        plugins = []
        with self._lock:
            for claim in self._claims:
                if on_plugin:
                    on_plugin(claim.name)
                plugins.append(self._settle(claim))
        return [*plugins, *self._damaged]

    def broken_parts(self) -> list[tuple[Part, Trouble]]:
        """Return the parts of all plugins that can't be had, and why.

        If the host is strict, every part is imported to find out. Otherwise none is, and only those are
        found whose modules don't exist.
        """
        with self._lock:
            parts = [part for plugin in self.survey() for part in plugin.all_parts]
            found = [(part, self._find_trouble(part)) for part in parts]
        return [(part, trouble) for part, trouble in found if trouble]

    def load(self, name: str) -> Plugin:
        """Import and verify a plugin; a second call returns what the first did.

        Raises:
            PluginError: There's no such plugin, it isn't allowed, two distributions claim its name,
                importing it failed, or it breaks the contract of `seqpipe.hookspecs`. If the host
                is strict: the same of any other.
        """
        # Without the lock, which another thread may hold while it waits for an import of this one.
        ready = None if self._strict else self._loaded(name)
        return ready or self._load(name)

    def find(self, kind: str, name: str) -> Part:
        """Return the part called `name`, such as "seqpipe.LSTM.v1", importing only its owner.

        Raises:
            PluginError: As `load`, or the plugin offers no such part; the message suggests near names.
        """
        plugin = self.load(name.partition(".")[0])
        if name not in plugin.parts[kind]:
            raise PluginError(_no_such_part(plugin, kind, name))
        return plugin.parts[kind][name]

    def owners_of(self, name: str) -> list[Owner]:
        """Return the distributions that have a plugin of that name, whether it can be used or not."""
        return [claim.owner for claim in self._claims if claim.name == name]

    def _loaded(self, name: str) -> Plugin | None:
        return next((plugin for plugin in self.loaded if plugin.name == name), None)

    def _load(self, name: str) -> Plugin:
        with self._lock:
            # What asks for another's part when it's imported is itself being judged.
            if not self._loading:
                self.insist()
            found = [self._settle(claim) for claim in self._claims if claim.name == name]
            if plugin := self._loaded(name):
                return plugin
            raise PluginError(str(found[0].trouble) if found else self._not_installed(name))

    def insist(self) -> None:
        """Make sure that all is well, if the host is strict.

        Raises:
            PluginError: It is, and some plugins or parts can't be used; all of them are listed.
        """
        if not self._strict:
            return
        broken = [str(plugin.trouble) for plugin in self.survey() if plugin.state == "quarantined"]
        broken += [str(trouble) for _, trouble in self.broken_parts()]
        broken += [
            f"{ALLOWED} lists {name!r}; {self._not_installed(name)}" for name in self.missing
        ]
        if broken:
            lines = "".join(f"\n  {line}" for line in broken)
            raise PluginError(f"{STRICT} is set, and not every plugin can be used:{lines}")

    def _find_trouble(self, part: Part) -> Trouble | None:
        self._loading.add(part.name)
        try:
            return part.find_trouble(imports=self._strict)
        finally:
            self._loading.discard(part.name)

    def _settle(self, claim: Claim) -> Plugin:
        if claim not in self._settled:
            self._settled[claim] = self._judge(claim)
        return self._settled[claim]

    def _judge(self, claim: Claim) -> Plugin:
        name, owner = claim.name, claim.owner
        if trouble := self._not_allowed(claim):
            return Plugin(name, owner, "not allowed", trouble=trouble)
        if trouble := contest(claim, self._claims):
            return Plugin(name, owner, "quarantined", trouble=trouble)
        if name in self._loading:
            raise PluginError(
                f"the plugin {name!r} of {owner} is asked for while it's being imported: parts should be "
                "asked for when they're used"
            )
        self._loading.add(name)
        start = time.perf_counter()
        try:
            parts = load_parts(claim.entry_point, owner)
        except TroubleError as error:
            seconds = time.perf_counter() - start
            return Plugin(name, owner, "quarantined", seconds, trouble=error.trouble)
        finally:
            self._loading.discard(name)
        return Plugin(name, owner, "loaded", time.perf_counter() - start, parts)

    def _not_allowed(self, claim: Claim) -> Trouble | None:
        if self._allowed is None or claim.name in self._allowed or claim.is_builtin:
            return None
        listed = ",".join(sorted(self._allowed))
        return Trouble(
            f"the plugin {claim.name!r} of {claim.owner} isn't allowed, as {ALLOWED} is {listed!r}",
            f"add {claim.name} to it, or unset it to allow all",
        )

    def _not_installed(self, name: str) -> str:
        return (
            f"no installed plugin is called {name!r}; installed: {', '.join(self.plugin_names)}"
            + _suggestion(name, self.plugin_names)
        )


def _no_such_part(plugin: Plugin, kind: str, name: str) -> str:
    other = [k for k in KINDS if name in plugin.parts[k]]
    if other:
        return f"{name!r} of {plugin.owner} is one of its {other[0]}, not of its {kind}"
    names = sorted(plugin.parts[kind])
    offered = f"it offers {', '.join(names)}" if names else "it offers none"
    return f"{plugin.owner} has no {name!r} among its {kind}: {offered}" + _suggestion(name, names)


def _suggestion(name: str, names: Iterable[str]) -> str:
    near = nearest(name, names)
    return f"; {did_you_mean(near)}" if near else ""


def host() -> Host:
    """Return the host of the plugins installed in this environment.

    ``SEQPIPE_PLUGINS``, names separated by commas, says which may be used beside seqpipe's own; empty,
    none. ``SEQPIPE_STRICT_PLUGINS=1`` makes it strict.
    """
    with _MAKING:  # the cache alone would let two threads make one each
        return _installed()


@functools.cache
def _installed() -> Host:
    listed = os.environ.get(ALLOWED)
    allowed = None if listed is None else {name.strip() for name in listed.split(",")} - {""}
    strict = os.environ.get(STRICT, "").lower() not in ("", "0", "false", "no")
    return Host(allowed=allowed, strict=strict)


def find_part(kind: str, name: str, *, package: str | None = None) -> Part:
    """Return an installed part.

    Args:
        kind: One of `seqpipe.kinds.KINDS`.
        name: Such as "seqpipe.LSTM.v1".
        package: The package that's on record for it; see `seqpipe.plugins._package`.

    Raises:
        PluginError: As `Host.find`, or it's not from that package.
    """
    try:
        part = host().find(kind, name)
    except PluginError as error:
        if package is None:
            raise
        owners = host().owners_of(name.partition(".")[0])
        raise absent(name, package, error, owners) from error
    if package is not None and part.takes_package:
        check_package(package, name, part.owner)
    return part
